"""From a text to windows of tokens, and what of the tokenizer is kept with a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..data import Dataset
from ..data.order import bits
from ..data.text import ByteLevelBPE, CharacterTokenizer, Tokenizer, WordTokenizer, train_bpe
from ..data.text.byte_level import byte_characters
from ..tensor import Tensor, from_numpy
from .language_settings import TOKENIZERS, Settings

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
IGNORED = -100  # targets that do not count, as in cross_entropy
AT_ONCE = 32  # windows, where a text is only measured


@dataclass(frozen=True)
class Prepared:
    """`tokenizer` is one of char, bpe and words; `tokens` are its characters, the pairs it merges in their order, or its
    words. `fingerprint` stands for the text."""

    tokenizer: str
    tokens: list[str]
    context: int
    fingerprint: str

    def __post_init__(self) -> None:
        if self.tokenizer not in TOKENIZERS:
            raise ValueError(f"setting tokenizer must be one of {', '.join(TOKENIZERS)}, got {self.tokenizer!r}")

    def built(self) -> Tokenizer:
        """The tokenizer. Raises ValueError for tokens that are none."""
        if self.tokenizer == "char":
            return CharacterTokenizer(self.tokens, UNKNOWN)
        if self.tokenizer == "words":
            return WordTokenizer(self.tokens)
        return _byte_pairs(self.tokens)

    @property
    def lossless(self) -> bool:
        """Whether a text comes back from its tokens, so that bits for each character mean something."""
        return self.tokenizer != "words"


def learnt_tokens(settings: Settings, text: str) -> list[str]:
    """What the settings' tokenizer keeps of the training text."""
    if settings.tokenizer == "char":
        return sorted({*text, UNKNOWN})
    if settings.tokenizer == "words":
        return WordTokenizer.of([text], settings.vocabulary - 1).tokens[1:]
    return [f"{a} {b}" for a, b in train_bpe([text], settings.vocabulary, special=()).merges]


def _byte_pairs(pairs: Sequence[str]) -> ByteLevelBPE:
    merges = [(a, b) for a, _, b in (pair.partition(" ") for pair in pairs)]
    names = [*sorted(byte_characters()), *(a + b for a, b in merges)]
    return ByteLevelBPE({name: i for i, name in enumerate(dict.fromkeys(names))}, merges)


class Windows(Dataset):
    """Windows of `context` tokens side by side, with the token that follows each as target: int64 (B, T) and (B, T).

    Every epoch begins at another place below `context`, a function of (seed, epoch), so that a window's borders are never
    learnt. Raises ValueError for a text that fills no window.
    """

    def __init__(self, tokens: np.ndarray, context: int, seed: int, epoch: int = 0) -> None:
        self.tokens = tokens
        self.context = context
        self.seed = seed
        self.first = int(bits(1, seed, "windows", epoch)[0] % np.uint64(context))
        if len(self) < 1:
            raise ValueError(f"the training text has {len(tokens)} tokens, fewer than two windows of {context}: take a "
                             "smaller context or more text")

    def at_epoch(self, epoch: int) -> Windows:
        return Windows(self.tokens, self.context, self.seed, epoch)

    def __len__(self) -> int:
        return (len(self.tokens) - self.context) // self.context

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        inputs, targets = self.batch([index])
        return inputs[0], targets[0]

    def batch(self, indices: Sequence[int]) -> list[Tensor]:
        starts = self.first + np.asarray(indices, np.int64) * self.context
        rows = self.tokens[starts[:, None] + np.arange(self.context + 1)]  # (B, T + 1)
        return [from_numpy(np.ascontiguousarray(rows[:, :-1])), from_numpy(np.ascontiguousarray(rows[:, 1:]))]


def scored_windows(tokens: np.ndarray, context: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches of inputs and targets (B, T) in which every token but the first is a target once.

    The last window reaches back into the one before; what was scored there is marked to be ignored. Shapes are alike but
    for the last batch's B. Raises ValueError for fewer than two tokens.
    """
    if len(tokens) < 2:
        raise ValueError(f"a text of {len(tokens)} tokens has none that could be predicted")
    length = min(context, len(tokens) - 1)
    starts = np.minimum(np.arange(0, len(tokens) - 1, length), len(tokens) - 1 - length)
    rows = tokens[starts[:, None] + np.arange(length + 1)]
    inputs, targets = rows[:, :-1].copy(), rows[:, 1:].copy()
    again = len(starts) * length - (len(tokens) - 1)
    targets[-1, :again] = IGNORED
    for i in range(0, len(starts), AT_ONCE):
        yield inputs[i:i + AT_ONCE], targets[i:i + AT_ONCE]
