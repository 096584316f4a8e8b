"""Files of MNIST's format (idx), as they are or compressed by gzip."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np


def read_idx(path: Path) -> np.ndarray:
    """The uint8 array of an idx file. Raises FileNotFoundError, and ValueError for a damaged file."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: is no gzip file or is cut short ({error})") from error
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or not 1 <= raw[3] <= 4:
        raise ValueError(f"{path}: is no idx file of bytes (it begins with {raw[:4].hex()})")
    dimensions = raw[3]
    start = 4 + 4 * dimensions
    if len(raw) < start:
        raise ValueError(f"{path}: is cut short within its header")
    shape = struct.unpack(f">{dimensions}I", raw[4:start])
    expected = int(np.prod(shape, dtype=np.int64))
    if len(raw) - start != expected:
        raise ValueError(f"{path}: should hold {expected} bytes of {list(shape)}, but holds {len(raw) - start}")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)
