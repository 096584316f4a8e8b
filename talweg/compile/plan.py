"""From a canonical graph to steps: what is computed by which kernel, in which order, stored where.

Pointwise and movement operations are computed inside the kernels that need them. What has to be stored (stored.py) is
taken in the order of the graph: it joins a kernel that goes over the same elements (joining.py), or starts one. At the
end, what no other step reads is not stored after all, and long reductions are cut for the threads (splitting.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from ..backends.cpu.llvm.expression import STATUS, STATUS_CELL, NotInline, Place, loads_of
from ..backends.cpu.llvm.group import Group, Index, plain_index
from ..backends.cpu.llvm.native import Native, native
from ..backends.cpu.llvm.reduction import can_reduce
from ..backends.cpu.llvm.types import kind_of
from ..core.shapes import Shape, contiguous_strides
from ..graph import ops
from ..graph.node import Node, constant_op
from ..graph.ops.assemble import covers
from .in_place import updates_last
from .joining import Candidate, Joining
from .layouts import layout, layout_of_call, layout_of_parts, lying
from .places import Placed, is_dense, moved_place
from .splitting import split
from .steps import Plan, Step
from .stored import MOVEMENT, base, inline, to_store, topological

ARENA = 0  # slot of the pointer table


class Planner:
    def __init__(self, roots: Sequence[Node], inputs: Sequence[Node], input_strides: Sequence[Shape],
                 updates: Mapping[Node, Node] | None = None):
        self.roots = list(roots)
        self.inputs = list(inputs)
        self.updates = dict(updates or {})  # root: the input in whose memory it is wanted
        self.order = updates_last(topological(roots), self.updates)
        self.steps: list[Step] = []
        self.strides: dict[Node, Shape] = {**dict(zip(inputs, input_strides)), STATUS_CELL: STATUS.strides}
        self.alias: dict[Node, tuple[Node, Node | tuple]] = {}
        self.born: dict[Node, int] = dict.fromkeys([*inputs, STATUS_CELL], -1)  # step that stores it
        self.joining = Joining(self.strides, self.born, self._owner, self.updates)
        self.stored = to_store(self.roots, self.order)

    def plan(self) -> Plan:
        for node in self.order:
            if node in self.stored and node not in self.strides and node.op is not constant_op:
                self._store(node)
        for root in self.roots:
            if root not in self.strides:  # a constant
                self._pointwise(root)
        self._drop_unread()
        steps = [part for step in self.steps for part in split(step, self.strides)]
        return Plan(steps, self.strides, self.alias, self.inputs, self.roots, self.updates)

    def _drop_unread(self) -> None:
        """What is read by the kernel alone that computes it stays in registers. A kernel that nobody reads goes: what an
        empty index would have put somewhere."""
        readers: dict[Node, set[int]] = {self._owner(r): {-1} for r in self.roots}
        for number, step in enumerate(self.steps):
            for node in step.reads:
                readers.setdefault(self._owner(node), set()).add(number)
        for number, step in enumerate(self.steps):
            if step.group is not None:
                step.outputs = [n for n in step.outputs if readers.get(self._owner(n), set()) - {number}]
                step.group.outputs = step.outputs
        self.steps = [s for s in self.steps if s.group is None or s.outputs]  # of empty values nothing may be read at all

    # --- storing one value
    def _store(self, node: Node) -> None:
        if node.op in MOVEMENT and self._may_be_view(node) and self._view(node):
            return
        if inline(node):
            self._pointwise(node)
        elif node.op is ops.after:
            self._wait(node)
        elif node.op is ops.assemble:
            self._assemble(node)
        elif node.op is ops.write_slice and kind_of(node.dtype) is not None:
            self._write_slice(node)
        elif can_reduce(node):
            self._reduce(node)
        elif (kernel := native(node)) is not None:
            self._native(node, kernel)
        else:
            self._call(node)

    def _may_be_view(self, node: Node) -> bool:
        """Results may be views of what the program computes, if they show all of it; not of its inputs."""
        if node not in self.roots:
            return True
        whole = self._owner(base(node))
        return whole in self.born and self.born[whole] >= 0 and math.prod(whole.shape) == math.prod(node.shape)

    def _view(self, node: Node) -> bool:
        """Whether a movement lies in its source's memory; then it is placed."""
        source = node.inputs[0]
        if source not in self.strides:
            return False
        place = moved_place(node, Place(ARENA, 0, self.strides[source]))
        if place is None:
            return False
        self._see(node, place, source)
        return True

    def _wait(self, node: Node) -> None:
        """The same memory again; whatever reads it comes after all that is planned so far."""
        self._array(node.inputs[0])
        self._view(node)
        self.born[node] = len(self.steps) - 1

    def _see(self, view: Node, place: Place, source: Node) -> None:
        self.strides[view] = place.strides
        self.alias[view] = (source, view)
        self.born[view] = self.born[source]

    def _pointwise(self, node: Node, strides: Shape | None = None, earliest: int = 0) -> None:
        if strides is None:
            updated = self.updates.get(node)
            strides = layout(node, self.strides) if updated is None else self.strides[updated]
        loads = self._loads(node, plain_index(node.shape))
        if node in self.strides:  # a reshape that has become a view of a copy
            return
        self._compute(Candidate(node, node.shape, strides, loads), strides, earliest)

    def _reduce(self, node: Node) -> None:
        source = node.inputs[0]
        if source not in self.strides and not inline(source):
            self._store(source)
        loads = self._loads(source, plain_index(source.shape))
        strides = lying(source, self.strides) or layout(source, self.strides)
        self._compute(Candidate(node, source.shape, strides, loads, node.attrs[0]), contiguous_strides(node.shape))

    def _compute(self, candidate: Candidate, strides: Shape, earliest: int = 0) -> None:
        """In a kernel that goes over the same elements, or in one of its own."""
        node = candidate.node
        position = self.joining.find(candidate, self.steps, earliest)
        if position is None:
            position = len(self.steps)
            self.steps.append(Step("group", [], group=Group(candidate.space, candidate.strides)))
        step = self.steps[position]
        assert step.group is not None
        step.outputs.append(node)
        step.group.members.append(node)
        if candidate.reduces is not None:
            step.group.dims = candidate.reduces
            step.group.reductions[node] = node.inputs[0]
        read = [(n, index) for n, index in candidate.loads if n in self.strides and self._owner(n) not in step.group.members]
        step.reads = list(dict.fromkeys([*step.reads, *(n for n, _ in read)]))
        plain = plain_index(candidate.space)
        step.elsewhere.update(self._owner(n) for n, index in read if index != plain or n in self.alias)
        self._born(node, strides, position)

    def _born(self, node: Node, strides: Shape, position: int) -> None:
        self.strides[node] = strides
        self.born[node] = position

    def _owner(self, node: Node) -> Node:
        while node in self.alias:
            node = self.alias[node][0]
        return node

    # --- what it is computed from
    def _loads(self, node: Node, index: Index) -> dict[tuple[Node, Index], object]:
        """What computing it loads; values in the way of an affine index are stored first."""
        return self._resolved(lambda placed, found: loads_of(node, index, placed, found))

    def _resolved(self, collect: Callable[[Mapping[Node, Place], dict], None]) -> dict:
        while True:
            found: dict = {}
            try:
                collect(Placed(self.strides), found)
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
            self._see(node, place, copy)

    def _contiguous(self, source: Node) -> Node:
        """A stored copy of a value in row-major order."""
        copy = ops.clone(source)
        strides = contiguous_strides(source.shape)
        loads = {(source, plain_index(source.shape)): None}
        self._compute(Candidate(copy, copy.shape, strides, loads), strides)
        return copy

    # --- values that kernels of ours do not compute
    def _assemble(self, node: Node) -> None:
        """Room for the whole, zeros if the parts leave some out, and each part's kernel writing to its place."""
        parts, (shape, places) = node.inputs, node.attrs
        strides = layout_of_parts(node, self.strides)
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

    def _native(self, node: Node, kernel: Native) -> None:
        """A kernel of its own, after one that fills in what it adds to."""
        operands = [] if kernel.fuses else [self._array(s) for s in node.inputs]
        strides = kernel.strides(node, self.strides[operands[-1]] if operands else None)
        begin = kernel.start(node)
        if begin is not None:
            self._filled(node, begin, strides)
        loads = self._resolved(lambda placed, found: kernel.loads(node, placed, found))
        scratch = kernel.scratch(node)
        read = list(dict.fromkeys(n for n, _ in loads if n in self.strides))
        self.steps.append(Step("native", [node, *scratch], read, list(node.inputs)))
        for each in (node, *scratch):
            self._born(each, strides, len(self.steps) - 1)

    def _write_slice(self, node: Node) -> None:
        """A copy of the first operand, then the second where it goes."""
        x, value = node.inputs
        starts, _, steps = node.attrs
        strides = self.strides.get(x)
        if strides is None or not is_dense(x.shape, strides):
            strides = contiguous_strides(x.shape)
        here = ops.clone(value)
        inner = tuple(a * b for a, b in zip(strides, steps))
        self._loads(here, plain_index(here.shape))
        self._filled(node, x, strides)
        if math.prod(value.shape):
            self.alias[here] = (node, (starts, steps))
            self._pointwise(here, inner, len(self.steps))
            self.born[node] = len(self.steps) - 1

    def _filled(self, node: Node, begin: Node, strides: Shape) -> None:
        """Room for a value, and a kernel that writes another one there."""
        here = ops.clone(begin)
        self._loads(here, plain_index(here.shape))  # what it needs is stored before the value's life begins
        self._born(node, strides, len(self.steps))
        self.alias[here] = (node, ((0,) * len(node.shape), (1,) * len(node.shape)))
        self._pointwise(here, strides, len(self.steps))

    def _call(self, node: Node) -> None:
        operands = [self._matrix(s) for s in node.inputs]
        self.steps.append(Step("call", [node], operands, operands))
        self._born(node, layout_of_call(node), len(self.steps) - 1)

    def _matrix(self, node: Node) -> Node:
        """An operand whose rows and columns do not repeat: the library would decline it."""
        self._array(node)
        repeats = any(step == 0 and size > 1 for step, size in zip(self.strides[node][-2:], node.shape[-2:]))
        return self._contiguous(node) if repeats and kind_of(node.dtype) is not None else node

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
