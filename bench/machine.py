"""The machine: what it is, and the most it does in this run: the largest matrix product by dtype, copying memory.

    python -m bench.machine [quick]      prints JSON
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from talweg.backends.cpu.matmul import matmul

SIZES = (1024, 2048, 4096)
COPIED = 1 << 28  # bytes
ROUNDS = 5
MATRIX_FLAGS = ("amx_bf16", "amx_tile", "avx512_bf16", "avx512f", "avx2", "bf16")


def describe() -> dict:
    """Processor, cores, memory, and which instructions for matrices it has."""
    flags = cpu_flags()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": _processor(), "cores": cores,
            "system": f"{platform.system()} {platform.machine()}", "python": platform.python_version(),
            "instructions": [f for f in MATRIX_FLAGS if f in flags], "load": round(os.getloadavg()[0], 2)}


def cpu_flags() -> set[str]:
    """What /proc/cpuinfo says the processor can; nothing where there is no such file."""
    try:
        found = re.search(r"^(?:flags|Features)\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        found = None
    return set(found[1].split()) if found else set()


def bfloat16_remark(instructions: list[str]) -> str:
    """What to know when bfloat16 rows are read."""
    if "amx_bf16" in instructions:
        return "bfloat16 products run on the AMX units."
    if "avx512_bf16" in instructions or "bf16" in instructions:
        return "No AMX units: bfloat16 products run on vector instructions for it."
    return "This processor has no bfloat16 arithmetic (neither AMX nor AVX-512 BF16): it is emulated, and the rows are slow."


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.M)
        return found[1] if found else platform.processor()
    except OSError:
        return platform.processor()


def best(call: Callable[[], object], rounds: int) -> float:
    """Seconds of the fastest of the rounds, after one to warm up."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def matmul_peak(dtype: str, sizes=SIZES, rounds: int = ROUNDS) -> float:
    """Floating-point operations a second of the fastest square product, PyTorch's or oneDNN's as Talweg calls it."""
    return max(2 * n**3 / best(call, rounds) for n in sizes for call in _products(n, dtype))


def _products(n: int, dtype: str):
    try:
        import torch

        a, b, out = (torch.ones(n, n, dtype=getattr(torch, dtype)) for _ in range(3))
        yield lambda: torch.matmul(a, b, out=out)
    except ImportError:
        pass
    if dtype == "float32":
        x, y = np.ones((n, n), np.float32), np.ones((n, n), np.float32)
        yield lambda: matmul(x, y)


def copy_bandwidth(rounds: int = 2 * ROUNDS) -> float:
    """Bytes a second read and written by the fastest copy of 256 MiB, NumPy's on one core or PyTorch's on all."""
    source, target = np.ones(COPIED // 4, np.float32), np.ones(COPIED // 4, np.float32)
    calls: list[Callable[[], object]] = [lambda: np.copyto(target, source)]
    try:
        import torch

        a, b = torch.from_numpy(source), torch.from_numpy(target)
        calls.append(lambda: b.copy_(a))
    except ImportError:
        pass
    return max(2 * COPIED / best(call, rounds) for call in calls)


def peaks(quick: bool = False) -> dict:
    """{"float32": flop/s, "bfloat16": flop/s, "copy": byte/s}; bfloat16 with smaller products, for it may be emulated."""
    rounds = 2 if quick else ROUNDS
    return {"float32": matmul_peak("float32", SIZES[:1] if quick else SIZES, rounds),
            "bfloat16": matmul_peak("bfloat16", SIZES[:1] if quick else SIZES[:2], rounds),
            "copy": copy_bandwidth(rounds)}


def measured(quick: bool = False) -> dict:
    """The peaks, from a process of their own; empty where they cannot be had."""
    command = [sys.executable, "-m", "bench.machine", *(["quick"] if quick else [])]
    found = subprocess.run(command, capture_output=True, text=True)
    return json.loads(found.stdout.strip().splitlines()[-1]) if found.returncode == 0 else {}


if __name__ == "__main__":
    print(json.dumps(peaks("quick" in sys.argv[1:])))
