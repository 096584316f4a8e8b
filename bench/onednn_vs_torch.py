"""Talweg's calls into oneDNN beside PyTorch's own kernels: one process, same threads, in turns, medians.

Talweg has the C allocator keep freed memory, which speeds PyTorch up as well while it is in the same process.

    python bench/onednn_vs_torch.py [threads]
"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parent.parent))  # run from a checkout

from talweg.backends.cpu import convolution as conv  # noqa: E402
from talweg.backends.cpu.matmul import matmul  # noqa: E402
from talweg.runtime import memory, threads  # noqa: E402

SECONDS = 1.0  # a case


def matmul_case(m: int, k: int, n: int):
    a, b = normal(m, k), normal(k, n)
    ta, tb = torch.tensor(a), torch.tensor(b)
    return lambda: matmul(a, b), lambda: ta @ tb


def convolution_case(batch, channels, size, filters, kernel, padding, gradients: str):
    """Forward and the named gradients; each side has its activations in the layout it is faster with."""
    x, w = normal(batch, channels, size, size), normal(filters, channels, kernel, kernel)
    settings = ((1, 1), (padding, padding), (1, 1), 1)
    x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    g = conv.convolution(x, w, *settings)

    def ours():
        conv.convolution(x, w, *settings)
        if "x" in gradients:
            conv.convolution_input_gradient(g, w, x.shape, *settings)
        if "w" in gradients:
            conv.convolution_weight_gradient(x, g, w.shape, *settings)

    return ours, *(torch_convolution(x, w, g, padding, gradients, layout) for layout in TORCH_LAYOUTS)


TORCH_LAYOUTS = (torch.contiguous_format, torch.channels_last)


def torch_convolution(x, w, g, padding: int, gradients, layout):
    tx, tw, tg = (torch.tensor(v).contiguous(memory_format=layout) for v in (x, w, g))
    mask = ["x" in gradients, "w" in gradients, False]

    def theirs():
        F.conv2d(tx, tw, None, 1, padding)
        if any(mask):
            torch.ops.aten.convolution_backward(
                tg, tx, tw, None, [1, 1], [padding] * 2, [1, 1], False, [0, 0], 1, mask
            )

    return theirs


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def medians(*calls) -> list[float]:
    """Seconds a call, the candidates taking turns in short runs so that noise falls on all alike."""
    for call in calls:
        call()
    repeats = max(1, int(0.002 / max(timed(call, 1) for call in calls)))
    rounds: list[list[float]] = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(rounds) < 7:
        rounds.append([timed(call, repeats) for call in calls])
    return [statistics.median(times) for times in zip(*rounds)]


def timed(call, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


CASES = {
    "matmul 64x400x120": matmul_case(64, 400, 120),
    "matmul 512^3": matmul_case(512, 512, 512),
    "conv 16x64x56x56, 64 of 3x3, forward + both gradients": convolution_case(16, 64, 56, 64, 3, 1, "xw"),
    "LeNet conv 1, 64x1x28x28, 32 of 5x5, forward + dw": convolution_case(64, 1, 28, 32, 5, 0, "w"),
    "LeNet conv 2, 64x32x8x8, 64 of 5x5, forward + both": convolution_case(64, 32, 8, 64, 5, 0, "xw"),
}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else threads.get_num_threads()
    threads.set_num_threads(count)
    torch.set_num_threads(count)
    kept = "kept" if memory.keep_freed_pages() else "not kept"
    print(f"{count} threads, freed memory {kept}, milliseconds; the ratio is to PyTorch's faster layout")
    print(f"{'':56}{'Talweg':>8}{'PyTorch':>9}{'ch.-last':>9}{'ratio':>8}")
    for name, calls in CASES.items():
        ours, *theirs = medians(*calls)
        cells = "".join(f"{1000 * t:9.3f}" for t in theirs) + " " * 9 * (2 - len(theirs))
        print(f"{name:56}{1000 * ours:8.3f}{cells}{ours / min(theirs):8.2f}")


if __name__ == "__main__":
    main()
