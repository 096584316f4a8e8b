"""One token from logits: the best, or a draw from a sharpened and cut distribution (L 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn.

    temperature: logits are divided by it; 0 takes the most probable token. top_k: of the k most probable tokens
    alone. top_p: of the smallest set whose probability reaches p, in (0, 1] (nucleus sampling, Holtzman et al.,
    2020), counted after temperature and top_k. Tokens of `without` are never chosen. Raises ValueError for values outside
    these ranges.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    without: Sequence[int] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < np.inf:
            raise ValueError(f"Sampling: the temperature must be 0 or more, got {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"Sampling: top_k must be 1 or more, got {self.top_k}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"Sampling: top_p must be above 0 and at most 1, got {self.top_p}")

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """(B, V) logits to (B, V) probabilities in float64. Raises ValueError for NaN."""
        logits = np.asarray(logits, np.float64)
        if np.isnan(logits).any():
            raise ValueError("Sampling: the logits hold NaN; the model's weights or inputs are not finite")
        logits = possible(logits, self.without)
        if self.temperature == 0:
            return np.eye(logits.shape[-1])[logits.argmax(-1)]
        logits = logits / self.temperature
        if self.top_k is not None and self.top_k < logits.shape[-1]:
            lowest = np.partition(logits, -self.top_k, -1)[..., -self.top_k, None]
            logits = np.where(logits < lowest, -np.inf, logits)
        found = softmax(logits)
        return found if self.top_p is None else _nucleus(found, self.top_p)

    def choose(self, logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(B, V) logits to (B,) tokens. Each row takes one number of `rng`, also where it has no choice."""
        found = self.probabilities(logits)
        draws = rng.random((found.shape[0], 1))
        return np.minimum((found.cumsum(-1) <= draws * found.sum(-1, keepdims=True)).sum(-1), _last_possible(found))


def possible(logits: np.ndarray, without: Sequence[int]) -> np.ndarray:
    """The logits (B, V), -inf for the tokens of `without`. Raises ValueError where no token is left."""
    if not len(without):
        return logits
    left = logits.copy()
    left[..., list(without)] = -np.inf
    if np.isneginf(left).all(-1).any():
        raise ValueError(f"Sampling: of {logits.shape[-1]} tokens none is left that could be chosen: `without` rules out "
                         f"{len(set(without))}")
    return left


def softmax(logits: np.ndarray) -> np.ndarray:
    """exp(x) / sum exp(x) along the last dimension."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """x - log sum exp(x) along the last dimension."""
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _nucleus(probabilities: np.ndarray, p: float) -> np.ndarray:
    order = np.argsort(-probabilities, -1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, -1)
    # A token stays while those before it have not reached p; so the first always stays.
    kept = np.where(ranked.cumsum(-1) - ranked < p, ranked, 0.0)
    cut = np.zeros_like(probabilities)
    np.put_along_axis(cut, order, kept, -1)
    return cut / cut.sum(-1, keepdims=True)


def _last_possible(probabilities: np.ndarray) -> np.ndarray:
    """Where rounding carries a draw past the end: the last token with a probability."""
    return probabilities.shape[-1] - 1 - (probabilities[..., ::-1] > 0).argmax(-1)
