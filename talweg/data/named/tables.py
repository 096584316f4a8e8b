"""The small tables that come with scikit-learn: iris, wine, breast_cancer, diabetes, linnerud."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..digits import sklearn_datasets
from ..examples import Examples, content_hash
from ..splits import Splits
from ..to_splits import to_splits


def raw_table(name: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Inputs (N, features) float64, targets, and class names (none where targets are numbers)."""
    found: Any = getattr(sklearn_datasets(name), f"load_{name}")()
    classes = [str(c) for c in found.target_names] if found.target.dtype.kind in "iu" else []
    return np.asarray(found.data, np.float64), np.asarray(found.target), classes


def build_table(name: str, seed: int = 0) -> Splits:
    """The splits of one of the tables: 70, 15 and 15 %, each column standardised by the training rows."""
    x, y, classes = raw_table(name)
    targets = y.astype(np.int64) if classes else y.reshape(len(y), -1).astype(np.float32)
    return to_splits(Examples(
        name=name, inputs=x, targets=targets, classes=classes, where=lambda i: f"{name}: row {i}",
        contents=[content_hash(row) for row in x], finish=functools.partial(_standardised, x),
    ), seed)


def _standardised(x: np.ndarray, train: np.ndarray) -> np.ndarray:
    mean, std = x[train].mean(0), x[train].std(0)
    return ((x - mean) / np.where(std > 0, std, 1)).astype(np.float32)
