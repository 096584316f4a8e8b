"""Which function computes an operation: the CPU library's where it claims it, NumPy's otherwise."""

from __future__ import annotations

from collections.abc import Callable

from ..graph.node import Op
from .cpu.kernels import INTO
from .cpu.kernels import KERNELS as CPU
from .reference import KERNELS as REFERENCE

CLAIMED: dict[Op, Callable] = dict(CPU)
"""Kernels (node, arrays) -> array, or None to decline this call."""


def compute(node, arrays):
    """Run one operation on arrays. The result has the node's shape and dtype."""
    claimed = CLAIMED.get(node.op)
    if claimed is not None:
        result = claimed(node, *arrays)
        if result is not None:
            return result
    return REFERENCE[node.op](node, *arrays)


def has_kernel(op: Op) -> bool:
    return op in CLAIMED or op in REFERENCE


def compute_into(node, arrays, out) -> None:
    """Run one operation on arrays and leave the result in `out`."""
    into = INTO.get(node.op)
    if into is None or not into(node, arrays, out):
        out[...] = compute(node, arrays)
