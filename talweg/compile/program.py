"""A compiled graph: kernels, calls of the library, one arena. Run it with the inputs' arrays to get the roots'."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence

import numpy as np

from ..backends.cpu.library import available
from ..backends.cpu.llvm.driver import Driver
from ..backends.cpu.llvm.expression import STATUS, STATUS_CELL, Place
from ..backends.cpu.llvm.native import native
from ..backends.cpu.llvm.nest import Kernel
from ..backends.cpu.llvm.pointwise import pointwise_kernel
from ..backends.cpu.llvm.reduction import reduction_kernel
from ..backends.cpu.llvm.types import kind_of
from ..backends.registry import compute_into
from ..core.shapes import Shape, contiguous_strides
from ..graph import ops
from ..graph.node import Node
from .memory import arena_offsets, owner_in
from .places import moved_place, part_place
from .plan import Plan, Step


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
            if step.kind == "call" or (step.kind == "zero" and kind_of(step.outputs[0].dtype) is None):
                segments.append(_Call(self, step))
                continue
            if not segments or isinstance(segments[-1], _Call):
                segments.append(driver.new_segment())
            driver.add(segments[-1], self._kernel(f"k{number}", step))
        driver.compile()
        return segments

    def _kernel(self, name: str, step: Step) -> Kernel:
        placed = {n: self.place(n) for n in [*step.reads, *step.outputs]}
        if step.kind == "reduce":
            node = step.outputs[0]
            source = step.sources[0]
            return reduction_kernel(name, node, placed, _innermost(source, self.plan))
        if step.kind == "zero":
            blank = ops.full(0, step.outputs[0].shape, step.outputs[0])
            return pointwise_kernel(name, [blank], {blank: self.place(step.outputs[0])})
        if step.kind == "native":
            kernel = native(step.outputs[0])
            assert kernel is not None
            return kernel.build(name, step.outputs, placed)
        return pointwise_kernel(name, step.outputs, placed)

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


def strided_empty(shape: Shape, strides: Shape, numpy_type) -> np.ndarray:
    """A new array of a dense layout."""
    if strides == contiguous_strides(shape) or math.prod(shape) == 0:
        return np.empty(shape, numpy_type)
    order = sorted(range(len(shape)), key=lambda d: -strides[d])
    inner = np.empty([shape[d] for d in order], numpy_type)
    back = np.argsort(order)
    return inner.transpose(back)


def _innermost(source: Node, plan: Plan) -> int | None:
    """The dimension of a reduction's operand that lies innermost in memory."""
    strides = plan.strides.get(source)
    if strides is None:
        strides = _likely_strides(source, plan)
    candidates = [(s, d) for d, (s, n) in enumerate(zip(strides, source.shape)) if n > 1 and s > 0]
    return min(candidates)[1] if candidates else None


def _likely_strides(node: Node, plan: Plan) -> Shape:
    """The layout of the first stored operand of the same shape."""
    stack = list(node.inputs)
    for _ in range(64):
        if not stack:
            break
        source = stack.pop(0)
        if source.shape != node.shape:
            continue
        if source in plan.strides:
            return plan.strides[source]
        stack.extend(source.inputs)
    return contiguous_strides(node.shape)


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
