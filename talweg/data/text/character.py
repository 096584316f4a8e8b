"""One token a character."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from .tokenizer import Tokenizer, checked_text


class CharacterTokenizer(Tokenizer):
    """The distinct characters of `alphabet`, in the order of their code points.

    With `unknown`, a character such as "?", others are encoded as it; else encode raises ValueError for them. Raises
    ValueError for an empty alphabet or an unknown character outside it.
    """

    def __init__(self, alphabet: Iterable[str], unknown: str | None = None) -> None:
        self.characters = sorted({character for text in alphabet for character in text})
        self._ids = {character: i for i, character in enumerate(self.characters)}
        self.unknown = unknown
        if not self.characters:
            raise ValueError("CharacterTokenizer: the alphabet is empty")
        if unknown is not None and unknown not in self._ids:
            raise ValueError(f"CharacterTokenizer: the unknown character {unknown!r} must be of the alphabet")

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> list[int]:
        checked_text(text, "CharacterTokenizer.encode")
        if self.unknown is not None:
            other = self._ids[self.unknown]
            return [self._ids.get(character, other) for character in text]
        try:
            return [self._ids[character] for character in text]
        except KeyError as error:
            raise ValueError(f"CharacterTokenizer.encode: {error.args[0]!r} is not one of its {len(self)} characters; "
                             "`unknown` names one to stand for others") from None

    def token_bytes(self, token: int) -> bytes:
        return self.characters[self._known(token)].encode("utf-8", errors="replace")

    def save(self, path: str | Path) -> None:
        content = {"kind": "character", "characters": "".join(self.characters), "unknown": self.unknown}
        Path(path).write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> CharacterTokenizer:
        """What `save` wrote. Raises ValueError for anything else."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(content["characters"], content["unknown"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: holds no character tokenizer ({error})") from error
