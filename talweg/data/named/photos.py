"""Two photographs that come with scikit-learn, 427 x 640 pixels: one to learn from, one to test on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..digits import sklearn_datasets
from ..images import read_pixels

FILES = ("china.jpg", "flower.jpg")


@dataclass(frozen=True)
class Photos:
    """uint8 (427, 640, 3) each."""

    train: np.ndarray
    test: np.ndarray


def photo_files() -> list[Path]:
    folder = Path(str(sklearn_datasets("photos").__file__)).parent / "images"
    return [folder / name for name in FILES]


def photos() -> Photos:
    """Train on china.jpg, test on flower.jpg."""
    return Photos(*(read_pixels(path) for path in photo_files()))
