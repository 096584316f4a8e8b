"""Recurrent layers inside compiled programs: the loop of the reference, gone through once, with commands for what it does.

The loop is given views of places instead of arrays. A product then is a call of the library on the places of its operands,
and a step a kernel on the places of what it reads and writes: one kernel, since its text says nothing of places.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...core.dtypes import float32
from ...core.shapes import contiguous_strides
from ...graph import ops
from ...graph.node import Node
from ...graph.ops.recurrent_cells import CELLS, Cell
from ..reference.recurrent import backward_loop, forward_loop
from . import primitives
from .arrays import describable
from .bindings import Argument, DataType
from .llvm.expression import Place
from .llvm.nest import Kernel
from .llvm.pointwise import pointwise_kernel
from .plans import Plan, Value
from .primitives import Descriptor
from .recurrent import backward_graph, forward_graph, stand_in

_SIZE = float32.itemsize


class Clear(NamedTuple):
    """Memory to fill with zeros."""

    place: Place
    size: int


class Loop(NamedTuple):
    """What a program runs for one operation.

    plan      its primitives and the memory they need
    places    where the plan's arguments lie
    commands  in the order they run: a kernel, memory to clear, or None for the plan's next primitive
    """

    plan: Plan
    places: list[Place]
    commands: list[Kernel | Clear | None]


class View:
    """An array that is known by its place and shape only, with the indices that the reference's loops use."""

    def __init__(self, place: Place, shape: tuple[int, ...]):
        self.place = place
        self.shape = shape

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index) -> View:
        """A row by its number, a range of rows, or [:, a range of columns]."""
        place, strides = self.place, self.place.strides
        if isinstance(index, int):
            return View(Place(place.slot, place.offset + index * strides[0] * _SIZE, strides[1:]), self.shape[1:])
        dim, part = (1, index[1]) if isinstance(index, tuple) else (0, index)
        start, stop, _ = part.indices(self.shape[dim])
        shape = tuple([stop - start if d == dim else n for d, n in enumerate(self.shape)])
        return View(Place(place.slot, place.offset + start * strides[dim] * _SIZE, strides), shape)

    @property
    def transposed(self) -> View:
        return View(Place(self.place.slot, self.place.offset, self.place.strides[::-1]), self.shape[::-1])


