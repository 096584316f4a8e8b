"""How well a score tells two kinds apart: the area under the receiver operating characteristic."""

from __future__ import annotations

import numpy as np


def auroc(scores: np.ndarray, positive: np.ndarray) -> float:
    """The probability that a positive has a higher score than a negative, ties counting a half: scores and truths (N,). By the
    sum of ranks (Mann and Whitney, 1947), equal scores sharing their mean rank; nan where one kind is missing."""
    high = int(positive.sum())
    if high in (0, len(scores)):
        return float("nan")
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[group]
    return float((ranks[positive].sum() - high * (high + 1) / 2) / (high * (len(scores) - high)))
