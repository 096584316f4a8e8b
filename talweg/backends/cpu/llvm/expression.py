"""The value of a node at an index, as instructions: pointwise operations computed, movement operations resolved into
indices, everything else loaded from where it lies in memory."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass

from ....core.dtypes import int64
from ....core.shapes import Shape, contiguous_strides, inverse_permutation
from ....graph import ops
from ....graph.node import Node, constant_op, data
from .affine import Affine, Loop, linear, of_loop, reshaped
from .body import Body, literal
from .scalars import EMITTERS


@dataclass(frozen=True)
class Place:
    """Where a value lies: which entry of the pointer table, bytes from there, and strides in elements."""

    slot: int
    offset: int
    strides: Shape


STATUS = Place(-1, 0, ())
"""A cell of 8 bytes that a program clears before it runs; a kernel that meets an index out of range makes it nonzero."""
STATUS_CELL = Node(data, (), (), (), int64)
"""Stands for that cell among the values that kernels load."""


@dataclass(frozen=True)
class Chosen(Loop):
    """An index read from memory, as a variable of address arithmetic: within [0, size) once it has been checked.

    node, index: the value it is read from; wraps: whether a negative one counts from the end.
    """

    node: Node
    index: tuple[Affine, ...]
    wraps: bool


class NotInline(NotImplementedError):
    """The node cannot be computed inside a loop: it has to be computed and stored before. The planner sees to that; where it
    has not, the graph is interpreted, as all that is not implemented is."""


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


def chosen_by(node: Node, index: tuple[Affine, ...]) -> tuple[list[Chosen], tuple[Affine, ...]] | None:
    """Of a gather or an index operation at an index: the indices it reads, and where in its source they point.
    None for other nodes."""
    if node.op is ops.gather:
        return along(node.inputs[1], index, node.inputs[0].shape, node.attrs[0])
    return indexed(node.inputs[0].shape, node.inputs[1:], node.attrs[0], index) if node.op is ops.index else None


def along(where: Node, index: tuple[Affine, ...], shape: Shape, dim: int) -> tuple[list[Chosen], tuple[Affine, ...]]:
    """The position of index `where[index]` in dimension `dim` of `shape`, beside its own position everywhere else."""
    size = shape[dim] if shape else 1
    one = Chosen("chosen", size, where, index, False)
    return [one], tuple(of_loop(one) if d == dim else i for d, i in enumerate(index))


def indexed(shape: Shape, indices: tuple[Node, ...], dims: Shape, index: tuple[Affine, ...]):
    """Where x[i0, :, i1] at `index` lies in x of this shape: the indices it reads, and the index into x.

    The broadcast index dimensions stand at the first indexed one, or in front if those are apart.
    """
    rank = max(len(i.shape) for i in indices)
    at = dims[0] if dims[-1] - dims[0] == len(dims) - 1 else 0
    found, rest = index[at : at + rank], iter(index[:at] + index[at + rank :])
    chosen = {d: Chosen("chosen", shape[d], i, broadcast_index(found, i.shape), True) for d, i in zip(dims, indices)}
    return list(chosen.values()), tuple(of_loop(chosen[d]) if d in chosen else next(rest) for d in range(len(shape)))


def is_indirect(node: Node) -> bool:
    """Whether it reads where an index says, and kernels can do so: not where nothing is read but an index is checked."""
    if node.op not in (ops.gather, ops.index):
        return False
    checked = any(math.prod(i.shape) for i in node.inputs[1:])
    return math.prod(node.shape) > 0 or not checked


def flat_position(node: Node, index: tuple[Affine, ...]) -> Affine:
    """The position of an element in row-major order."""
    return linear(index, contiguous_strides(node.shape))


Index = tuple[Affine, ...]
Visited = tuple[Node, Index]


def operands_at(node: Node, index: tuple[Affine, ...]) -> list[Visited]:
    """What computing a node at an index computes first. Raises NotInline."""
    step = moved(node, index)
    if step is not None:
        return [step]
    if node.op is ops.uniform:
        return [(node.inputs[0], (Affine(i),)) for i in range(2)]
    if is_indirect(node):
        chosen, inner = chosen_by(node, index)  # type: ignore[misc]
        return [*((one.node, one.index) for one in chosen), (node.inputs[0], inner)]
    return [(s, broadcast_index(index, s.shape)) for s in node.inputs]


def loads_of(node: Node, index: tuple[Affine, ...], placed: Mapping[Node, Place], found: dict[Visited, Affine],
             known: Container[Node] = ()) -> None:
    """Every load that computing node at index needs, with its address; none for `known` values. Raises NotInline."""
    if (node, index) in found or node.op is constant_op or node in known:
        return
    if node in placed:
        found[node, index] = linear(index, placed[node].strides)
        return
    step = moved(node, index)
    if step is not None:
        loads_of(*step, placed, found, known)
    elif node.op is ops.iota:
        found[node, index] = index[0]
    elif node.op is ops.uniform:
        found[node, index] = flat_position(node, index)
        loads_of(node.inputs[0], (Affine(0),), placed, found, known)
        loads_of(node.inputs[0], (Affine(1),), placed, found, known)
    elif is_indirect(node):
        chosen, inner = chosen_by(node, index)  # type: ignore[misc]
        found[STATUS_CELL, ()] = Affine(0)
        for one in chosen:
            loads_of(one.node, one.index, placed, found, known)
        loads_of(node.inputs[0], inner, placed, found, known)
    elif node.op in EMITTERS:
        for source in node.inputs:
            loads_of(source, broadcast_index(index, source.shape), placed, found, known)
    else:
        raise NotInline(node)


class Computation:
    """Emits node values into a body. `accesses` loads what is placed and knows the loops (nest.Accesses)."""

    def __init__(self, body: Body, placed: Mapping[Node, Place], accesses):
        self.body = body
        self.placed = placed
        self.accesses = accesses
        self._memo: dict[Visited, str] = {}

    def value(self, node: Node, index: tuple[Affine, ...]) -> str:
        found = self._memo.get((node, index))
        if found is None:
            found = self._memo[node, index] = self._emit(node, index)
        return found

    def _emit(self, node: Node, index: tuple[Affine, ...]) -> str:
        if node.op is constant_op:
            return literal(node.attrs[0], node.dtype)
        if node in self.placed:
            return self.accesses.load(node, index)
        if node.op is ops.iota:
            return self.accesses.sum_of(index[0].shifted(node.attrs[1]))
        if node.op is ops.uniform:
            return self.accesses.random(self, node, index)
        step = moved(node, index)
        if step is not None:
            return self.value(*step)
        if is_indirect(node):
            return self.value(node.inputs[0], self.chosen(*chosen_by(node, index)))  # type: ignore[misc]
        operands = [self.value(s, broadcast_index(index, s.shape)) for s in node.inputs]
        result = EMITTERS[node.op](self.body, node, *operands)
        return self.body.rounded(result, node.dtype) if node.op is not ops.cast else result

    def chosen(self, indices: list[Chosen], index: tuple[Affine, ...]) -> tuple[Affine, ...]:
        """Read and check these indices; `index` may then be used."""
        for one in indices:
            self.accesses.choose(self, one)
        return index
