"""How good a segmentation is, from counts of pixels (L 6.4)."""

from __future__ import annotations

import numpy as np


def intersection_over_union(confusion: np.ndarray) -> np.ndarray:
    """TP / (TP + FP + FN) of each class, from counts (true class, predicted class); nan for one that neither has."""
    right = np.diag(confusion).astype(np.float64)
    either = confusion.sum(axis=0) + confusion.sum(axis=1) - right
    return np.divide(right, either, out=np.full(len(right), np.nan), where=either > 0)


def mean_iou(confusion: np.ndarray) -> float:
    """Over the classes that occur; nan where there are no pixels."""
    known = intersection_over_union(confusion)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else float("nan")


def pixel_accuracy(confusion: np.ndarray) -> float:
    """The share of pixels whose class is right; nan where there are none."""
    total = int(confusion.sum())
    return float(np.trace(confusion)) / total if total else float("nan")
