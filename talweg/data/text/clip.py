"""CLIP's tokenizer: byte pairs of lower-case words, each word's end marked (Radford et al., 2021, section 2.4)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from .byte_level import ByteLevelBPE, byte_characters
from .files import read_merges
from .merging import Pair
from .unicode import clip_pattern

START, END = "<|startoftext|>", "<|endoftext|>"
END_OF_WORD = "</w>"
PUBLISHED_MERGES = 49152 - 256 - 2


class CLIPTokenizer(ByteLevelBPE):
    """Texts to ids between a start and an end token.

    Text is put into Unicode's composed form and lower case: what the published models were given, less the repair of
    broken encodings that their authors ran first. Decoding puts a space behind each word.
    """

    def __init__(
        self, vocabulary: Mapping[str, int], merges: Sequence[Pair], special: Mapping[str, int] | None = None
    ) -> None:
        found = {token: vocabulary[token] for token in (START, END) if token in vocabulary}
        super().__init__(vocabulary, merges, {**found, **(special or {})})
        lacking = [token for token in (START, END) if token not in self.special]
        if lacking:
            raise ValueError(f"CLIPTokenizer: the vocabulary lacks {lacking[0]}")

    @classmethod
    def from_files(cls, vocabulary: str | Path, merges: str | Path, special: Iterable[str] = (START, END)) -> Self:
        return super().from_files(vocabulary, merges, special)

    @classmethod
    def from_merges(cls, path: str | Path, most: int = PUBLISHED_MERGES) -> Self:
        """From the list of merges that OpenAI publishes, bpe_simple_vocab_16e6.txt.gz, of which the first are used."""
        merges = read_merges(Path(path))[:most]
        characters = sorted(byte_characters())  # those that print come first
        tokens = [*characters, *(c + END_OF_WORD for c in characters), *(a + b for a, b in merges), START, END]
        return cls({token: i for i, token in enumerate(tokens)}, merges)

    def _cut(self, text: str) -> list[str]:
        return clip_pattern().findall(unicodedata.normalize("NFC", text).lower())

    def _symbols(self, word: str) -> list[str]:
        symbols = super()._symbols(word)
        return [*symbols[:-1], symbols[-1] + END_OF_WORD]

    def _bytes_of(self, token: str) -> bytes:
        bare = token.removesuffix(END_OF_WORD)
        return super()._bytes_of(bare) + (b" " if bare != token else b"")

    def batch(self, texts: Sequence[str], context: int = 77, padding: int = 0, cut: bool = False) -> np.ndarray:
        """(N, context) of int64: start, text, end, padding.

        Raises ValueError for a text with more tokens than that, unless `cut`: then it loses its last ones.
        """
        rows = np.full((len(texts), context), padding, np.int64)
        for row, text in zip(rows, texts):
            tokens = [self.special[START], *self.encode(text, special=False), self.special[END]]
            if len(tokens) > context:
                if not cut:
                    raise ValueError(f"CLIPTokenizer.batch: {text[:40]!r} has {len(tokens)} tokens, more than {context}; "
                                     "cut=True drops the last ones")
                tokens = [*tokens[: context - 1], self.special[END]]
            row[: len(tokens)] = tokens
        return rows
