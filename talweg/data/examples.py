"""What every source of data gives before it is cut into splits: inputs, targets, and where each came from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

PARTS = ("train", "validation", "test")


class Rows(Protocol):
    """An array of samples, in memory or not: asked for the rows of some indices."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any) -> np.ndarray: ...


@dataclass(frozen=True)
class Request:
    """What the user asked for. `size` is the side of images in pixels (and of pictures of sound), `channels` 1, 3
    or None for what the images have, `target` and `group` name columns, `on_error` is stop or skip."""

    size: int = 28
    channels: int | None = None
    target: str | None = None
    group: str | None = None
    on_error: str = "stop"
    seed: int = 0


@dataclass
class Examples:
    """Samples of one source.

    `inputs` (N, ...) are uint8, to be divided by 255, or numbers; `targets` are class numbers (N,) int64, or
    float32 (N, K) when `classes` is empty. `fixed` says which part a sample was put in by the user (an index of
    PARTS, -1 for none), `groups` which samples must stay together. `where` names sample i in messages, `contents`
    are hashes of what was read. `finish(train)` makes the inputs from the training rows' statistics, for sources
    that need them (tables). `fingerprint` stands for all of the content; without one it is made from `contents`.
    """

    name: str
    inputs: Rows
    targets: np.ndarray
    classes: list[str]
    where: Callable[[int], str]
    contents: Sequence[bytes] | None = None
    fixed: np.ndarray | None = None
    groups: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)
    finish: Callable[[np.ndarray], Rows] | None = None
    kind: str = "numbers"
    fingerprint: str | None = None

    def __len__(self) -> int:
        return len(self.targets)


def content_hash(*pieces: Any) -> bytes:
    """16 bytes that stand for the content of arrays (values, shape and dtype), texts and bytes."""
    digest = hashlib.blake2b(digest_size=16)
    for piece in pieces:
        if isinstance(piece, np.ndarray):
            digest.update(f"{piece.dtype.str}{piece.shape}".encode())
            piece = np.ascontiguousarray(piece).tobytes()
        elif isinstance(piece, str):
            piece = piece.encode("utf-8", "surrogatepass")
        digest.update(len(piece).to_bytes(8, "little"))
        digest.update(piece)
    return digest.digest()
