"""What this machine can do at best, measured: arithmetic in a large matrix product, bytes in a copy."""

from __future__ import annotations

import functools
import itertools
import threading
import time
from typing import NamedTuple

import numpy as np

from ...runtime.threads import get_num_threads
from .library import available
from .matmul import matmul

SIDE = 1536
COPIED = 1 << 27  # bytes, well beyond any cache
REPEATS = 5


class Peaks(NamedTuple):
    flops: float  # a second, float32
    bandwidth: float  # bytes a second, read and written


@functools.cache
def measured_peaks() -> Peaks:
    """The best of a few tries, on as many threads as kernels use; about a second, once a process."""
    a = np.ones((SIDE, SIDE), np.float32)
    out = np.empty_like(a)
    multiply = (lambda: matmul(a, a, out=out)) if available() else (lambda: np.matmul(a, a, out=out))
    source = np.ones(COPIED // 4, np.float32)
    target = np.empty_like(source)
    edges = np.linspace(0, len(source), get_num_threads() + 1).astype(int)
    parts = [slice(a, b) for a, b in itertools.pairwise(edges)]
    return Peaks(2 * SIDE**3 / _best(multiply), 2 * COPIED / _best(lambda: _copy(source, target, parts)))


def _copy(source: np.ndarray, target: np.ndarray, parts: list[slice]) -> None:
    """One thread a part: NumPy lets go of Python's lock while it copies."""
    others = [threading.Thread(target=np.copyto, args=(target[p], source[p])) for p in parts[1:]]
    for thread in others:
        thread.start()
    np.copyto(target[parts[0]], source[parts[0]])
    for thread in others:
        thread.join()


def _best(work) -> float:
    work()
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)
