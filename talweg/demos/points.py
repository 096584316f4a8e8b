"""Points (x, y) on a line to fit curves to: one column of a table, or a noisy curve whose truth is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..data.digits import sklearn_datasets
from ..data.order import permutation, uniform

CURVE = "curve"
NOISE = 0.25
TABLES = ("breast_cancer", "diabetes", "iris", "wine")


@dataclass(frozen=True)
class Points:
    """x (N,) scaled to [0, 1] and y (N,), float64, in random order; `label` names x, `target` names y."""

    x: np.ndarray
    y: np.ndarray
    label: str
    target: str

    def split(self, first: int) -> tuple[Points, Points]:
        """The first so many, and the others."""
        return (Points(self.x[:first], self.y[:first], self.label, self.target),
                Points(self.x[first:], self.y[first:], self.label, self.target))


def truth(x: np.ndarray) -> np.ndarray:
    """The curve without noise: sin(2 pi x) + x on [0, 1]."""
    return np.sin(2 * math.pi * x) + x


def points_of(data: str, seed: int, count: int = 200) -> Points:
    """`curve` makes `count` points with normal noise; `TABLE:COLUMN` takes all rows of a table of scikit-learn.

    Raises ValueError for another name, a table without such a column, or a column with one value only.
    """
    if data == CURVE:
        return _noisy_curve(count, seed)
    table, colon, column = data.partition(":")
    if table not in TABLES or not colon:
        raise ValueError(f"data {data!r} is neither {CURVE!r} nor TABLE:COLUMN with a table of {', '.join(TABLES)}, such as "
                         "diabetes:bmi")
    return _column(table, column, seed)


def _noisy_curve(count: int, seed: int) -> Points:
    x = uniform(count, seed, "points")
    # Box and Muller's transform: normal numbers that depend on the seed alone.
    size, angle = uniform(count, seed, "noise"), uniform(count, seed, "angle")
    noise = np.sqrt(-2 * np.log(size)) * np.cos(2 * math.pi * angle)
    return Points(x, truth(x) + NOISE * noise, "x", "y")


def _column(table: str, column: str, seed: int) -> Points:
    found = getattr(sklearn_datasets(table), f"load_{table}")()
    names = [str(name).replace(" ", "_") for name in found.feature_names]
    if column not in names:
        raise ValueError(f"{table} has no column {column!r}: there are {', '.join(names)}")
    x, y = np.asarray(found.data, np.float64)[:, names.index(column)], np.asarray(found.target, np.float64)
    if np.ptp(x) == 0:
        raise ValueError(f"{table}:{column} has one value only, {x[0]:g}: no curve can be fitted to it")
    order = permutation(len(x), seed, "points")
    return Points(((x - x.min()) / np.ptp(x))[order], y[order], column.replace("_", " "), "target")
