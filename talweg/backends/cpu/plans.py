"""Plans: primitives run one after another, on the caller's arrays and on shared working memory.

A plan is built once for a signature. Running it sets one pointer an array and calls the primitives: a few
microseconds of Python. It knows pointers only, so a compiled program can run the same plan on its own arena.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ...runtime import memory, threads
from .bindings import Argument, ExecutionArgument, check
from .library import library
from .primitives import Descriptor, Primitive, reorder


class _Memory:
    """A oneDNN memory object: a layout and a pointer. Owns its handle."""

    __slots__ = ("_library", "handle")

    def __init__(self, layout: Descriptor):
        self._library = library()
        self.handle = self._library.new("memory_create", layout.handle, self._library.engine, None)

    def __del__(self):
        self._library.call("memory_destroy", self.handle)


class Value:
    """An array of a plan: the caller's (`argument` counts them) or a place in working memory (`offset`)."""

    __slots__ = ("argument", "layout", "memory", "offset")

    def __init__(self, layout: Descriptor, argument: int | None, offset: int):
        self.layout = layout
        self.argument = argument
        self.offset = offset
        self.memory = _Memory(layout)


class Packing(NamedTuple):
    """A step that only lays an argument out anew: the argument's number, the step's, and the copy."""

    argument: int
    step: int
    copy: Value


class _Running:
    """One plan runs at a time: each uses all threads, and all share the memory they work in.

    Two Python threads in matrix products on two threads each would be four threads waiting for two cores.
    """

    lock = threading.Lock()
    workspace = memory.Workspace()


def _new_lock_after_fork() -> None:
    _Running.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock_after_fork)


class Plan:
    """Built with `argument`, `temporary`, `reordered` and `add`, then run any number of times with `run`."""

    def __init__(self) -> None:
        self._library = library()
        self.values: list[Value] = []
        self.steps: list[tuple[Primitive, ctypes.Array]] = []
        self.workspace_bytes = 0
        self._bound = 0
        self.packings: list[Packing] = []
        self._homes: dict[Value, np.ndarray] = {}  # memory of its own that a value has
        self.calls: list[tuple[int, int, int]] = []  # primitive, number of arguments, their address
        self.arguments: list[int] = []  # the memory object of each of the caller's arrays
        self._pointers: list[int] = []  # and where it points

    def argument(self, layout: Descriptor) -> Value:
        """The next of the caller's arrays."""
        value = Value(layout, len(self.arguments), 0)
        self.values.append(value)
        self.arguments.append(value.memory.handle)
        self._pointers.append(0)
        return value

    def temporary(self, layout: Descriptor) -> Value:
        """An array that lives in working memory while the plan runs."""
        value = Value(layout, None, self.workspace_bytes)
        self.workspace_bytes += memory.aligned(layout.nbytes)
        self.values.append(value)
        return value

    def reordered(self, value: Value, layout: Descriptor) -> Value:
        """The array in another layout: itself if it has that layout, else a copy made as the plan runs."""
        if value.layout.same_layout(layout):
            return value
        copy = self.temporary(layout)
        self.add(reorder(value.layout, layout), {Argument.SRC: value, Argument.DST: copy})
        return copy

    def packed(self, value: Value, layout: Descriptor) -> Value:
        """As `reordered`, for an argument that is likely to be the same at many runs."""
        copy = self.reordered(value, layout)
        if copy is not value:
            assert value.argument is not None
            self.packings.append(Packing(value.argument, len(self.calls) - 1, copy))
        return copy

    def keep(self, value: Value) -> None:
        """Give a temporary memory of its own: what is written there once can be read at every run."""
        home = self._homes[value] = np.empty(value.layout.nbytes + memory.ALIGNMENT, np.uint8)
        self._library.set_pointer(value.memory.handle, memory.aligned(home.ctypes.data))

    def to_be(self, value: Value, layout: Descriptor) -> Value:
        """Where to write what shall end up in `value`: there, or in a temporary that `deliver` copies."""
        return value if value.layout.same_layout(layout) else self.temporary(layout)

    def deliver(self, written: Value, value: Value) -> None:
        if written is not value:
            self.add(reorder(written.layout, value.layout), {Argument.SRC: written, Argument.DST: value})

    def add(self, primitive: Primitive, arguments: Mapping[Argument, Value]) -> None:
        """One more step. Scratch memory is seen to here, unless it is given: steps that are many can share it."""
        given = dict(arguments)
        if Argument.SCRATCHPAD in primitive.layouts and Argument.SCRATCHPAD not in given:
            given[Argument.SCRATCHPAD] = self.temporary(primitive.layouts[Argument.SCRATCHPAD])
        packed = (ExecutionArgument * len(given))(
            *(ExecutionArgument(argument, value.memory.handle) for argument, value in given.items())
        )
        self.steps.append((primitive, packed))
        self.calls.append((primitive.handle, len(given), ctypes.addressof(packed)))

    def run(self, pointers: list[int]) -> None:
        """Run on the caller's arrays, given by address in the order they were declared."""
        with _Running.lock:
            self.execute(pointers, _Running.workspace.reserve(self.workspace_bytes))

    def execute(self, pointers: list[int], workspace: int) -> None:
        """Run on given addresses, working memory too.

        The caller sees to it that no other thread runs this plan.
        """
        threads.apply()
        if workspace != self._bound:
            self.bind(workspace)
        if self._pointers != pointers:
            self._point(pointers)
        execute = self._library.execute
        stream = self._library.stream
        for primitive, count, arguments in self.calls:
            status = execute(primitive, stream, count, arguments)
            if status:
                check(status, "primitive_execute")

    def _point(self, pointers: list[int]) -> None:
        set_pointer = self._library.set_pointer
        for handle, new, old in zip(self.arguments, pointers, self._pointers):
            if new != old:  # weights stay where they are from step to step
                set_pointer(handle, new)
        self._pointers = pointers

    def bind(self, workspace: int) -> None:
        for value in self.values:
            if value.argument is None and value not in self._homes:
                self._library.set_pointer(value.memory.handle, workspace + value.offset)
        self._bound = workspace
