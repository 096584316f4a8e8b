"""Principal components: the best linear code of so many numbers, which any other code has to beat (N 10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LinearCode:
    """mean (D,), directions (d, D) of largest variance and the deviation along each, (d,)."""

    mean: np.ndarray
    directions: np.ndarray
    deviations: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, numbers: int) -> LinearCode:
        """From rows (N, D). Raises ValueError for more numbers than rows or columns."""
        rows = rows.reshape(len(rows), -1).astype(np.float64)
        if not 1 <= numbers <= min(rows.shape):
            raise ValueError(f"LinearCode: {numbers} numbers are not between 1 and {min(rows.shape)}")
        mean = rows.mean(0)
        _, values, directions = np.linalg.svd(rows - mean, full_matrices=False)
        return cls(mean, directions[:numbers], values[:numbers] / np.sqrt(max(1, len(rows) - 1)))

    def encode(self, rows: np.ndarray) -> np.ndarray:
        """(N, ...) to (N, d)."""
        return (rows.reshape(len(rows), -1) - self.mean) @ self.directions.T

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(N, d) to (N, D)."""
        return codes @ self.directions + self.mean

    def error(self, rows: np.ndarray) -> float:
        """Mean squared difference of a value from what its code gives back."""
        flat = rows.reshape(len(rows), -1)
        return float(((self.decode(self.encode(rows)) - flat) ** 2).mean())
