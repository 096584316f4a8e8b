"""How near one picture is to another."""

from __future__ import annotations

import math

import numpy as np


def psnr(found: np.ndarray, wanted: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB: 10 log10(1 / mean square error), for values in [0, 1]; infinite for equal pictures.

    Raises ValueError when shapes differ or there is nothing to compare.
    """
    if found.shape != wanted.shape or not found.size:
        raise ValueError(f"psnr: needs two pictures of one shape, got {list(found.shape)} and {list(wanted.shape)}")
    error = float(np.mean(np.square(found.astype(np.float64) - wanted)))
    return math.inf if error == 0 else -10 * math.log10(error)


def smoothed(picture: np.ndarray, deviation: float) -> np.ndarray:
    """(H, W, C) through a 3x3 Gaussian kernel of this standard deviation in pixels; edges are mirrored."""
    weights = np.exp(-0.5 * (np.arange(-1, 2) / deviation) ** 2)
    weights /= weights.sum()
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="symmetric")
    height, width = picture.shape[:2]
    rows = sum(w * padded[i:i + height] for i, w in enumerate(weights))
    return sum(w * rows[:, i:i + width] for i, w in enumerate(weights))


def best_smoothed(found: np.ndarray, wanted: np.ndarray) -> float:
    """The PSNR of the 3x3 Gaussian that brings `found` nearest to `wanted`: a yardstick that has seen the answer."""
    return max(psnr(np.clip(smoothed(found, d), 0, 1), wanted) for d in np.arange(0.3, 2.05, 0.1))


def roughness(picture: np.ndarray) -> float:
    """Mean absolute difference of neighbouring values: what blur takes away."""
    return float((np.abs(np.diff(picture, axis=0)).mean() + np.abs(np.diff(picture, axis=1)).mean()) / 2)
