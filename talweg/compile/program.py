"""A compiled graph: one list of commands on one arena. Run it with the inputs' arrays to get the roots'."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Sequence

import numpy as np

from ..backends.cpu.arrays import pointer
from ..backends.cpu.kernels import loop_of, plan_of
from ..backends.cpu.library import library
from ..backends.cpu.llvm.commands import CommandList
from ..backends.cpu.llvm.expression import STATUS, STATUS_CELL, Place
from ..backends.cpu.llvm.kernels import group_kernel
from ..backends.cpu.llvm.native import native
from ..backends.cpu.llvm.nest import Kernel
from ..backends.cpu.llvm.pointwise import pointwise_kernel
from ..backends.cpu.loops import Clear, Loop
from ..backends.cpu.plans import Plan as LibraryPlan
from ..backends.registry import compute_into
from ..core.shapes import Shape, contiguous_strides
from ..graph import ops
from ..graph.node import Node, constant_op
from ..runtime import threads
from ..runtime.capacity import require_available
from ..runtime.memory import Workspace, aligned
from .memory import arena_offsets, owner_in
from .ownership import pooled
from .packing import Packings, Token
from .places import moved_place, part_place
from .profile import Active
from .steps import Plan, Step

ARENA = 0  # slot of the pointers
SHARED_CLEAR = 1 << 18  # bytes from which on threads share the clearing of memory
_arena = Workspace()  # of all programs: one runs at a time


class Program:
    """Runs a plan. One program runs at a time: they share one arena, which is as large as the largest needs.

    A slot is a place outside the arena: an input's array, a result's, or an input's that becomes a result's where the
    plan updates it in place. `packs`: inputs are expected to stay the same from run to run, as weights after training do.
    """

    def __init__(self, plan: Plan, packs: bool = False):
        self.plan = plan
        self.packs = packs and not plan.in_place
        owner = owner_in(plan)
        stored = {owner(n) for step in plan.steps for n in step.outputs}
        results = [r for r in dict.fromkeys(map(owner, plan.roots)) if r in stored]
        self.kept = [r for r in results if r not in plan.in_place]
        offsets, self.arena_bytes = arena_offsets(plan, set(results))
        self.slots = {n: 1 + i for i, n in enumerate(plan.inputs)}
        self.slots.update({n: 1 + len(plan.inputs) + i for i, n in enumerate(self.kept)})
        self.slots.update({r: self.slots[source] for r, source in plan.in_place.items()})
        self._places: dict[Node, Place] = {n: Place(slot, 0, plan.strides[n]) for n, slot in self.slots.items()}
        self._places.update({n: Place(ARENA, at, plan.strides[n]) for n, at in offsets.items()})
        self._places[STATUS_CELL] = STATUS
        self._lower()
        self._lay_out()

    def place(self, node: Node) -> Place:
        found = self._places.get(node)
        if found is None:
            there, by = self.plan.alias[node]
            found = part_place(node, self.place(there), *by) if isinstance(by, tuple) else moved_place(by, self.place(there))
            assert found is not None
            self._places[node] = found
        return found

    # --- lowering
    def _lower(self) -> None:
        """Every step as commands; where the library declines, the commands are interrupted by a call from Python."""
        self.commands = CommandList()
        self.packings = Packings()
        self.calls: list[tuple[int, _Call]] = []  # (number of commands before it, call)
        self.library_plans: list[tuple[Step, LibraryPlan, list[Place]]] = []
        self.scratch_bytes = 0
        self.work: list[Step] = []  # of each command: the step it belongs to
        for number, step in enumerate(self.plan.steps):
            if step.kind == "call":
                self._lower_call(step)
            elif step.kind == "zero" and _size(step.outputs[0]) < SHARED_CLEAR:
                place = self.place(step.outputs[0])
                self.commands.clear((place.slot, place.offset), _size(step.outputs[0]))
            else:
                self.commands.kernel(self._kernel(f"k{number}", step))
            self.work += [step] * (len(self.commands) - len(self.work))

    def _lower_call(self, step: Step) -> None:
        loop = self._loop(step)
        if loop is None:
            self.calls.append((len(self.commands), _Call(self, step)))
            return
        self.library_plans.append((step, loop.plan, loop.places))
        packed = self.packings.take(loop.plan, loop.places, range(1, 1 + len(self.plan.inputs))) if self.packs else ()
        self.scratch_bytes = max(self.scratch_bytes, loop.plan.workspace_bytes)
        execute, stream = library().execute_address, library().stream
        assert stream is not None
        primitives = iter(enumerate(loop.plan.calls))
        for command in loop.commands:
            if command is None:
                number, (handle, count, arguments) = next(primitives)
                if number not in packed:
                    self.commands.primitive(handle, arguments, count, stream, execute)
            elif isinstance(command, Clear):
                self.commands.clear((command.place.slot, command.place.offset), command.size)
            else:
                self.commands.kernel(command)

    def _loop(self, step: Step) -> Loop | None:
        """What the library runs for a call, alone or in turns with kernels."""
        node = step.outputs[0]
        places = [self.place(n) for n in [*step.sources, node]]
        loop = loop_of(node, places, Place(ARENA, aligned(self.arena_bytes), ()))
        if loop is not None:
            return loop
        arrays = [_shadow(n, p) for n, p in zip([*step.sources, node], places)]
        plan = plan_of(node, arrays[:-1], arrays[-1])
        return None if plan is None else Loop(plan, places, [None] * len(plan.calls))

    def _kernel(self, name: str, step: Step) -> Kernel:
        placed = {n: self.place(n) for n in [*step.reads, *step.outputs]}
        if step.kind == "zero":
            blank = ops.full(0, step.outputs[0].shape, step.outputs[0])
            return pointwise_kernel(name, [blank], {blank: self.place(step.outputs[0])})
        if step.kind == "native":
            kernel = native(step.outputs[0])
            assert kernel is not None
            return kernel.build(name, step.outputs, placed)
        assert step.group is not None
        return group_kernel(name, step.group, placed)

    def _lay_out(self) -> None:
        """The pointers: nothing is pointed anywhere before the first run."""
        self.commands.build()
        self.packings.commands.build()
        self._handles: dict[int, list[tuple[int, int]]] = {}  # slot: (memory object of the library, offset)
        for _, plan, places in self.library_plans:
            for handle, place in zip(plan.arguments, places):
                self._handles.setdefault(place.slot, []).append((handle, place.offset))
        self._scratch = aligned(self.arena_bytes)
        self._bases = [0] * (1 + len(self.plan.inputs) + len(self.kept))
        self._results = [_Pool(n.shape, self.plan.strides[n], n.dtype.numpy) for n in self.kept]

    def checks_before_updates(self) -> bool:
        """Whether every index is checked before the first input is overwritten: an error then leaves the inputs whole."""
        updates = {f"k{i}" for i, step in enumerate(self.plan.steps) if any(n in self.plan.in_place for n in step.outputs)}
        return self.commands.last_check() < self.commands.first_update(updates)

    # --- running
    def run(self, inputs: Sequence[np.ndarray], token: Token | None = None) -> list[np.ndarray]:
        """The roots' arrays; their memory is new. `inputs` as the plan's, in shape, dtype and strides; those that the
        plan updates in place are overwritten. `token` tells which have kept their values since the last run."""
        arrays: list = [None, *inputs, *[pool.take() for pool in self._results]]
        bases = self._bases
        needed = self._scratch + self.scratch_bytes
        require_available(needed - _arena.size, "compiled program")
        base = _arena.reserve(needed)
        if base != bases[ARENA]:
            self._settle_in(base)
        for slot in range(1, len(arrays)):
            address = pointer(arrays[slot])
            if address != bases[slot]:
                self._point(slot, address)
        threads.apply()
        self.packings.refresh(token)
        at = 0
        profile = Active.profile
        run = self.commands.run if profile is None else functools.partial(profile.run, self)
        for stop, call in self.calls:
            run(at, stop)
            call.run(arrays)
            at = stop
        run(at, len(self.commands))
        if profile is not None:
            profile.runs += 1
        return [self.view(r, arrays) for r in self.plan.roots]

    def describe(self, number: int) -> str:
        """What a command does, in a few words."""
        step = self.work[number]
        names = list(dict.fromkeys(n.op.name for n in step.outputs))
        return f"{self.commands.what(number)}: {' + '.join(names)}"

    def leads(self, number: int) -> bool:
        """Whether a command is the first of its step."""
        return number == 0 or self.work[number - 1] is not self.work[number]

    @functools.cached_property
    def _beginnings(self) -> set[int]:
        seen: dict[tuple[int, str], int] = {}
        for number, step in enumerate(self.work):
            seen.setdefault((id(step), self.commands.what(number)), number)
        return set(seen.values())

    def begins(self, number: int) -> bool:
        """Whether a command is the first of its kind in its step."""
        return number in self._beginnings

    def _settle_in(self, base: int) -> None:
        """Point everything into the arena, which lies elsewhere than at the last run."""
        self._point(ARENA, base)
        for _, plan, _ in self.library_plans:
            plan.bind(base + self._scratch)

    def _point(self, slot: int, address: int) -> None:
        self._bases[slot] = address
        self.commands.point(slot, address)
        for handle, offset in self._handles.get(slot, ()):
            library().set_pointer(handle, address + offset)

    def view(self, node: Node, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """A stored value as an array."""
        place = self.place(node)
        size = node.dtype.itemsize
        strides = tuple([s * size for s in place.strides])
        if place.slot == ARENA:
            return np.ndarray(node.shape, node.dtype.numpy, _arena.bytes(), place.offset, strides)
        base = arrays[place.slot]
        if place.offset == 0 and base.strides == strides and base.shape == node.shape:
            return base
        if place.offset == 0 and base.flags.c_contiguous and place.strides == contiguous_strides(node.shape):
            return base.reshape(node.shape) if base.size == math.prod(node.shape) else _at(base, 0, node.shape, strides)
        return _at(base, place.offset, node.shape, strides)


def _size(node: Node) -> int:
    return math.prod(node.shape) * node.dtype.itemsize


class _Pool:
    """Memory for one result: small arrays handed out before are handed out again once nobody else holds them, so that
    they lie where they lay. Large ones go back to the allocator, which knows who else needs room."""

    KEPT = 2  # a result and its predecessor, which is often still looked at while the next is made
    LARGE = 1 << 20  # bytes

    def __init__(self, shape: Shape, strides: Shape, numpy_type):
        self._make = lambda: strided_empty(shape, strides, numpy_type)
        self._most = self.KEPT if math.prod(shape) * numpy_type.itemsize < self.LARGE else 0
        self._made: list[np.ndarray] = []

    def take(self) -> np.ndarray:
        made = self._made
        for i in range(len(made)):
            if held_once(made[i], 2):
                return made[i]
        array = self._make()
        if len(made) < self._most:
            made.append(array)
            pooled.add(id(array))
        return array

    def __del__(self) -> None:
        pooled.difference_update(map(id, self._made))


def held_once(array: np.ndarray, known: int) -> bool:
    """Whether an array's memory is seen by nobody but its holders known to the caller (counting this argument)."""
    if sys.getrefcount(array) > known + 1:
        return False
    base = array.base
    return base is None or (isinstance(base, np.ndarray) and base.base is None and sys.getrefcount(base) <= 3)


def _shadow(node: Node, place: Place) -> np.ndarray:
    """An array that lies as the node will, to be looked at only."""
    size = node.dtype.itemsize
    one = np.empty(1, node.dtype.numpy)
    return np.lib.stride_tricks.as_strided(one, node.shape, tuple(s * size for s in place.strides))


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
    """One value that NumPy, or the library through copies, computes into its place."""

    def __init__(self, program: Program, step: Step):
        self.program = program
        self.node = step.outputs[0]
        self.sources = step.sources

    def run(self, arrays: Sequence[np.ndarray]) -> None:
        view = self.program.view
        if self.node.op is constant_op:  # of a dtype that kernels do not hold
            view(self.node, arrays)[...] = self.node.attrs[0]
            return
        compute_into(self.node, [view(n, arrays) for n in self.sources], view(self.node, arrays))
