"""Random orders that depend on a seed and an epoch only.

They come from NumPy's Philox bit stream, whose values NumPy promises never to change, and from a
stable sort: the same seed gives the same order on any machine, version and number of workers.
"""

from __future__ import annotations

import zlib

import numpy as np

from ..tensor import Generator, randint


def bits(count: int, seed: int, purpose: str, epoch: int = 0) -> np.ndarray:
    """`count` uniform 64-bit integers. `purpose` keeps uses of one seed apart from each other."""
    entropy = [seed % 2**64, epoch, zlib.crc32(purpose.encode())]
    return np.random.Philox(np.random.SeedSequence(entropy)).random_raw(count)


def permutation(count: int, seed: int, purpose: str, epoch: int = 0) -> np.ndarray:
    """A uniform random order of 0 ... count - 1."""
    return np.argsort(bits(count, seed, purpose, epoch), kind="stable")


def uniform(count: int, seed: int, purpose: str, epoch: int = 0) -> np.ndarray:
    """`count` numbers strictly between 0 and 1, float64."""
    return ((bits(count, seed, purpose, epoch) >> np.uint64(12)) + 0.5) * 2.0**-52


def draw_seed(generator: Generator | None) -> int:
    """The generator's own seed, or a new one from the global stream that `manual_seed` sets."""
    if generator is not None:
        return int(generator.initial_seed())
    return int(randint(0, 2**31 - 1, (1,)).item())
