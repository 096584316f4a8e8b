"""Texts as numbers of characters, words or pieces, with padding, begin and end; and batches of pairs of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..data import Dataset
from ..data.pairs import Pair
from ..data.text import ByteLevelBPE, train_bpe
from ..data.text.byte_level import byte_characters
from ..tensor import Tensor, from_numpy
from .sequence_loss import IGNORED
from .translate_settings import UNITS

PADDING, BEGIN, END, UNKNOWN, FIRST = range(5)
"""The numbers of the marks; symbols come from FIRST on."""


@dataclass(frozen=True)
class Alphabet:
    """The symbols of one side: characters, words (what spaces part), or merges of byte pairs ("a b") for pieces."""

    unit: str
    symbols: list[str]

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"setting unit must be one of {', '.join(UNITS)}, got {self.unit!r}")

    @classmethod
    def of(cls, texts: Sequence[str], unit: str, most: int) -> Alphabet:
        """What the texts are written in; of words and pieces the `most` frequent."""
        if unit == "pieces":
            return cls(unit, [" ".join(pair) for pair in train_bpe(texts, most, special=()).merges])
        counts = Counter(symbol for text in texts for symbol in _cut(text, unit))
        ranked = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
        return cls(unit, ranked[:most] if unit == "words" else ranked)

    def __len__(self) -> int:
        return FIRST + len(self._pieces if self.unit == "pieces" else self.symbols)

    def encode(self, text: str) -> list[int]:
        """Symbols that there are not become UNKNOWN; of bytes there are all."""
        if self.unit == "pieces":
            return [FIRST + token for token in self._pieces.encode(text)]
        return [self._numbers.get(symbol, UNKNOWN) for symbol in _cut(text, self.unit)]

    def names(self, tokens: Iterable[int]) -> list[str]:
        """What each token stands for; marks have none."""
        if self.unit == "pieces":
            return [self._pieces.decode([token - FIRST]) for token in tokens if token >= FIRST]
        return [self.symbols[token - FIRST] for token in tokens if token >= FIRST]

    def decode(self, tokens: Iterable[int]) -> str:
        if self.unit == "pieces":
            return self._pieces.decode(token - FIRST for token in tokens if token >= FIRST)
        return (" " if self.unit == "words" else "").join(self.names(tokens))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: FIRST + i for i, symbol in enumerate(self.symbols)}

    @cached_property
    def _pieces(self) -> ByteLevelBPE:
        pairs = [(a, b) for a, b in (merge.split(" ") for merge in self.symbols)]
        names = [*sorted(byte_characters()), *(a + b for a, b in pairs)]
        return ByteLevelBPE({name: i for i, name in enumerate(names)}, pairs, {})


def units_of(text: str, unit: str) -> list[str]:
    """What errors are counted in: characters, or words."""
    return list(text) if unit == "characters" else text.split()


def _cut(text: str, unit: str) -> Iterable[str]:
    return text if unit == "characters" else text.split()


@dataclass(frozen=True)
class Prepared:
    """How a run reads and writes: units and symbols of both sides, the most tokens of a text with its mark, and what stands
    for the data's content."""

    source_unit: str
    source_symbols: list[str]
    target_unit: str
    target_symbols: list[str]
    context: int
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        if self.context < 2:
            raise ValueError(f"setting context must be 2 or more, got {self.context}")

    @property
    def source(self) -> Alphabet:
        return Alphabet(self.source_unit, self.source_symbols)

    @property
    def target(self) -> Alphabet:
        return Alphabet(self.target_unit, self.target_symbols)


class PairExamples(Dataset):
    """Pairs as ((sources (B, S), targets so far (B, T)), targets (B, T)), all filled up to one length."""

    def __init__(self, pairs: Sequence[Pair], prepared: Prepared) -> None:
        source, target = prepared.source, prepared.target
        self.context = prepared.context
        self.encoded = [(source.encode(s), target.encode(t)) for s, t in pairs]

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, i: int) -> tuple[tuple[Tensor, Tensor], Tensor]:
        (sources, given), targets = self.batch([i])
        return (sources[0], given[0]), targets[0]

    def batch(self, indices: Sequence[int]) -> tuple[tuple[Tensor, Tensor], Tensor]:
        given = np.full((len(indices), self.context), PADDING, np.int64)
        targets = np.full((len(indices), self.context), IGNORED, np.int64)
        for row, i in enumerate(indices):
            text = self.encoded[i][1]
            given[row, :len(text) + 1] = [BEGIN, *text]
            targets[row, :len(text) + 1] = [*text, END]
        sources = padded([self.encoded[i][0] for i in indices], self.context)
        return (from_numpy(sources), from_numpy(given)), from_numpy(targets)


def padded(texts: Sequence[Sequence[int]], length: int) -> np.ndarray:
    """(B, length) of texts that end with END, the rest PADDING; what is longer is cut."""
    found = np.full((len(texts), length), PADDING, np.int64)
    for row, text in zip(found, texts):
        cut = [*text[:length - 1], END]
        row[:len(cut)] = cut
    return found
