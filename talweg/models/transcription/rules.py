"""Which tokens may come next in a transcript with timestamps (Radford et al., 2022, section 4.5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ...data.text import WhisperTokenizer
from ..generation.sampling import log_softmax

LATEST_START = 1.0  # seconds: the first segment begins before


class Rules:
    """Logits of tokens that may not come next become -inf.

    Never: special tokens except the end and timestamps, and the tokens `never`. Not as the first token: the end and those in
    `never_first`. With `timestamps`, the first token is a timestamp, at most `latest_start` seconds; timestamps come in
    pairs, the end of a segment and the beginning of the next, and never go back; a segment has a length; and where all
    timestamps together are more probable than any one word, a timestamp comes.
    """

    def __init__(
        self, tokenizer: WhisperTokenizer, timestamps: bool, latest_start: float | None = LATEST_START,
        never: Collection[int] = (), never_first: Collection[int] = (),
    ) -> None:
        self.times, self.end, self.timestamps, self.latest_start = tokenizer.times, tokenizer.end, timestamps, latest_start
        special = set(tokenizer.special.values()) - {tokenizer.end} - (set(self.times) if timestamps else set())
        self.never = np.array(sorted(special | set(never)), np.int64)
        self.never_first = np.array(sorted({tokenizer.end, *never_first}), np.int64)

    def __call__(self, logits: np.ndarray, texts: Sequence[Sequence[int]]) -> np.ndarray:
        """(B, V) after the tokens `texts` of each row that were chosen so far."""
        logits = logits.astype(np.float64)
        logits[:, self.never[self.never < logits.shape[1]]] = -np.inf
        for row, text in zip(logits, texts):
            if not text:
                row[self.never_first] = -np.inf
            if self.timestamps:
                self._about_time(row, text)
        return logits

    def _about_time(self, row: np.ndarray, text: Sequence[int]) -> None:
        first, last = self.times.start, self.times.stop
        chosen = [token for token in text if token in self.times]
        if not text:
            row[:first] = -np.inf
            if self.latest_start is not None:
                row[first + round(self.latest_start / 0.02) + 1:last] = -np.inf
        elif text[-1] in self.times and (len(text) < 2 or text[-2] in self.times):
            row[first:last] = -np.inf  # a segment has begun: words, or the end
        elif text[-1] in self.times:
            row[:self.end] = -np.inf  # a segment has ended: the next one begins, or the end
            row[first:chosen[-1]] = -np.inf
        elif chosen:
            row[first:chosen[-1] + 1] = -np.inf
        self._prefer_time(row)

    def _prefer_time(self, row: np.ndarray) -> None:
        times = row[self.times.start:self.times.stop]
        if not len(times) or not np.isfinite(times).any():
            return
        logs = log_softmax(row)
        together = np.logaddexp.reduce(logs[self.times.start:self.times.stop])
        if together > logs[:self.times.start].max():
            row[:self.times.start] = -np.inf
