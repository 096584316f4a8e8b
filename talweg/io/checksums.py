"""Checksums inside a checkpoint: one for each tensor and one for the note that holds them.

A disk or a copy may flip a bit, lose a page or cut the end off, and a safetensors file looks whole after the first two.
CRC-32 notices every error of up to 32 bits in a row, and others but for one in 2^32.
"""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np

SIGNATURE = re.compile(r', "crc32": (\d+)\}$')


def checksum(name: str, array: np.ndarray) -> int:
    """CRC-32 of a tensor's bytes, its name, dtype and shape, so that a damaged header is noticed too."""
    start = zlib.crc32(f"{name} {array.dtype.name} {list(array.shape)}".encode())
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, start)


def signed(values: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
    """The note of a file: `values` as JSON, the tensors' checksums, and the note's own."""
    text = json.dumps(values | {"checksums": {name: checksum(name, a) for name, a in arrays.items()}})
    return f'{text[:-1]}, "crc32": {zlib.crc32(text.encode())}}}'


def verify(note: str, arrays: dict[str, np.ndarray], path: Path) -> None:
    """Raise ValueError naming the file, and the tensor, that is not what was written. A note without signature passes."""
    found = SIGNATURE.search(note)
    if found is None:
        return
    text = note[: found.start()] + "}"
    if zlib.crc32(text.encode()) != int(found[1]):
        raise ValueError(f"{path}: is damaged: the note in its header is not what was written")
    expected = json.loads(text)["checksums"]
    for name in [*expected, *arrays]:
        if name not in arrays or name not in expected or checksum(name, arrays[name]) != expected[name]:
            raise ValueError(f"{path}: is damaged: tensor {name!r} is not what was written (its checksum differs)")
