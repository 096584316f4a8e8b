"""torch._higher_order_ops: scans with a function of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...tensor import Tensor, cat, stack
from .pytree import tree_flatten, tree_unflatten


def associative_scan(combine_fn: Callable[[Any, Any], Any], xs: Any, dim: int, reverse: bool = False,
                     combine_mode: str = "pointwise") -> Any:
    """y_0 = x_0, y_i = combine_fn(y_(i-1), x_i) along a dimension of every tensor of a nest, for an associative function.

    In about 2 log2(n) calls (Blelloch 1990). Raises ValueError for no tensors, or tensors of different sizes along `dim`.
    """
    leaves, spec = tree_flatten(xs)
    if not leaves or len({x.shape[dim] for x in leaves}) != 1:
        raise ValueError(f"associative_scan: expected tensors of one size along dimension {dim}, got "
                         f"{[list(x.shape) for x in leaves]}")

    def combined(a: list[Tensor], b: list[Tensor]) -> list[Tensor]:
        moved = [tree_unflatten([x.movedim(0, dim) for x in side], spec) for side in (a, b)]
        return [x.movedim(dim, 0) for x in tree_flatten(combine_fn(*moved))[0]]

    rows = [x.movedim(dim, 0) for x in leaves]  # (n, ...)
    found = _scanned([x.flip(0) for x in rows] if reverse else rows, combined)
    return tree_unflatten([(x.flip(0) if reverse else x).movedim(0, dim) for x in found], spec)


def _scanned(rows: list[Tensor], combined: Callable) -> list[Tensor]:
    """Neighbours combined, their scan, and from it the places between."""
    n = rows[0].shape[0]
    if n < 2:
        return rows
    odd = _scanned(combined([x[: n - 1: 2] for x in rows], [x[1::2] for x in rows]), combined)  # places 1, 3, ...
    between = [x[: (n - 1) // 2] for x in odd]
    even = combined(between, [x[2::2] for x in rows]) if n > 2 else between
    even = [cat([x[:1], e]) for x, e in zip(rows, even)]  # places 0, 2, ...
    woven = [stack([e[: n // 2], o], 1).flatten(0, 1) for e, o in zip(even, odd)]
    return [cat([w, e[-1:]]) if n % 2 else w for w, e in zip(woven, even)]
