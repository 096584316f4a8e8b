"""Philox 4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw (SC 2011), in NumPy."""

from __future__ import annotations

import math

import numpy as np

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ROUNDS = 10


def philox(counters: list[np.ndarray], key: tuple[int, int]) -> list[np.ndarray]:
    """Four words (32 bits each, held in uint64) for each counter of four such words."""
    c0, c1, c2, c3 = counters
    k0, k1 = key
    for _ in range(_ROUNDS):
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ np.uint64(k0), p1 & _LOW, (p0 >> _HALF) ^ c3 ^ np.uint64(k1), p0 & _LOW
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return [c0, c1, c2, c3]


def words(seed: int, call: int, stream: int, count: int) -> np.ndarray:
    """`count` words of 32 bits: block b of four comes from the counter (b, stream, call low, call high)."""
    blocks = -(-count // 4)
    block = np.arange(blocks, dtype=np.uint64)
    low, high = call & 0xFFFFFFFF, (call >> 32) & 0xFFFFFFFF
    fixed = [np.full(blocks, v, np.uint64) for v in ((stream << 8) & 0xFFFFFFFF, low, high)]
    fixed[0] |= block >> _HALF
    found = philox([block & _LOW, *fixed], (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF))
    return np.stack(found, axis=1).reshape(-1)[:count]


def uniform(seed: int, call: int, stream: int, shape: tuple[int, ...], numpy_type: np.dtype) -> np.ndarray:
    """Uniform on [0, 1): 24 random bits an element, 53 for float64, as many as a half-precision type holds."""
    count = math.prod(shape)
    if numpy_type == np.float64:
        pairs = words(seed, call, stream, 2 * count).reshape(-1, 2)
        return (((pairs[:, 0] << np.uint64(21)) ^ (pairs[:, 1] >> np.uint64(11))) * 2.0**-53).reshape(shape)
    bits = {4: 24, 2: 11 if numpy_type == np.float16 else 8}[numpy_type.itemsize]
    found = words(seed, call, stream, count) >> np.uint64(32 - bits)
    return (found.astype(np.float32) * np.float32(2.0**-bits)).astype(numpy_type).reshape(shape)
