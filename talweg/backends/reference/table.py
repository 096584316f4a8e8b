"""The table of NumPy kernels: for each operation a function (node, arrays of its inputs) -> array."""

from __future__ import annotations

from collections.abc import Callable

from ...graph.node import Op

KERNELS: dict[Op, Callable] = {}


def kernel(*ops: Op) -> Callable[[Callable], Callable]:
    """Register the decorated function for each of `ops`."""

    def register(function: Callable) -> Callable:
        for op in ops:
            KERNELS[op] = function
        return function

    return register
