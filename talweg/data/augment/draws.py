"""Random numbers of one augmentation: a function of (seed, epoch, sample, place in the list), and of nothing else.

A resumed run, another number of workers or another order of batches therefore cannot change what a sample becomes.
The bits are Philox's (Salmon et al. 2011), with the four numbers as key and counter.
"""

from __future__ import annotations

import math
import zlib
from functools import lru_cache

import numpy as np

AT_ONCE = 16


@lru_cache(64)
def _key(seed: int, purpose: str) -> tuple[int, int]:
    found = np.random.SeedSequence([seed % 2**64, zlib.crc32(purpose.encode())]).generate_state(2, np.uint64)
    return int(found[0]), int(found[1])


class Draws:
    """A stream of random numbers for sample `index` in `epoch`; `place` keeps the transforms of a list apart."""

    def __init__(self, seed: int, epoch: int, index: int, place: int = 0, purpose: str = "augment") -> None:
        counter = np.array([0, place, epoch, index], np.uint64)
        self._bits = np.random.Philox(key=np.array(_key(seed, purpose), np.uint64), counter=counter)
        self._ready: list[float] = []
        self._of = (seed, epoch, index, purpose)

    def at(self, place: int) -> Draws:
        """The stream of another place in the list."""
        seed, epoch, index, purpose = self._of
        return Draws(seed, epoch, index, place, purpose)

    def unit(self) -> float:
        """A number strictly between 0 and 1."""
        if not self._ready:
            self._ready = _fractions(self._bits.random_raw(AT_ONCE)).tolist()[::-1]
        return self._ready.pop()

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.unit()

    def happens(self, probability: float) -> bool:
        return self.unit() < probability

    def below(self, count: int) -> int:
        """A whole number 0 ... count - 1."""
        return min(int(self.unit() * count), count - 1)

    def units(self, *shape: int) -> np.ndarray:
        """Numbers strictly between 0 and 1, float64."""
        return _fractions(self._bits.random_raw(math.prod(shape))).reshape(shape)

    def normals(self, *shape: int) -> np.ndarray:
        """Standard normal numbers, by Box and Muller's formula."""
        first, second = self.units(2, math.prod(shape))
        return (np.sqrt(-2 * np.log(first)) * np.cos(2 * np.pi * second)).reshape(shape)

    def beta(self, alpha: float) -> float:
        """A number of the Beta(alpha, alpha) distribution: x / (x + y) of two of the gamma distribution."""
        x = self.log_gamma(alpha)
        return math.exp(x - float(np.logaddexp(x, self.log_gamma(alpha))))

    def log_gamma(self, alpha: float) -> float:
        """The logarithm of a number of the Gamma(alpha) distribution, which for small alpha is too small to be
        written itself (Marsaglia and Tsang 2000)."""
        raised = alpha if alpha >= 1 else alpha + 1
        d = raised - 1 / 3
        while True:
            z = float(self.normals(1)[0])
            v = (1 + z / math.sqrt(9 * d)) ** 3
            if v > 0 and math.log(self.unit()) < z * z / 2 + d - d * v + d * math.log(v):
                found = math.log(d * v)
                return found if alpha >= 1 else found + math.log(self.unit()) / alpha


def _fractions(bits: np.ndarray) -> np.ndarray:
    return ((bits >> np.uint64(12)) + 0.5) * 2.0**-52
