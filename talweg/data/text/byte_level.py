"""Byte pairs over bytes: any text has an encoding and comes back exactly (Radford et al., 2019, section 2.2)."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from .files import read_merges, read_ranks, read_tokenizer_json, read_vocabulary
from .merging import Pair, merged
from .tokenizer import Tokenizer, checked_text
from .unicode import gpt2_pattern, splitter

END_OF_TEXT = "<|endoftext|>"
REMEMBERED = 1 << 16  # words whose tokens are kept


@functools.cache
def byte_characters() -> tuple[str, ...]:
    """A printable character for each byte, because vocabulary files are text.

    Printable Latin-1 characters stand for themselves; the other bytes get those from U+0100 on, in order.
    """
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return tuple(chr(byte if byte in printable else next(others)) for byte in range(256))


@functools.cache
def character_bytes() -> dict[str, int]:
    """The reverse."""
    return {character: byte for byte, character in enumerate(byte_characters())}


class ByteLevelBPE(Tokenizer):
    """GPT-2's tokenizer, for any vocabulary of its kind.

    `vocabulary`: token, in characters for bytes, to id. `merges`: pairs in the order they were learnt. `special`:
    tokens that stand in the text as they are and are never cut. Raises ValueError for merges that make tokens the
    vocabulary lacks.
    """

    def __init__(
        self, vocabulary: Mapping[str, int], merges: Sequence[Pair], special: Mapping[str, int] | None = None
    ) -> None:
        self.special = dict(special or {})
        self.vocabulary = {token: i for token, i in vocabulary.items() if token not in self.special}
        self.merges = list(merges)
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        lacking = next((a + b for a, b in self.merges if a + b not in self.vocabulary), None)
        if lacking is not None:
            raise ValueError(f"{type(self).__name__}: a merge makes {lacking!r}, which the vocabulary lacks")
        self._tokens = {i: self._bytes_of(token) for token, i in self.vocabulary.items()}
        self._tokens |= {i: token.encode() for token, i in self.special.items()}
        self._splitter = splitter(self.special)
        self._words: dict[str, list[int]] = {}

    @classmethod
    def from_files(cls, vocabulary: str | Path, merges: str | Path, special: Iterable[str] = (END_OF_TEXT,)) -> Self:
        """From vocab.json and merges.txt. Tokens of added_tokens.json beside them are special, and those of `special`
        that the vocabulary has. Raises FileNotFoundError, or ValueError for malformed files."""
        found = read_vocabulary(Path(vocabulary))
        added = Path(vocabulary).parent / "added_tokens.json"
        known = {token: found[token] for token in special if token in found}
        if added.exists():
            known |= read_vocabulary(added)
        return cls(found, read_merges(Path(merges)), known)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """From a folder that holds vocab.json and merges.txt, or tokenizer.json alone, as newer ones do."""
        if not (Path(folder) / "vocab.json").exists() and (Path(folder) / "tokenizer.json").exists():
            return cls(*read_tokenizer_json(Path(folder) / "tokenizer.json"))
        return cls.from_files(Path(folder) / "vocab.json", Path(folder) / "merges.txt")

    @classmethod
    def from_ranks(cls, path: str | Path, special: Mapping[str, int] | None = None) -> Self:
        """From the ranks that tiktoken reads; the special token is <|endoftext|>, after them, unless given."""
        vocabulary = _named(read_ranks(Path(path)))
        return cls(vocabulary, _merges_of(vocabulary), {END_OF_TEXT: len(vocabulary)} if special is None else special)

    def __len__(self) -> int:
        return max(self._tokens, default=-1) + 1

    def encode(self, text: str, special: bool = True) -> list[int]:
        """The ids of a text. With special=False special tokens in it are ordinary text: for what strangers wrote."""
        checked_text(text, f"{type(self).__name__}.encode")
        return [token for piece in self._pieces(text, special) for token in piece]

    def token_bytes(self, token: int) -> bytes:
        if token not in self._tokens:
            raise ValueError(f"{type(self).__name__}.decode: there is no token {token}; ids go from 0 to {len(self) - 1}")
        return self._tokens[token]

    def save(self, folder: str | Path) -> None:
        """Write vocab.json, merges.txt and added_tokens.json."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        ordered = dict(sorted(self.vocabulary.items(), key=lambda item: item[1]))
        lines = ["#version: 0.2", *(f"{a} {b}" for a, b in self.merges)]
        contents = {
            "vocab.json": json.dumps(ordered, ensure_ascii=False), "merges.txt": "\n".join(lines) + "\n",
            "added_tokens.json": json.dumps(self.special, ensure_ascii=False),
        }
        for name, content in contents.items():
            (folder / name).write_text(content, encoding="utf-8", newline="\n")

    def _pieces(self, text: str, special: bool) -> Iterator[list[int]]:
        parts = self._splitter.split(text) if special and self._splitter is not None else [text]
        for number, part in enumerate(parts):
            if number % 2:  # what the splitter's group caught
                yield [self.special[part]]
            elif part:
                yield from map(self._word, self._cut(part))

    def _cut(self, text: str) -> list[str]:
        return gpt2_pattern().findall(text)

    def _symbols(self, word: str) -> list[str]:
        return [byte_characters()[byte] for byte in word.encode("utf-8", errors="replace")]

    def _word(self, word: str) -> list[int]:
        known = self._words.get(word)
        if known is not None:
            return known
        symbols = merged(self._symbols(word), self._ranks)
        try:
            found = [self.vocabulary[symbol] for symbol in symbols]
        except KeyError as error:
            raise ValueError(f"{type(self).__name__}.encode: the vocabulary lacks {error.args[0]!r}") from None
        if len(self._words) >= REMEMBERED:
            self._words.clear()
        self._words[word] = found
        return found

    def _bytes_of(self, token: str) -> bytes:
        known = character_bytes()
        if any(character not in known for character in token):
            return token.encode()
        return bytes(known[character] for character in token)


def _named(ranks: Mapping[bytes, int]) -> dict[str, int]:
    characters = byte_characters()
    return {"".join([characters[byte] for byte in token]): rank for token, rank in ranks.items()}


def _merges_of(vocabulary: Mapping[str, int]) -> list[Pair]:
    """The pair that made each token: what merging with the lower ranks alone leaves of it."""
    ranks: dict[Pair, int] = {}
    for token, rank in sorted(vocabulary.items(), key=lambda item: item[1]):
        if len(token) <= 1:
            continue
        parts = merged(token, ranks)
        if len(parts) != 2:
            raise ValueError(f"from_ranks: token {token!r} of rank {rank} is not made of two tokens of lower rank")
        ranks[(parts[0], parts[1])] = rank
    return list(ranks)
