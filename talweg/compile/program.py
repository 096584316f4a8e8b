"""A compiled graph: kernels, calls of the library, one arena. Run it with the inputs' arrays to get the roots'."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence

import numpy as np

from ..backends.cpu.library import available
from ..backends.cpu.llvm.driver import Driver
from ..backends.cpu.llvm.expression import STATUS, STATUS_CELL, Place
from ..backends.cpu.llvm.kernels import group_kernel
from ..backends.cpu.llvm.nest import Kernel
from ..backends.registry import compute_into
from ..core.shapes import Shape, contiguous_strides
from ..graph.node import Node
from .memory import arena_offsets, owner_in
from .places import moved_place, part_place
from .steps import Plan, Step


class Program:
    """Runs a plan. Not for two threads at once: it has one arena."""

    def __init__(self, plan: Plan):
        self.plan = plan
        owner = owner_in(plan)
        stored = {owner(n) for step in plan.steps for n in step.outputs}
        self._kept = list(dict.fromkeys(owner(r) for r in plan.roots if owner(r) in stored))
        offsets, self.arena_bytes = arena_offsets(plan, set(self._kept))
        self._arena = np.empty(self.arena_bytes + 64, np.uint8)
        start = -self._arena.ctypes.data % 64
        self._arena = self._arena[start : start + self.arena_bytes]
        slots = {n: 1 + i for i, n in enumerate(plan.inputs)}
        slots.update({n: 1 + len(plan.inputs) + i for i, n in enumerate(self._kept)})
        self._slots = slots
        self._places: dict[Node, Place] = {n: Place(slot, 0, plan.strides[n]) for n, slot in slots.items()}
        self._places.update({n: Place(0, at, plan.strides[n]) for n, at in offsets.items()})
        self._places[STATUS_CELL] = STATUS
        self._status = ctypes.c_int64(0)
        self._memory = (ctypes.c_void_p * (2 + len(slots)))()  # the status cell's address, then the table
        self._memory[0] = ctypes.addressof(self._status)
        self._table = (ctypes.c_void_p * (1 + len(slots))).from_address(ctypes.addressof(self._memory) + 8)
        self._table[0] = self._arena.ctypes.data
        self._segments = self._lowered()

    def place(self, node: Node) -> Place:
        found = self._places.get(node)
        if found is None:
            there, by = self.plan.alias[node]
            found = part_place(node, self.place(there), *by) if isinstance(by, tuple) else moved_place(by, self.place(there))
            assert found is not None
            self._places[node] = found
        return found

    # --- lowering
    def _lowered(self) -> list:
        """Runs of kernels as one native call each, calls of the library between them."""
        driver = Driver()
        segments: list = []
        for number, step in enumerate(self.plan.steps):
            if step.kind in ("call", "zero"):
                segments.append(_Call(self, step))
                continue
            if not segments or isinstance(segments[-1], _Call):
                segments.append(driver.new_segment())
            driver.add(segments[-1], self._kernel(f"k{number}", step))
        driver.compile()
        return segments

    def _kernel(self, name: str, step: Step) -> Kernel:
        assert step.group is not None
        return group_kernel(name, step.group, {n: self.place(n) for n in [*step.reads, *step.outputs]})

    # --- running
    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The roots' arrays; their memory is new. `inputs` as the plan's, in shape, dtype and strides."""
        arrays: dict[int, np.ndarray] = {}
        for node, array in zip(self.plan.inputs, inputs):
            slot = self._slots[node]
            arrays[slot] = array
            self._table[slot] = array.ctypes.data
        for node in self._kept:
            slot = self._slots[node]
            arrays[slot] = strided_empty(node.shape, self.plan.strides[node], node.dtype.numpy)
            self._table[slot] = arrays[slot].ctypes.data
        table = ctypes.addressof(self._table)
        self._status.value = 0
        for segment in self._segments:
            segment.run(table, arrays)
        if self._status.value:
            raise IndexError("an index is out of range; the interpreter says which")
        return [self.view(r, arrays) for r in self.plan.roots]

    def view(self, node: Node, arrays: dict[int, np.ndarray]) -> np.ndarray:
        """A stored value as an array."""
        place = self.place(node)
        size = node.dtype.itemsize
        base = self._arena if place.slot == 0 else arrays[place.slot]
        strides = tuple(s * size for s in place.strides)
        if place.slot == 0:
            return np.ndarray(node.shape, node.dtype.numpy, base, place.offset, strides)
        if place.offset == 0 and base.shape == node.shape and base.strides == strides:
            return base
        return _at(base, place.offset, node.shape, strides)


def _at(base: np.ndarray, offset: int, shape: Shape, strides: Shape) -> np.ndarray:
    """An array `offset` bytes into another's memory; it keeps the other alive."""
    interface = {"data": (base.ctypes.data + offset, False), "shape": shape, "strides": strides, "version": 3,
                 "typestr": base.dtype.str}
    made = np.asarray(_Window(interface, base))
    return made if made.dtype == base.dtype else made.view(base.dtype)


class _Window:
    """Memory of another array, through NumPy's array interface."""

    def __init__(self, interface: dict, owner: np.ndarray):
        self.__array_interface__ = interface
        self.owner = owner


LINE = 64
"""Bytes of a cache line, and of the widest vector: loads that straddle two of them take twice as long."""


def strided_empty(shape: Shape, strides: Shape, numpy_type) -> np.ndarray:
    """A new array of a dense layout, large ones on a line's boundary."""
    order = sorted(range(len(shape)), key=lambda d: -strides[d])
    if strides == contiguous_strides(shape) or math.prod(shape) == 0:
        return _empty(shape, numpy_type)
    return _empty(tuple(shape[d] for d in order), numpy_type).transpose(np.argsort(order))


def _empty(shape: Shape, numpy_type) -> np.ndarray:
    size = math.prod(shape) * numpy_type.itemsize
    if size < 16 * LINE:
        return np.empty(shape, numpy_type)
    room = np.empty(size + LINE, np.uint8)
    return np.ndarray(shape, numpy_type, room, -room.ctypes.data % LINE)


class _Call:
    """One value that the library, or NumPy, computes into its place."""

    def __init__(self, program: Program, step: Step):
        self.program = program
        self.node = step.outputs[0]
        self.sources = step.sources
        self.blank = step.kind == "zero"
        fixed = [program.place(n).slot == 0 for n in self.sources]
        self.operands = [program.view(n, {}) if f else None for n, f in zip(self.sources, fixed)]
        self.target = program.view(self.node, {}) if program.place(self.node).slot == 0 else None
        self.onednn = available()

    def run(self, table: int, arrays: dict[int, np.ndarray]) -> None:
        view = self.program.view
        operands = [view(n, arrays) if a is None else a for n, a in zip(self.sources, self.operands)]
        target = view(self.node, arrays) if self.target is None else self.target
        if self.blank:
            target[...] = 0
        else:
            compute_into(self.node, operands, target)
