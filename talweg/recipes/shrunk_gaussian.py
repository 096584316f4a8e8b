"""The normal distribution of some rows, its covariance shrunk towards a multiple of the identity: the baseline of a flow, and
its first layer.

Ledoit, Wolf, A well-conditioned estimator for large-dimensional covariance matrices (2004): the weight of the identity that
is best in the mean square, told from the rows themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Gaussian:
    """mean (D,) and covariance (D, D), float64; `shrinkage` in [0, 1] is the identity's share."""

    mean: np.ndarray
    covariance: np.ndarray
    shrinkage: float

    @classmethod
    def of(cls, rows: np.ndarray, shrunk: bool = True) -> Gaussian:
        """From rows (N, D), with the best shrinkage or none. Raises ValueError for fewer than two."""
        count, width = rows.shape
        if count < 2:
            raise ValueError(f"Gaussian: {count} rows have no covariance")
        mean = rows.mean(0, dtype=np.float64)
        centred = rows - mean
        sample = centred.T @ centred / count
        if not shrunk:
            return cls(mean, sample, 0.0)
        scale = np.trace(sample) / width
        # How far the sample lies from the identity's multiple, and how far it can be expected to lie from the truth.
        away = ((sample - scale * np.eye(width)) ** 2).sum()
        error = (((centred**2).sum(1) ** 2).sum() / count - (sample**2).sum()) / count
        share = float(np.clip(error / away, 0, 1)) if away > 0 else 1.0
        return cls(mean, (1 - share) * sample + share * scale * np.eye(width), share)

    def log_density(self, rows: np.ndarray) -> np.ndarray:
        """log p of each row, in nats, (N,)."""
        z = (rows - self.mean) @ self.whitening().T
        return -0.5 * (z**2).sum(1) - 0.5 * rows.shape[1] * math.log(2 * math.pi) - 0.5 * self.log_determinant()

    def whitening(self) -> np.ndarray:
        """The symmetric W with W C W = I, (D, D)."""
        values, vectors = np.linalg.eigh(self.covariance)
        return (vectors / np.sqrt(values)) @ vectors.T

    def log_determinant(self) -> float:
        return float(np.linalg.slogdet(self.covariance)[1])
