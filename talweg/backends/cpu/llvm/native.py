"""Kernels of operations that cannot be computed on the way: for each, what it reads, and the text that computes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ....core.shapes import Shape, contiguous_strides
from ....graph.node import Node
from .expression import Place
from .fold import can_fold, fold_kernel, fold_loads
from .nest import Kernel
from .scatter import can_scatter, scatter_kernel, scatter_loads
from .sort import can_sort, sort_kernel, sort_loads, sort_scratch
from .window import can_pool, pool_kernel, pool_loads, pool_start, pool_strides


def _row_major(node: Node, of_source: Shape | None) -> Shape:
    return contiguous_strides(node.shape)


def _innermost_sorted(node: Node, of_source: Shape | None) -> Shape:
    """Row-major but for the sorted dimension, which lies innermost."""
    if not node.shape:
        return ()
    order = [*(d for d in range(len(node.shape)) if d != node.attrs[0]), node.attrs[0]]
    inner = contiguous_strides(tuple(node.shape[d] for d in order))
    return tuple(inner[order.index(d)] for d in range(len(node.shape)))


@dataclass(frozen=True)
class Native:
    """build: (name, [result, *scratch], places) -> Kernel. loads: (node, places, found) -> None adds every load with its
    address. Both raise NotInline for what has to be stored before. fuses: operands are computed on the way; if not,
    they have to be placed. start: a value that the result holds before the kernel runs. scratch: room that it needs.
    strides: the result's layout, given that of the last operand."""

    build: Callable[[str, Sequence[Node], Mapping[Node, Place]], Kernel]
    loads: Callable[[Node, Mapping[Node, Place], dict], None]
    fuses: bool = True
    start: Callable[[Node], Node | None] = lambda node: None
    scratch: Callable[[Node], list[Node]] = lambda node: []
    strides: Callable[[Node, Shape | None], Shape] = _row_major


_FOLD = Native(fold_kernel, fold_loads)
_SCATTER = Native(scatter_kernel, scatter_loads, start=lambda node: node.inputs[0])
_SORT = Native(sort_kernel, sort_loads, scratch=sort_scratch, strides=_innermost_sorted)
_POOL = Native(pool_kernel, pool_loads, fuses=False, start=pool_start, strides=pool_strides)


def native(node: Node) -> Native | None:
    """The kernel for this node, if there is one."""
    for applies, found in ((can_fold, _FOLD), (can_scatter, _SCATTER), (can_sort, _SORT), (can_pool, _POOL)):
        if applies(node):
            return found
    return None
