"""Texts as features: how often each word occurs, words sorted into a fixed number of places by a hash."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import numpy as np

WORD = re.compile(r"\w+", re.UNICODE)


def hashed_words(texts: Sequence[str], places: int, train: np.ndarray) -> np.ndarray:
    """Float32 (N, places): (1 + log count) times the inverse document frequency log((1 + T) / (1 + df)) + 1 over the
    T training texts, each row of length 1 (Salton and Buckley, 1988). Words and pairs of words, in lower case."""
    counts = np.zeros((len(texts), places), np.float32)
    for row, text in enumerate(texts):
        words = WORD.findall(text.lower())
        for term in [*words, *(f"{a} {b}" for a, b in zip(words, words[1:]))]:
            counts[row, zlib.crc32(term.encode("utf-8", "surrogatepass")) % places] += 1
    weights = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0)
    frequency = (counts[train] > 0).sum(0)
    weights *= np.log((1 + len(train)) / (1 + frequency)) + 1
    return (weights / np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-12)).astype(np.float32)
