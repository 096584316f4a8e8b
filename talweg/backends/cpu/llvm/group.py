"""A fusion group: values over one iteration space, computed by one kernel.

A value of the group is *full* (an element for each point of the space), or *reduced* (an element for each point of the
dimensions that the group's reductions keep). Which of them are stored is a choice: the others stay in registers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ....core.shapes import Shape, reduced
from ....graph.node import Node
from .affine import Affine, Loop, of_loop
from .expression import Index, operands_at


def plain_index(shape: Shape) -> Index:
    """A loop for every dimension, and each element at its own place."""
    return tuple(of_loop(Loop(f"d{d}", size)) for d, size in enumerate(shape))


def without_ones(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)


def memory_order(shape: Shape, strides: Shape) -> Shape:
    """The dimensions that have a length, the outermost in memory first."""
    return tuple(sorted((d for d, size in enumerate(shape) if size > 1), key=lambda d: -abs(strides[d])))


@dataclass
class Group:
    """What one kernel computes.

    space, strides: the loops, and the memory they follow
    dims: what the reductions reduce
    reductions: each with its operand, a value over the space; in the order in which they can be computed
    outputs: what is stored
    members: every value that joined, stored or not
    parts, partials: the reduced dimensions are cut into so many parts, whose results are stored in these values instead
    """

    space: Shape
    strides: Shape
    dims: Shape = ()
    reductions: dict[Node, Node] = field(default_factory=dict)
    outputs: list[Node] = field(default_factory=list)
    members: list[Node] = field(default_factory=list)
    parts: int = 1
    partials: dict[Node, Node] = field(default_factory=dict)

    @property
    def order(self) -> Shape:
        return memory_order(self.space, self.strides)

    @property
    def in_rows(self) -> bool:
        """Whether a reduced dimension lies innermost in memory."""
        order = self.order
        return not order or order[-1] in self.dims

    @property
    def kept(self) -> Shape:
        return tuple(d for d in range(len(self.space)) if d not in self.dims)

    @property
    def kept_count(self) -> int:
        return math.prod(self.space[d] for d in self.kept)

    @property
    def reduced_count(self) -> int:
        return math.prod(self.space[d] for d in self.dims)

    def is_full(self, node: Node) -> bool:
        return node.shape == self.space and node not in self.reductions

    def reduced_index(self, shape: Shape) -> Index | None:
        """Where a value of this shape is at a point of the kept dimensions; None if it has another shape."""
        if without_ones(shape) != without_ones(reduced(self.space, self.dims, False)):
            return None
        loops = iter([of_loop(Loop(f"d{d}", self.space[d])) for d in self.kept if self.space[d] != 1])
        return tuple(Affine(0) if size == 1 else next(loops) for size in shape)

    def index_of(self, node: Node) -> Index:
        """Where a member is stored, or found."""
        if self.is_full(node):
            return plain_index(self.space)
        index = self.reduced_index(node.shape)
        assert index is not None, (node, self.space, self.dims)
        return index


def passes(group: Group, roots: list[Node], known: Mapping[Node, object]) -> dict[Node, int]:
    """For each value that the roots are made of: in which pass over the reduced dimensions it can be computed at the
    earliest. A reduction's result is there in the pass after its operand's. `known` values are there from the start."""
    found: dict[Node, int] = {}

    def earliest(node: Node) -> int:
        if node not in found:
            if node in group.reductions:
                found[node] = 1 + earliest(group.reductions[node])
            elif node in known:
                found[node] = 0
            else:
                found[node] = max((earliest(s) for s in node.inputs), default=0)
        return found[node]

    for root in roots:
        earliest(root)
    return found


def visited(node: Node, index: Index, stop, found: dict[tuple[Node, Index], None]) -> None:
    """Everything that computing node at index computes, down to where `stop` says so."""
    if (node, index) in found:
        return
    found[node, index] = None
    if not stop(node):
        for source, at in operands_at(node, index):
            visited(source, at, stop, found)
