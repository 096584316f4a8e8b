"""Cutting samples into disjoint parts: by a seed, with each class's share in each part, groups kept whole (L 3.5).

Samples of equal content are a group too: a duplicate on both sides of a cut would be a leak.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .order import permutation

FRACTIONS = (0.7, 0.15, 0.15)


def partition(
    labels: np.ndarray, fractions: Sequence[float], seed: int, groups: np.ndarray | None = None
) -> list[np.ndarray]:
    """Index arrays, one a fraction, sorted; disjoint, and together all samples.

    `labels` (N,) are class numbers (all 0 where there are none), `groups` (N,) whatever can be compared: equal
    values stay in one part. Groups go, large ones first and otherwise in an order drawn from the seed, each to the
    part that lacks the most of its classes. Without large groups every class's share is met to within two samples.
    Raises ValueError for fractions that do not add up to 1 and for parts that would be empty.
    """
    shares = np.asarray(fractions, np.float64)
    if shares.ndim != 1 or np.any(shares <= 0) or not np.isclose(shares.sum(), 1):
        raise ValueError(f"partition: fractions must be positive and add up to 1, got {list(fractions)}")
    numbers = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1].reshape(-1)
    alone = len(np.unique(numbers)) == len(numbers)
    chosen = _dealt_alone(_classes(labels), shares, seed) if alone else _dealt(_classes(labels), numbers, shares, seed)[numbers]
    parts = [np.flatnonzero(chosen == p) for p in range(len(shares))]
    if any(len(part) == 0 for part in parts):
        count = len(np.unique(numbers))
        groups_told = f" in {count} groups that belong together" if count < len(labels) else ""
        raise ValueError(f"{len(labels)} samples{groups_told} are too few for {len(shares)} parts (training, validation and "
                         f"test, as far as they are not given): none may be empty, so give more of them")
    return parts


def _classes(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels, return_inverse=True)[1].reshape(-1)


def _dealt_alone(labels: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """The part of each sample where none belong together: each class is dealt in the same turn, at once."""
    shuffled = permutation(len(labels), seed, "partition")
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    sizes = np.bincount(labels)
    turn = _turn(int(sizes.max(initial=0)), shares)
    chosen = np.empty(len(labels), np.int64)
    chosen[by_class] = turn[np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)]
    return chosen


def _turn(count: int, shares: np.ndarray) -> np.ndarray:
    """Which part is served when: always the one that has the least of its share."""
    taken = [0.0] * len(shares)
    steps = (1 / shares).tolist()
    turn = np.empty(count, np.int64)
    for i in range(count):
        part = taken.index(min(taken))
        taken[part] += steps[part]
        turn[i] = part
    return turn


def _dealt(labels: np.ndarray, groups: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """The part of each group."""
    count = int(groups.max()) + 1 if len(groups) else 0
    sizes = np.bincount(groups, minlength=count)
    by_group = np.argsort(groups, kind="stable")
    ends = np.cumsum(sizes)
    shuffled = permutation(count, seed, "partition")
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    totals = np.bincount(labels).astype(np.float64)
    taken = np.zeros((len(shares), len(totals)))
    chosen = np.zeros(count, np.int64)
    for group in order.tolist():
        found, times = np.unique(labels[by_group[ends[group] - sizes[group]:ends[group]]], return_counts=True)
        lacking = totals[found] - taken[:, found] / shares[:, None]
        part = int(np.argmax(lacking @ times))
        taken[part, found] += times
        chosen[group] = part
    return chosen