class _Recorder:
    """Collects the commands of one loop. `scratch` is where the plan's working memory begins."""

    def __init__(self, scratch: Place):
        self.plan = Plan()
        self.scratch = scratch
        self.places: list[Place] = []
        self.commands: list[Kernel | Clear | None] = []

    def argument(self, x: View) -> Value:
        self.places.append(x.place)
        return self.plan.argument(Descriptor.strided(x.shape, x.place.strides, DataType.F32))

    def room(self, shape: tuple[int, ...]) -> tuple[Value, View]:
        strides = contiguous_strides(shape)
        value = self.plan.temporary(Descriptor.strided(shape, strides, DataType.F32))
        return value, View(Place(self.scratch.slot, self.scratch.offset + value.offset, strides), shape)

    def zeros(self, shape: tuple[int, ...]) -> View:
        _, view = self.room(shape)
        self.clear(view)
        return view

    def clear(self, x: View) -> None:
        """`x` without gaps."""
        self.commands.append(Clear(x.place, _SIZE * x.shape[0] * x.place.strides[0]))

    def primitive(self, primitive: primitives.Primitive, arguments: dict[Argument, Value]) -> None:
        self.plan.add(primitive, arguments)
        self.commands.append(None)

    def kernel(self, graph: Callable[[], tuple[list[Node], list[Node]]]) -> Callable[..., None]:
        """What adds a command for the kernel of this graph on given views: inputs, then outputs."""
        made: dict[tuple, Kernel] = {}

        def add(*views: View) -> None:
            strides = tuple([v.place.strides for v in views])
            if strides not in made:
                inputs, outputs = graph()
                placed = {node: Place(i, 0, s) for i, (node, s) in enumerate(zip([*inputs, *outputs], strides))}
                made[strides] = pointwise_kernel("loop", outputs, placed)
            found = made[strides]
            places = [views[i].place for i, _ in found.text.pointers]
            pointers = tuple([(p.slot, p.offset) for p in places])
            self.commands.append(dataclasses.replace(found, text=found.text._replace(pointers=pointers)))

        return add

    def copied(self, x: View) -> View:
        """The same values without gaps."""
        _, copy = self.room(x.shape)

        def graph():
            source = stand_in(x.shape)
            return [source], [ops.clone(source)]

        self.kernel(graph)(x, copy)
        return copy

    def product(self, weight: View, rows: int, row_step: int) -> Callable[[View], View]:
        """What adds a command for x (M, K) times a weight (K, N), which is packed first."""
        inner, columns = weight.shape
        if not describable(weight.shape, weight.place.strides):
            weight = self.copied(weight)
        x = Descriptor.strided((rows, inner), (row_step, 1), DataType.F32)
        result, seen = self.room((rows, columns))
        primitive = primitives.matmul(x, Descriptor.free(weight.shape, DataType.F32), result.layout)
        packed = self.plan.temporary(primitive.layouts[Argument.WEIGHTS])
        plain = self.argument(weight)
        self.primitive(primitives.reorder(plain.layout, packed.layout), {Argument.SRC: plain, Argument.DST: packed})
        shared = {Argument.WEIGHTS: packed, Argument.DST: result}
        if Argument.SCRATCHPAD in primitive.layouts:
            shared[Argument.SCRATCHPAD] = self.plan.temporary(primitive.layouts[Argument.SCRATCHPAD])

        def multiply(x: View) -> View:
            if x.place.strides != (row_step, 1):
                x = self.copied(x)
            self.primitive(primitive, {Argument.SRC: self.argument(x), **shared})
            return seen

        return multiply


def _forward(record: _Recorder, cell: Cell, given: list[View], states: View) -> None:
    batch, width = states.shape[1:]
    weight = given[3 if cell.has_memory else 2]
    multiply = record.product(weight.transposed, batch, width)
    forward_loop(cell, given, states, multiply, record.kernel(lambda: forward_graph(cell, batch, width)))


def _backward(record: _Recorder, cell: Cell, given: list[View], grads: View) -> None:
    batch, width = given[2].shape
    weight = given[4 if cell.has_memory else 3]
    multiply = record.product(weight, batch, cell.grads * width)
    step = record.kernel(lambda: backward_graph(cell, batch, width))

    def put_start(cell: Cell, row: View, product: View, carries: list[View]) -> None:
        parts = [product, *carries[:1]]
        targets = [row[:, j * width : (j + 1) * width] for j in range(cell.states)]
        if cell.states < cell.grads:
            record.clear(row)

        def graph():
            sources = [stand_in((batch, width)) for _ in parts]
            outputs = [ops.clone(s) for s in sources] if len(parts) == len(targets) else [ops.add(*sources)]
            return sources, outputs

        record.kernel(graph)(*parts, *targets)

    backward_loop(cell, given, grads, lambda: record.zeros((batch, width)), multiply, step, put_start)


def recurrent_loop(node: Node, places: Sequence[Place], scratch: Place) -> Loop | None:
    """The commands of a recurrent layer or of its gradient, given where the operands and the result lie; None for what
    is left to a call. Raises Unsupported where the library has no such product."""
    *shapes, whole = [*(n.shape for n in node.inputs), node.shape]
    if node.dtype is not float32 or places[-1].strides != contiguous_strides(whole) or 0 in whole:
        return None
    record = _Recorder(scratch)
    given = [View(p, s) for p, s in zip(places, shapes)]
    make = _forward if node.op is ops.recurrence else _backward
    make(record, CELLS[node.attrs[0]], given, View(places[-1], whole))
    return Loop(record.plan, record.places, record.commands)
