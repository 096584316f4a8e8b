"""What has to lie in memory, and what kernels compute on the way."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..backends.cpu.llvm.cost import instructions
from ..backends.cpu.llvm.expression import is_indirect
from ..backends.cpu.llvm.native import native
from ..backends.cpu.llvm.reduction import can_reduce
from ..backends.cpu.llvm.scalars import EMITTERS
from ..backends.cpu.llvm.types import kind_of
from ..graph import ops
from ..graph.node import Node, constant_op

MOVEMENT = (ops.permute, ops.expand, ops.slice_, ops.reshape)
LOAD = 16
"""What loading an element costs, in instructions; storing costs twice as much, since the line is read as well."""

MOST_LOADS = 8
"""A value made of so many stored ones of its size is stored too: else a long sum would keep all its terms until the last."""

MANY = 8
FEW = 3
"""A value that is read for so many times as many elements as it has is stored from so few instructions on."""


def inline(node: Node) -> bool:
    """Whether kernels may compute it on the way."""
    if kind_of(node.dtype) is None or any(kind_of(s.dtype) is None for s in node.inputs):  # complex numbers
        return False
    if node.op in EMITTERS or node.op in MOVEMENT:
        return True
    return node.op in (ops.flip, ops.iota, ops.uniform, constant_op) or is_indirect(node)


def base(node: Node) -> Node:
    """What a chain of movements starts from."""
    while node.op in MOVEMENT:
        node = node.inputs[0]
    return node


def to_store(roots: Sequence[Node], order: Sequence[Node]) -> set[Node]:
    """The roots, what kernels do not compute on the way and what that reads, and what would be computed too often.

    A group stores only what others read: a value that all its readers are computed with stays in registers all the same.
    """
    stored = set(roots)
    readers: dict[Node, int] = {}
    for node in order:
        for source in set(node.inputs):
            readers[source] = readers.get(source, 0) + 1
        if node.op is ops.after:
            stored.update((node, base(node.inputs[0])))
        elif not inline(node):
            stored.add(node)
            kernel = native(node)
            fused = can_reduce(node) or node.op in (ops.write_slice, ops.assemble) or (kernel is not None and kernel.fuses)
            stored.update(base(s) for s in node.inputs if not (fused and inline(s)))
    widest = _widest_readers(order)
    cost = Cost(stored)
    for node in order:
        if is_indirect(node) and repeats(node) and cost.work.get(node.inputs[0], 0) > LOAD:
            stored.add(base(node.inputs[0]))
        cost.visit(node)
        if node in stored or not inline(node) or node.op in MOVEMENT or node.op is constant_op:
            continue
        repeated = widest.get(node, 0) >= MANY * max(math.prod(node.shape), 1)
        too_often = cost.is_too_much(node, readers.get(node, 0)) or (repeated and cost.work[node] >= FEW)
        if too_often or cost.wide_loads(node) >= MOST_LOADS:
            stored.add(node)
            cost.visit(node)
    return stored


class Cost:
    """Of computing values on the way: instructions an element, and the stored values that have to be loaded for it."""

    def __init__(self, stored: set[Node]):
        self.stored = stored
        self.work: dict[Node, float] = {}
        self.loads: dict[Node, frozenset[Node]] = {}

    def visit(self, node: Node) -> None:
        if node in self.stored or not inline(node) or not node.inputs:
            self.work[node] = 0
            self.loads[node] = frozenset((node,)) if node.op not in (constant_op, ops.iota) else frozenset()
            return
        sources = set(node.inputs)
        self.work[node] = instructions(node) + sum(_share(s, node) * self.work[s] for s in sources)
        self.loads[node] = frozenset().union(*(self.loads[s] for s in sources))

    def wide_loads(self, node: Node) -> int:
        """How many stored values of more than half its size it is made of."""
        return sum(1 for n in self.loads[node] if 2 * math.prod(n.shape) > math.prod(node.shape))

    def is_too_much(self, node: Node, readers: int) -> bool:
        """Whether computing it for each reader costs clearly more than storing it once and loading it."""
        return (readers - 1) * (self.work[node] + LOAD * self.wide_loads(node)) > 2.5 * LOAD + (readers - 1) * LOAD


def _widest_readers(order: Sequence[Node]) -> dict[Node, int]:
    """Of each value the most elements for which it is read, through movements too."""
    widest: dict[Node, int] = {}
    for node in reversed(order):
        size = max(math.prod(node.shape), widest.get(node, 0) if node.op in MOVEMENT else 0)
        for source in node.inputs:
            widest[source] = max(widest.get(source, 0), size)
    return widest


def _share(source: Node, node: Node) -> float:
    """How often a source is computed for one element of the node: rarely where it is repeated along it."""
    return min(1.0, math.prod(source.shape) / max(math.prod(node.shape), 1))


def repeats(node: Node) -> bool:
    """Whether a gather reads more elements than its source has."""
    return math.prod(node.shape) > math.prod(node.inputs[0].shape)


def topological(roots: Sequence[Node]) -> list[Node]:
    """What the roots are computed from, in the order in which it was recorded: each gradient beside what it is made from,
    so that values are used up before others are made, above all those that are recomputed."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        for source in stack.pop().inputs:
            if source not in seen:
                seen.add(source)
                stack.append(source)
    return sorted(seen, key=lambda n: n.serial)
