"""Where randomness comes from: a seed and a count of calls. The numbers are a function of both (graph/ops/random.py)."""

from __future__ import annotations

import contextlib
import secrets
import threading

import numpy as np


class Generator:
    """A stream of random numbers, `Generator().manual_seed(0)`. Its whole state is (seed, calls so far)."""

    def __init__(self, device="cpu"):
        self.device = device
        self._seed = 67280421310721
        self._calls = 0
        self._lock = threading.Lock()

    def manual_seed(self, seed: int) -> Generator:
        """Start again from a seed. Negative seeds count back from 2^64."""
        if not -(2**63) <= seed < 2**64:
            raise RuntimeError(f"Overflow when unpacking long: the seed {seed} does not fit 64 bits")
        self._seed = int(seed) % 2**64
        self._calls = 0
        return self

    def seed(self) -> int:
        """Start from a seed of the operating system's, which is returned."""
        self.manual_seed(secrets.randbits(63))
        return self._seed

    def initial_seed(self) -> int:
        return self._seed

    def next_key(self) -> np.ndarray:
        """The key of the next call: int64[2], seed and call number."""
        with self._lock:
            call = self._calls
            self._calls += 1
        return np.array([self._seed, call], np.uint64).view(np.int64)

    def get_state(self) -> np.ndarray:
        return np.array([self._seed, self._calls], np.uint64).view(np.int64)

    def set_state(self, state) -> None:
        values = np.asarray(state, np.int64).view(np.uint64)
        if values.shape != (2,):
            raise RuntimeError(f"set_state: a generator's state is two numbers (seed, calls), got shape {values.shape}")
        self._seed, self._calls = int(values[0]), int(values[1])

    def __reduce__(self):
        return _restored, (self.get_state(),)


def _restored(state: np.ndarray) -> Generator:
    generator = Generator()
    generator.set_state(state)
    return generator


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the generator that every random function uses unless it is given another."""
    return default_generator.manual_seed(int(seed))


@contextlib.contextmanager
def fork_rng(devices=None, enabled: bool = True, _caller: str = "fork_rng", _devices_kw: str = "devices",
             device_type: str = "cuda"):
    """Inside the block the default generator goes on; after it, it is where it was. There are no other devices."""
    before = default_generator.get_state()
    try:
        yield
    finally:
        if enabled:
            default_generator.set_state(before)


def seed() -> int:
    """Seed the default generator from the operating system."""
    return default_generator.seed()


def initial_seed() -> int:
    return default_generator.initial_seed()
