"""What every tokenizer does: text to ids and back."""

from __future__ import annotations

import codecs
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator


class Tokenizer(ABC):
    """Text to a list of ids in [0, len(tokenizer)), and back."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def encode(self, text: str) -> list[int]: ...

    @abstractmethod
    def token_bytes(self, token: int) -> bytes:
        """The UTF-8 bytes that one id stands for; they need not be whole characters."""

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of these ids; bytes that are no characters become U+FFFD. Raises ValueError for an unknown id."""
        return b"".join(self.token_bytes(token) for token in tokens).decode("utf-8", errors="replace")

    def _known(self, token: int) -> int:
        if not 0 <= token < len(self):
            raise ValueError(f"{type(self).__name__}.decode: there is no token {token}; ids go from 0 to {len(self) - 1}")
        return int(token)


def decode_stream(tokenizer: Tokenizer, tokens: Iterable[int]) -> Iterator[str]:
    """The text piece by piece as tokens come; a character is given once its last byte is there."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for token in tokens:
        if piece := decoder.decode(tokenizer.token_bytes(token)):
            yield piece
    if rest := decoder.decode(b"", final=True):
        yield rest


def checked_text(text: str, call: str) -> str:
    """The text. Raises TypeError for anything but a str."""
    if not isinstance(text, str):
        raise TypeError(f"{call}: expected a str, got {type(text).__name__}")
    return text
