"""Protocol buffers' wire format, as far as event files need it: a message is its fields' bytes, one after another."""

from __future__ import annotations

import struct
from collections.abc import Sequence

VARINT, EIGHT_BYTES, COUNTED, FOUR_BYTES = 0, 1, 2, 5


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; a negative number as its 64-bit complement."""
    number &= (1 << 64) - 1
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _key(field: int, kind: int) -> bytes:
    return varint(field << 3 | kind)


def integer(field: int, number: int) -> bytes:
    return _key(field, VARINT) + varint(number)


def double(field: int, number: float) -> bytes:
    return _key(field, EIGHT_BYTES) + struct.pack("<d", number)


def single(field: int, number: float) -> bytes:
    return _key(field, FOUR_BYTES) + struct.pack("<f", number)


def counted(field: int, content: bytes | str) -> bytes:
    """Bytes, text, or another message."""
    data = content.encode() if isinstance(content, str) else content
    return _key(field, COUNTED) + varint(len(data)) + data


def doubles(field: int, numbers: Sequence[float]) -> bytes:
    return counted(field, struct.pack(f"<{len(numbers)}d", *numbers))
