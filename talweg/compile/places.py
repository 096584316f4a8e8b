"""Views as arithmetic: where a movement of a placed value lies in the same memory, if it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..backends.cpu.llvm.expression import Place
from ..core.shapes import Shape, contiguous_strides, permuted, view_strides
from ..graph import ops
from ..graph.node import Node

ANYWHERE = 0  # slot of the pointer table


class Placed(Mapping[Node, Place]):
    """Values as if stored, each where offsets do not matter: what a load's address is made of. Those that `hidden` says are
    left out. Nothing is copied, since a plan asks for this at every value it places."""

    def __init__(self, strides: Mapping[Node, Shape], hidden: Callable[[Node], bool] = lambda node: False):
        self._strides = strides
        self._hidden = hidden

    def __contains__(self, node: object) -> bool:
        return node in self._strides and not self._hidden(node)  # type: ignore[arg-type]

    def __getitem__(self, node: Node) -> Place:
        if node not in self:
            raise KeyError(node)
        return Place(ANYWHERE, 0, self._strides[node])

    def __iter__(self) -> Iterator[Node]:
        return (node for node in self._strides if node in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def moved_place(node: Node, source: Place) -> Place | None:
    """The place of a movement node in its source's memory, or None where that takes a copy."""
    strides, shape = source.strides, node.inputs[0].shape
    if node.op is ops.permute:
        return Place(source.slot, source.offset, permuted(strides, node.attrs[0]))
    if node.op is ops.after:
        return source
    if node.op is ops.expand:
        lead = len(node.shape) - len(shape)
        own = (0 if have == 1 else s for have, s in zip(shape, strides))
        return Place(source.slot, source.offset, (0,) * lead + tuple(own))
    if node.op is ops.slice_:
        starts, _, steps = node.attrs
        skipped = sum(a * s for a, s in zip(starts, strides))
        return Place(source.slot, source.offset + skipped * node.dtype.itemsize,
                     tuple(a * b for a, b in zip(strides, steps)))
    if node.op is ops.reshape:
        found = view_strides(shape, strides, node.shape)
        return None if found is None else Place(source.slot, source.offset, found)
    return None


def is_dense(shape: Shape, strides: Shape) -> bool:
    """Whether the strides are those of a contiguous array with its dimensions in another order."""
    expected = 1
    for stride, size in sorted((s, n) for s, n in zip(strides, shape) if n != 1):
        if stride != expected:
            return False
        expected *= size
    return True


def packed_like(shape: Shape, strides: Shape) -> Shape:
    """Strides without gaps whose dimensions lie in memory in the order of these."""
    order = sorted(range(len(shape)), key=lambda d: (-strides[d], d))
    inner = contiguous_strides(permuted(shape, tuple(order)))
    found = [0] * len(shape)
    for dim, stride in zip(order, inner):
        found[dim] = stride
    return tuple(found)


def channels_last(shape: Shape) -> Shape:
    """(N, C, *spatial) with the channels innermost."""
    order = (0, *range(2, len(shape)), 1)
    inner = contiguous_strides(permuted(shape, order))
    strides = [0] * len(shape)
    for dim, stride in zip(order, inner):
        strides[dim] = stride
    return tuple(strides)


def part_place(node: Node, whole: Place, starts: Shape, steps: Shape) -> Place:
    """Where a part of an assembled value lies."""
    skipped = sum(a * s for a, s in zip(starts, whole.strides))
    return Place(whole.slot, whole.offset + skipped * node.dtype.itemsize, tuple(a * b for a, b in zip(whole.strides, steps)))
