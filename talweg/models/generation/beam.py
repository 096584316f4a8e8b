"""Beam search: the few best unfinished texts are carried on together (Sutskever et al., 2014, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .decoder import CachedDecoder
from .sampling import log_softmax, possible
from .streaming import _rows


@dataclass(frozen=True, order=True)
class Hypothesis:
    """New tokens, without the end, and their score: the sum of log-probabilities over length^penalty."""

    score: float
    tokens: list[int] = field(compare=False)


def beam_search(
    model: Any, prompt: Any, count: int, *, beams: int = 4, end: int | None = None, penalty: float = 1.0,
    source: Any = None, without: Sequence[int] = (),
) -> list[Hypothesis]:
    """The best `beams` continuations of one prompt by up to `count` tokens, best first.

    A text is finished by `end`, or by having `count` tokens. Score: log-probabilities, that of the end included, summed
    and divided by (number of tokens)^penalty; 0 favours short texts, larger values long ones. With beams=1 it is the
    greedy choice. Tokens of `without` are never chosen. Raises ValueError for several prompts, beams or count below 1, and
    as `generate` does.
    """
    rows = _rows(prompt)
    if len(rows) != 1 or beams < 1 or count < 1:
        raise ValueError(f"beam_search: needs one prompt, and beams and count of 1 or more; got {len(rows)} prompts, "
                         f"{beams} beams, count {count}")
    was_training = model.training
    model.eval()
    try:
        decoder = CachedDecoder.start(model, beams, rows.shape[1] + count, source)
        return _Search(decoder, beams, count, end, penalty, without).run(np.repeat(rows, beams, 0))
    finally:
        model.train(was_training)


class _Search:
    """Running texts, one a row of the decoder, and finished ones."""

    def __init__(
        self, decoder: CachedDecoder, beams: int, count: int, end: int | None, penalty: float, without: Sequence[int],
    ) -> None:
        self.decoder, self.beams, self.count, self.end, self.penalty = decoder, beams, count, end, penalty
        self.without = without
        # All rows hold the prompt at first: only one of them counts, or they would stay equal.
        self.sums = np.array([0.0] + [-np.inf] * (beams - 1))
        self.texts: list[list[int]] = [[] for _ in range(beams)]
        self.finished: list[Hypothesis] = []

    def run(self, fed: np.ndarray) -> list[Hypothesis]:
        rows = None
        for length in range(1, self.count + 1):
            logits = self.decoder(fed, rows).astype(np.float64)
            rows = self._extend(self.sums[:, None] + log_softmax(possible(logits, self.without)), length)
            if length == self.count or self._settled(length):
                break
            fed = np.array([text[-1] for text in self.texts])[:, None]
        self._finish_running()
        return sorted(self.finished, reverse=True)[: self.beams]

    def _extend(self, totals: np.ndarray, length: int) -> np.ndarray:
        """Keep the best one-token extensions of (beams, V); returns the row that each of them extends."""
        vocabulary = totals.shape[1]
        flat = totals.ravel()
        # Each text can end only once, so that twice as many candidates leave enough that go on.
        best = np.argsort(-flat, kind="stable")[: 2 * self.beams]
        kept: list[tuple[int, int, float]] = []
        for rank, place in enumerate(best):
            row, token = divmod(int(place), vocabulary)
            total = float(flat[place])
            if token == self.end:
                if rank < self.beams and np.isfinite(total):
                    self.finished.append(Hypothesis(total / length**self.penalty, list(self.texts[row])))
            elif len(kept) < self.beams:
                kept.append((row, token, total))
        while len(kept) < self.beams:  # a vocabulary smaller than the beam
            kept.append((0, 0 if self.end != 0 else 1, -np.inf))
        self.texts = [[*self.texts[row], token] for row, token, _ in kept]
        self.sums = np.array([total for _, _, total in kept])
        return np.array([row for row, _, _ in kept])

    def _settled(self, length: int) -> bool:
        """Whether there are enough finished texts, and no running one is better as it stands."""
        if len(self.finished) < self.beams:
            return False
        worst = sorted(self.finished, reverse=True)[self.beams - 1].score
        return float(self.sums.max()) / length**self.penalty <= worst

    def _finish_running(self) -> None:
        for text, total in zip(self.texts, self.sums):
            if np.isfinite(total) and len(text) == self.count:
                self.finished.append(Hypothesis(float(total) / len(text) ** self.penalty, text))
