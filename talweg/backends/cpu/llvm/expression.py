"""The value of a node at an index, as instructions: pointwise operations computed, movement operations resolved into
indices, everything else loaded from where it lies in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....core.shapes import Shape, inverse_permutation
from ....graph import ops
from ....graph.node import Node, constant_op
from .affine import Affine, linear, reshaped
from .body import Body, literal
from .scalars import EMITTERS


@dataclass(frozen=True)
class Place:
    """Where a value lies: which entry of the pointer table, bytes from there, and strides in elements."""

    slot: int
    offset: int
    strides: Shape


class NotInline(Exception):
    """The node cannot be computed inside a loop: it has to be computed and stored before."""


def moved(node: Node, index: tuple[Affine, ...]) -> tuple[Node, tuple[Affine, ...]] | None:
    """The source of a movement node and the index into it, or None for other nodes. Raises NotInline."""
    op = node.op
    source = node.inputs[0] if node.inputs else node
    if op.kind == "identity":
        return node.inputs[-1], index
    if op is ops.permute:
        order = inverse_permutation(node.attrs[0])
        return source, tuple(index[i] for i in order)
    if op is ops.expand:
        own = index[len(index) - len(source.shape):]
        return source, tuple(Affine(0) if have == 1 else i for i, have in zip(own, source.shape))
    if op is ops.slice_:
        starts, _, steps = node.attrs
        return source, tuple(i.scaled(step).shifted(start) for i, start, step in zip(index, starts, steps))
    if op is ops.flip:
        dims = node.attrs[0]
        return source, tuple(i.scaled(-1).shifted(s - 1) if d in dims else i
                             for d, (i, s) in enumerate(zip(index, node.shape)))
    if op is ops.reshape:
        found = reshaped(index, node.shape, source.shape)
        if found is None:
            raise NotInline(node)
        return source, found
    return None


def broadcast_index(index: tuple[Affine, ...], shape: Shape) -> tuple[Affine, ...]:
    """The index of an operand that broadcasts to the node's shape."""
    own = index[len(index) - len(shape):]
    return tuple(Affine(0) if size == 1 else i for i, size in zip(own, shape))


Visited = tuple[Node, tuple[Affine, ...]]


def loads_of(node: Node, index: tuple[Affine, ...], placed: Mapping[Node, Place], found: dict[Visited, Affine]) -> None:
    """Every load that computing node at index needs, with its address. Raises NotInline."""
    if (node, index) in found or node.op is constant_op:
        return
    if node in placed:
        found[node, index] = linear(index, placed[node].strides)
        return
    step = moved(node, index)
    if step is not None:
        loads_of(*step, placed, found)
    elif node.op is ops.iota:
        found[node, index] = index[0]
    elif node.op in EMITTERS:
        for source in node.inputs:
            loads_of(source, broadcast_index(index, source.shape), placed, found)
    else:
        raise NotInline(node)


class Computation:
    """Emits node values into a body. `address` turns an affine address into the name of its i64 value (relative to what
    the loads' base pointers are), `bases` names each load's base pointer."""

    def __init__(self, body: Body, placed: Mapping[Node, Place], load):
        self.body = body
        self.placed = placed
        self.load = load  # (node, index) -> value
        self._memo: dict[Visited, str] = {}

    def value(self, node: Node, index: tuple[Affine, ...]) -> str:
        found = self._memo.get((node, index))
        if found is None:
            found = self._memo[node, index] = self._emit(node, index)
        return found

    def _emit(self, node: Node, index: tuple[Affine, ...]) -> str:
        if node.op is constant_op:
            return literal(node.attrs[0], node.dtype)
        if node in self.placed or node.op is ops.iota:
            return self.load(node, index)
        step = moved(node, index)
        if step is not None:
            return self.value(*step)
        operands = [self.value(s, broadcast_index(index, s.shape)) for s in node.inputs]
        result = EMITTERS[node.op](self.body, node, *operands)
        return self.body.rounded(result, node.dtype) if node.op is not ops.cast else result
