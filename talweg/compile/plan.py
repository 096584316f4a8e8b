"""From a canonical graph to steps: what is computed by which kernel, in which order, stored where.

Pointwise and movement operations are computed inside the kernels that need them; only what several kernels need, what
the library computes, reductions and results are stored. A value's layout is what its producer likes: contiguous, or
channels-last after a convolution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..backends.cpu.llvm.expression import NotInline, Place, loads_of
from ..backends.cpu.llvm.nest import loops_of
from ..backends.cpu.llvm.reduction import can_reduce
from ..backends.cpu.llvm.scalars import EMITTERS
from ..backends.cpu.llvm.types import kind_of
from ..core.shapes import Shape, contiguous_strides
from ..graph import ops
from ..graph.node import Node, constant_op
from ..graph.ops.assemble import covers
from .in_place import updates_last
from .places import channels_last, is_dense, moved_place

ARENA = 0  # slot of the pointer table
MOVEMENT = (ops.permute, ops.expand, ops.slice_, ops.reshape)


@dataclass
class Step:
    """One thing to run. kind: pointwise, reduce, call (the library or NumPy computes `outputs[0]`), copy."""

    kind: str
    outputs: list[Node]
    reads: list[Node] = field(default_factory=list)  # placed values it loads
    sources: list[Node] = field(default_factory=list)  # of a call: its operands, placed
    elsewhere: set[Node] = field(default_factory=set)  # values it loads at other indices than it stores to


@dataclass
class Plan:
    steps: list[Step]
    strides: dict[Node, Shape]  # of every stored value
    alias: dict[Node, tuple[Node, Node | tuple]]  # lies in another value's memory: (there, by this movement or slice)
    inputs: list[Node]
    roots: list[Node]
    in_place: dict[Node, Node] = field(default_factory=dict)  # root: the input whose memory it takes over


def inline(node: Node) -> bool:
    """Whether kernels may compute it on the way."""
    if kind_of(node.dtype) is None:
        return False
    return node.op in EMITTERS or node.op in MOVEMENT or node.op in (ops.flip, ops.iota, constant_op)


class Planner:
    def __init__(self, roots: Sequence[Node], inputs: Sequence[Node], input_strides: Sequence[Shape],
                 updates: Mapping[Node, Node] | None = None):
        self.roots = list(roots)
        self.inputs = list(inputs)
        self.updates = dict(updates or {})  # root: the input in whose memory it is wanted
        self.order = updates_last(_in_order(roots), self.updates)
        self.steps: list[Step] = []
        self.strides: dict[Node, Shape] = dict(zip(inputs, input_strides))
        self.alias: dict[Node, tuple[Node, Node | tuple]] = {}
        self.born: dict[Node, int] = dict.fromkeys(inputs, -1)  # step that stores it
        self.stored = self._to_store()

    def plan(self) -> Plan:
        for node in self.order:
            if node in self.stored and node not in self.strides and (node.op is not constant_op or node in self.roots):
                self._store(node)
        return Plan(self.steps, self.strides, self.alias, self.inputs, self.roots, self.updates)

    # --- what is stored
    def _to_store(self) -> set[Node]:
        readers: dict[Node, int] = {}
        stored = set(self.roots)
        for node in self.order:
            for source in set(node.inputs):
                readers[source] = readers.get(source, 0) + 1
            if node.op is ops.after:
                stored.update((node, self._base(node.inputs[0])))
            elif not inline(node):
                stored.add(node)
                fused = can_reduce(node)
                stored.update(self._base(s) for s in node.inputs if not (fused and inline(s)))
        weight: dict[Node, int] = {}
        for node in self.order:
            if node in stored or not inline(node):
                weight[node] = 0
                continue
            weight[node] = sum(weight.get(s, 0) for s in set(node.inputs)) + _cost(node)
            if readers.get(node, 0) > 1 and weight[node] > 2 and node.op not in MOVEMENT:
                stored.add(node)
                weight[node] = 0
        return stored

    @staticmethod
    def _base(node: Node) -> Node:
        while node.op in MOVEMENT:
            node = node.inputs[0]
        return node

    # --- storing one value
    def _store(self, node: Node) -> None:
        if node.op in MOVEMENT and node not in self.roots and self._view(node):
            return
        if not inline(node):
            if node.op is ops.after:
                self._wait(node)
            elif node.op is ops.assemble:
                self._assemble(node)
            elif can_reduce(node):
                self._reduce(node)
            else:
                self._call(node)
            return
        self._pointwise(node)

    def _view(self, node: Node) -> bool:
        """Whether a movement lies in its source's memory; then it is placed."""
        source = node.inputs[0]
        if source not in self.strides:
            return False
        place = moved_place(node, Place(ARENA, 0, self.strides[source]))
        if place is None:
            return False
        self.strides[node] = place.strides
        self.alias[node] = (source, node)
        self.born[node] = self.born[source]
        return True

    def _wait(self, node: Node) -> None:
        """The same memory again; whatever reads it comes after all that is planned so far."""
        self._array(node.inputs[0])
        self._view(node)
        self.born[node] = len(self.steps) - 1

    def _placed(self) -> dict[Node, Place]:
        return {n: Place(ARENA, 0, s) for n, s in self.strides.items()}

    def _pointwise(self, node: Node, strides: Shape | None = None, earliest: int = 0) -> None:
        strides = self._layout(node) if strides is None else strides
        loads = self._loads(node, strides)
        if node in self.strides:  # a reshape that became a view of a copy
            return
        plain = self._plain_index(node, strides)
        elsewhere = {self._owner(n) for n, index in loads if index != plain or n in self.alias}
        for position in range(len(self.steps) - 1, max(len(self.steps) - 24, earliest - 1), -1):
            step = self.steps[position]
            if step.kind == "pointwise" and self._joins(node, strides, loads, plain, step, position):
                step.outputs.append(node)
                step.reads = list(dict.fromkeys([*step.reads, *(n for n in self._read(loads) if n not in step.outputs)]))
                step.elsewhere |= elsewhere
                self._born(node, strides, position)
                return
        self.steps.append(Step("pointwise", [node], self._read(loads), elsewhere=elsewhere))
        self._born(node, strides, len(self.steps) - 1)

    def _read(self, loads) -> list[Node]:
        """The stored values among what a kernel loads (positions are loaded from nowhere)."""
        return list(dict.fromkeys(n for n, _ in loads if n in self.strides))

    def _born(self, node: Node, strides: Shape, position: int) -> None:
        self.strides[node] = strides
        self.born[node] = position

    def _joins(self, node, strides, loads, plain, step: Step, position: int) -> bool:
        """Whether the node can be computed in an earlier kernel's loop."""
        first = step.outputs[0]
        if first.shape != node.shape or self.strides[first] != strides or len(step.outputs) >= 10:
            return False
        overwritten = self.updates.get(node)
        if overwritten is not None and any(overwritten in map(self._owner, s.reads) for s in self.steps[position + 1 :]):
            return False
        for source, index in loads:
            if source.op is ops.iota:
                continue
            owner = self._owner(source)
            if owner in step.outputs:
                if source is not owner or index != plain:
                    return False
            elif max(self.born[owner], self.born[source]) >= position:
                return False
        return True

    def _owner(self, node: Node) -> Node:
        while node in self.alias:
            node = self.alias[node][0]
        return node

    def _plain_index(self, node: Node, strides: Shape):
        order = sorted(range(len(node.shape)), key=lambda d: -strides[d])
        _, by_dim = loops_of(node.shape, order)
        return tuple(by_dim[d] for d in range(len(node.shape)))

    def _loads(self, node: Node, strides: Shape, index=None):
        """What computing it loads; values in the way of an affine index are stored first."""
        while True:
            found: dict = {}
            try:
                loads_of(node, index or self._plain_index(node, strides), self._placed(), found)
            except NotInline as problem:
                self._clear_away(problem.args[0])
                continue
            return found

    def _clear_away(self, node: Node) -> None:
        """A reshape that no affine index goes through: its source is stored contiguously and it is a view of that."""
        if node.op is not ops.reshape:
            self._store(node)
            return
        source = node.inputs[0]
        if source not in self.strides:
            self._store(source)
        if not self._view(node):
            copy = self._contiguous(source)
            place = moved_place(node, Place(ARENA, 0, self.strides[copy]))
            assert place is not None
            self.strides[node], self.alias[node], self.born[node] = place.strides, (copy, node), self.born[copy]

    def _contiguous(self, source: Node) -> Node:
        """A stored copy of a value in row-major order."""
        copy = ops.clone(source)
        self.steps.append(Step("copy", [copy], [source]))
        self._born(copy, contiguous_strides(source.shape), len(self.steps) - 1)
        return copy

    def _layout(self, node: Node) -> Shape:
        """The dense layout of the first operand that has the node's shape, contiguous if there is none."""
        if node in self.updates:
            return self.strides[self.updates[node]]
        found = self._operand_layout(node, 0)
        return found if found is not None else contiguous_strides(node.shape)

    def _operand_layout(self, node: Node, depth: int) -> Shape | None:
        for source in node.inputs:
            if source.shape != node.shape or source.op is constant_op:
                continue
            strides = self._known_strides(source)
            if strides is not None:
                if is_dense(source.shape, strides):
                    return strides
            elif depth < 12 and inline(source) and source.op not in (ops.reshape, ops.expand, ops.slice_, ops.permute):
                found = self._operand_layout(source, depth + 1)
                if found is not None:
                    return found
        return None

    def _known_strides(self, node: Node) -> Shape | None:
        """Strides of a stored value, or of one that is a view of a stored value."""
        if node in self.strides or node.op not in MOVEMENT:
            return self.strides.get(node)
        source = self._known_strides(node.inputs[0])
        place = None if source is None else moved_place(node, Place(ARENA, 0, source))
        return None if place is None else place.strides

    def _assemble(self, node: Node) -> None:
        """Room for the whole, zeros if the parts leave some out, and each part's kernel writing to its place."""
        parts, (shape, places) = node.inputs, node.attrs
        strides = self._operand_layout_of_parts(node)
        begun = len(self.steps)
        if not covers(shape, parts):
            self.steps.append(Step("zero", [node]))
        self._born(node, strides, begun)
        for part, (starts, steps) in zip(parts, places):
            here = ops.clone(part)
            self.alias[here] = (node, (starts, steps))
            inner = tuple(a * b for a, b in zip(strides, steps))
            self.strides.pop(here, None)
            self._pointwise(here, inner, begun)
        self.born[node] = len(self.steps) - 1

    def _operand_layout_of_parts(self, node: Node) -> Shape:
        """Channels-last where the first part is."""
        first = node.inputs[0]
        found = self.strides.get(first) or self._operand_layout(first, 0)
        if found is not None and len(node.shape) >= 3 and found == channels_last(first.shape) != contiguous_strides(first.shape):
            return channels_last(node.shape)
        return contiguous_strides(node.shape)

    def _reduce(self, node: Node) -> None:
        source = node.inputs[0]
        if source not in self.strides and not inline(source):
            self._store(source)
        strides = self.strides.get(source) or self._layout(source)
        order = sorted(range(len(source.shape)), key=lambda d: -strides[d])
        _, by_dim = loops_of(source.shape, order)
        loads = self._loads(source, strides, tuple(by_dim[d] for d in range(len(source.shape)))) \
            if source not in self.strides else {(source, ()): None}
        self.steps.append(Step("reduce", [node], self._read(loads), [source]))
        self._born(node, contiguous_strides(node.shape), len(self.steps) - 1)

    def _call(self, node: Node) -> None:
        operands = [self._array(s) for s in node.inputs]
        self.steps.append(Step("call", [node], operands, operands))
        last = node.op in (ops.conv, ops.conv_input_grad, ops.avg_pool, ops.avg_pool_grad, ops.max_pool, ops.max_pool_grad)
        strides = channels_last(node.shape) if last and len(node.shape) >= 3 else contiguous_strides(node.shape)
        self._born(node, strides, len(self.steps) - 1)

    def _array(self, node: Node) -> Node:
        """An operand of the library: stored, or a view of something stored."""
        if node in self.strides:
            return node
        if node.op in MOVEMENT:
            self._array(node.inputs[0])
            if not self._view(node):
                if node.op is ops.reshape:
                    self._clear_away(node)
                else:
                    self._pointwise(node)
            return node
        self._store(node)
        return node


def _cost(node: Node) -> int:
    """Of computing it once more, roughly in arithmetic instructions."""
    if node.op in MOVEMENT or node.op in (constant_op, ops.iota, ops.flip):
        return 0
    cheap = (ops.add, ops.sub, ops.mul, ops.neg, ops.square, ops.relu, ops.where, ops.gt, ops.lt, ops.ge, ops.le, ops.eq,
             ops.cast, ops.maximum, ops.minimum, ops.abs_, ops.logical_and, ops.logical_not)
    return 1 if node.op in cheap else 8


def _in_order(roots: Sequence[Node]) -> list[Node]:
    """What the roots are computed from, as it was recorded: each gradient beside what it is made from, so that values
    are used up before others are made, above all those that are recomputed."""
    return sorted(_topological(roots), key=lambda n: n.serial)


def _topological(roots: Sequence[Node]) -> list[Node]:
    order: list[Node] = []
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(r, False) for r in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
            continue
        if node in seen:
            continue
        seen.add(node)
        stack.append((node, True))
        stack.extend((s, False) for s in reversed(node.inputs) if s not in seen)
    return order
