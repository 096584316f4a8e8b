"""Windows of running text with some of their tokens hidden."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data import Dataset
from ..data.augment.draws import Draws
from ..data.order import permutation
from ..data.text import WordPiece
from ..tensor import Tensor, from_numpy
from ..training.update import tokens as counted
from .sequence_loss import IGNORED

MASKED, REPLACED = 0.8, 0.1  # of the tokens that are asked about (Devlin et al., 2019, section 3.1)


class HiddenWords(Dataset):
    """Samples ((tokens (T,), places (K,)), targets (K,)): the K places are asked about, K the share `hidden` of a window, and at
    least one; of a window that is not full so many count as are that share of its tokens. Of the tokens there 80 % are [MASK],
    10 % any of the vocabulary, 10 % as they were.

    `texts` are ids, each with [SEP] after it. In every epoch they are put one after the other in a new order, and cut into
    windows of `context` with [CLS] before and [SEP] after; what is left over at the end is left out, a text that fills no
    window is padded. Raises ValueError where there is no text.
    """

    def __init__(
        self, texts: Sequence[Sequence[int]], context: int, hidden: float, tokenizer: WordPiece, stays: tuple[int, ...],
        seed: int, epoch: int = 0,
    ) -> None:
        if not any(texts):
            raise ValueError("HiddenWords: there is no text to hide words of")
        self.texts, self.context, self.hidden, self.tokenizer = texts, context, hidden, tokenizer
        self.stays, self.seed, self.epoch = stays, seed, epoch
        order = permutation(len(texts), seed, "texts", epoch)
        self.stream = np.concatenate([np.asarray(texts[i], np.int64) for i in order])
        self.asked = max(1, round(hidden * (context - 2)))

    def at_epoch(self, epoch: int) -> HiddenWords:
        return HiddenWords(self.texts, self.context, self.hidden, self.tokenizer, self.stays, self.seed, epoch)

    def __len__(self) -> int:
        return max(1, len(self.stream) // (self.context - 2))

    def __getitem__(self, index: int) -> Any:
        (tokens, places), targets = self.batch([index])
        return (tokens[0], places[0]), targets[0]

    def batch(self, indices: Sequence[int]) -> list[Any]:
        samples = [self._sample(int(i)) for i in indices]
        tokens, places, targets = (from_numpy(np.stack(part)) for part in zip(*samples))
        return [(tokens, places), targets]

    def asks(self) -> bool:
        """Whether there is a window in which something is asked about."""
        return any((self._sample(i)[2] != IGNORED).any() for i in range(len(self)))

    def _sample(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        inner = self.context - 2
        window = np.full(self.context, self.tokenizer["[PAD]"], np.int64)
        part = self.stream[index * inner:(index + 1) * inner]
        window[0], window[1:1 + len(part)], window[1 + len(part)] = self.tokenizer["[CLS]"], part, self.tokenizer["[SEP]"]
        draws, fate, other = Draws(self.seed, self.epoch, index, purpose="hidden words").units(3, self.context)
        fixed = np.isin(window, self.stays)
        places = np.argsort(np.where(fixed, 2.0, draws), kind="stable")[:self.asked]
        left = fixed[places] | (np.arange(self.asked) >= max(1, round(self.hidden * len(part))))
        targets = np.where(left, IGNORED, window[places])
        replaced = np.minimum((other[places] * len(self.tokenizer)).astype(np.int64), len(self.tokenizer) - 1)
        shown = np.where(fate[places] < MASKED, self.tokenizer["[MASK]"],
                         np.where(fate[places] < MASKED + REPLACED, replaced, window[places]))
        window[places] = np.where(left, window[places], shown)
        return window, places, targets


def known_targets(targets: Tensor) -> int:
    """How many targets count."""
    return counted(targets, IGNORED)
