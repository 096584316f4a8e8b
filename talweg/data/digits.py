"""The 1,797 real handwritten digits that come with scikit-learn: 8x8 pixels, values 0 to 16, ten classes.

They were written by 43 people and lie in an order that follows the writers, so every split is
shuffled and keeps the share of each class. Source: E. Alpaydin and C. Kaynak, Optical Recognition of
Handwritten Digits, UCI (1998).
"""

from __future__ import annotations

import hashlib
import importlib
import warnings
from typing import Any

import numpy as np
from PIL import Image

from ..tensor import from_numpy
from .dataset import TensorDataset
from .order import permutation
from .splits import Splits, stratified

NATIVE = 8
COUNTS = (1200, 237, 360)
SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def raw_digits() -> tuple[np.ndarray, np.ndarray]:
    """All images, uint8 (1797, 8, 8) from 0 to 16, and their labels, int64 (1797,).

    Raises ModuleNotFoundError when scikit-learn is not installed.
    """
    found = sklearn_datasets("the digits").load_digits()
    images = found.images.astype(np.uint8)
    labels = found.target.astype(np.int64)
    digest = hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    if digest != SHA256:
        warnings.warn("digits: this scikit-learn holds other digits than those measured with", stacklevel=2)
    return images, labels


def digits(size: int = 28, seed: int = 0) -> Splits:
    """Training, validation and test split (1200 / 237 / 360), normalised by the training split.

    `size` is the side in pixels: 8 keeps the images, more resizes them bilinearly.
    Images are float32 (N, 1, size, size), labels int64 (N,). Raises ValueError for a size below 8.
    """
    if not isinstance(size, int) or size < NATIVE:
        raise ValueError(f"digits: size must be {NATIVE} pixels or more, got {size!r}")
    images, labels = raw_digits()
    images = resized(images.astype(np.float32) / 16, size)
    parts = stratified(labels, COUNTS, permutation(len(labels), seed, "digits"))
    mean = float(images[parts[0]].mean())
    std = float(images[parts[0]].std())
    images = ((images - mean) / std).astype(np.float32)[:, None]  # (N, 1, size, size)
    train, validation, test = (TensorDataset(from_numpy(images[p]), from_numpy(labels[p])) for p in parts)
    return Splits(
        name="digits", train=train, validation=validation, test=test, classes=[str(i) for i in range(10)],
        input_shape=(1, size, size), mean=mean, std=std, native_size=NATIVE,
    )


def resized(images: np.ndarray, size: int) -> np.ndarray:
    """Float images (N, H, W) at (N, size, size), bilinear; at their own size they are left as they are."""
    if images.shape[1:] == (size, size):
        return images
    larger = (Image.fromarray(i).resize((size, size), Image.Resampling.BILINEAR) for i in images)
    return np.stack([np.asarray(image) for image in larger])


def sklearn_datasets(wanted: str) -> Any:
    """scikit-learn's datasets. Raises ModuleNotFoundError that says what needs them."""
    try:
        return importlib.import_module("sklearn.datasets")
    except ModuleNotFoundError as error:
        verb = "need" if wanted.endswith("s") else "needs"
        raise ModuleNotFoundError(f"{wanted} {verb} scikit-learn: run `pip install talweg[data]`") from error
