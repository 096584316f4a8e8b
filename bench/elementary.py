"""What an element of each elementary function costs, beside NumPy, PyTorch and a plain copy; one thread, in turns.

    python -m bench.elementary [function ...]

Two sizes: 32 KiB in and out, which stays in the cache (arithmetic shows), and 64 MiB (memory shows: GB/s read and
written). Nanoseconds an element, best of the rounds; a dash where the library has no such function.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from bench.vector_loop import MEMORY, VectorLoop
from talweg.backends.cpu.llvm.elementary import BINARY, RANDOM, REAL, UNARY

BYTES = (32 << 10, 64 << 20)
COLUMNS = ("Talweg", "NumPy", "PyTorch", "copy")
ROUNDS = {BYTES[0]: 60, BYTES[1]: 7}
NUMPY = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
         "atan2": "arctan2", "pow": "power"}


def numbers(count: int, dtype, low: float, high: float) -> np.ndarray:
    return np.random.default_rng(0).uniform(low, high, count).astype(dtype)


def in_turns(calls: dict[str, Callable], rounds: int, inner: int) -> dict[str, float]:
    """Seconds a call: the best round of each, the candidates taking turns so that noise falls on all alike."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(inner):
                call()
            best[name] = min(best[name], (time.perf_counter() - start) / inner)
    return best


def candidates(name: str, type: str, size: int) -> tuple[dict[str, Callable], int]:
    """The calls by library, and how many elements each makes."""
    dtype = np.dtype(MEMORY[type])
    count = size // dtype.itemsize
    out = np.zeros(count, dtype)
    compiled = VectorLoop(name, type)
    if (name, type) in RANDOM:
        return {"Talweg": compiled.bound(out, 1, 2, 3), **random_peers(out), **copy_of(out)}, count
    low = 1.01 if name == "acosh" else 0.01
    inputs = [numbers(count, dtype, low, low + 0.98), numbers(count, dtype, 0.5, 3)][: 1 + (name in BINARY)]
    calls: dict[str, Callable] = {"Talweg": compiled.bound(*inputs, out)}
    tensors, result = [torch.from_numpy(a) for a in inputs], torch.from_numpy(np.zeros_like(out))
    if function := getattr(np, NUMPY.get(name, name), None):
        calls["NumPy"] = lambda: function(*inputs, out=out)
    calls["PyTorch"] = lambda: getattr(torch, name)(*tensors, out=result)
    return {**calls, **copy_of(out)}, count


def random_peers(out: np.ndarray) -> dict[str, Callable]:
    if out.dtype == np.uint32:
        return {}
    generator, tensor = np.random.Generator(np.random.Philox(1)), torch.from_numpy(out)
    return {"NumPy": lambda: generator.random(dtype=out.dtype, out=out), "PyTorch": tensor.uniform_}


def copy_of(out: np.ndarray) -> dict[str, Callable]:
    source = np.ones_like(out)
    return {"copy": lambda: np.copyto(out, source)}


def report(name: str, type: str) -> str:
    cells = []
    for size in BYTES:
        calls, count = candidates(name, type, size)
        seconds = in_turns(calls, ROUNDS[size], 10 if size == BYTES[0] else 1)
        cells += [f"{seconds[c] / count * 1e9:8.3f}" if c in seconds else f"{'-':>8}" for c in COLUMNS]
    streams = 1 if (name, type) in RANDOM else 2 + (name in BINARY)
    rate = streams * np.dtype(MEMORY[type]).itemsize / float(cells[4])
    return f"{name:14}{type:8}{''.join(cells[:4])}  |{''.join(cells[4:])}{rate:8.1f}"


def main() -> None:
    torch.set_num_threads(1)
    np.seterr(all="ignore")
    wanted = sys.argv[1:]
    heads = "".join(f"{h:>8}" for h in COLUMNS)
    print(f"ns an element         {'in the cache':^32}  |{'64 MiB':^32}   GB/s")
    print(f"{'function':14}{'type':8}{heads}  |{heads}  Talweg")
    for name, type in [*((n, t) for n in (*UNARY, *BINARY) for t in REAL), *RANDOM]:
        if not wanted or name in wanted:
            print(report(name, type), flush=True)


if __name__ == "__main__":
    main()
