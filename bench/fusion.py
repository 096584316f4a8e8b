"""Softmax, norms and losses, forward and forward with backward, beside PyTorch.

    python -m bench.fusion [name ...]

Both in one process, in turns, on two threads, with glibc told to keep its pages (Talweg tells it so); the least time of
each counts. Talweg's is the replay of a compiled program, outputs allocated.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

import talweg
from talweg.compile.engine import Compiled
from talweg.graph.key import structural_key

ROUNDS = 12
RUNS = 8


def _normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _channels_last(*shape: int) -> np.ndarray:
    n, c, h, w = shape
    return _normal(n, h, w, c).transpose(0, 3, 1, 2)


WORKLOADS: dict[str, tuple[Callable, list[np.ndarray]]] = {
    "softmax 4096x1024": (lambda f, x: f.softmax(x, -1), [_normal(4096, 1024)]),
    "softmax 12288x256": (lambda f, x: f.softmax(x, -1), [_normal(12288, 256)]),
    "log_softmax 64x10": (lambda f, x: f.log_softmax(x, -1), [_normal(64, 10)]),
    "layer_norm 2048x384": (lambda f, x, w, b: f.layer_norm(x, (384,), w, b), [_normal(2048, 384), _normal(384), _normal(384)]),
    "layer_norm 8192x1024": (lambda f, x, w, b: f.layer_norm(x, (1024,), w, b),
                             [_normal(8192, 1024), _normal(1024), _normal(1024)]),
    "cross_entropy 2048x10000": (lambda f, x, t: f.cross_entropy(x, t), [_normal(2048, 10000), np.arange(2048)]),
    "batch_norm+relu 16x64x56x56": (lambda f, x, w, b: f.relu(f.batch_norm(x, None, None, w, b, True)),
                                    [_channels_last(16, 64, 56, 56), _normal(64), _normal(64)]),
    "batch_norm+relu 16x256x14x14": (lambda f, x, w, b: f.relu(f.batch_norm(x, None, None, w, b, True)),
                                     [_channels_last(16, 256, 14, 14), _normal(256), _normal(256)]),
    "group_norm 8x64x32x32": (lambda f, x, w, b: f.group_norm(x, 8, w, b), [_normal(8, 64, 32, 32), _normal(64), _normal(64)]),
    "bias+gelu 2048x1536": (lambda f, x, b: f.gelu(x + b), [_normal(2048, 1536), _normal(1536)]),
    "sum of squares 10M": (lambda f, x: (x * x).sum(), [_normal(10_000_000)]),
}


def _leaves(framework, arrays):
    found = []
    for a in arrays:
        plain = np.ascontiguousarray(a.transpose(0, 2, 3, 1)) if not a.flags.c_contiguous else a
        tensor = framework.tensor(plain)
        tensor = tensor if plain is a else tensor.permute(0, 3, 1, 2)
        found.append(tensor.detach().requires_grad_() if a.dtype.kind == "f" else tensor)
    return found


def talweg_program(build: Callable, arrays: list[np.ndarray], backward: bool) -> Callable[[], object]:
    """What replays the compiled graph."""
    inputs = _leaves(talweg, arrays)
    for tensor, array in zip(inputs, arrays):
        tensor.node.value = array
    out = build(talweg.nn.functional, *inputs)
    roots = [out.node]
    if backward:
        upstream = talweg.tensor(np.ones(tuple(out.shape), np.float32))
        out.backward(upstream) if out.dim() else out.backward()
        roots += [i.grad.node for i in inputs if i.grad is not None]
    _, leaves = structural_key(roots)
    compiled = Compiled(roots, leaves)
    arrays = [leaf.value for leaf in leaves]
    return lambda: compiled.run(arrays)


def torch_program(build: Callable, arrays: list[np.ndarray], backward: bool) -> Callable[[], object]:
    inputs = _leaves(torch, arrays)
    if not backward:
        inputs = [i.detach() for i in inputs]
    upstream = torch.ones_like(build(torch.nn.functional, *inputs))

    def run():
        for i in inputs:
            i.grad = None
        out = build(torch.nn.functional, *inputs)
        if backward:
            out.backward(upstream)
        return out

    return run


def _least(run: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def main(wanted: list[str]) -> None:
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0)))))
    print(f"{'':46}{'Talweg':>10}{'PyTorch':>10}{'ratio':>7}")
    for name, (build, arrays) in WORKLOADS.items():
        for backward in (False, True):
            title = f"{name}, forward" + (" and backward" if backward else "")
            if wanted and not any(w in title for w in wanted):
                continue
            ours, theirs = (make(build, arrays, backward) for make in (talweg_program, torch_program))
            rounds = [(_least(ours), _least(theirs)) for _ in range(ROUNDS)]
            a, b = (min(r[i] for r in rounds) * 1e3 for i in range(2))
            print(f"{title:46}{a:8.3f}ms{b:8.3f}ms{b / a:7.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
