"""Interpret or replay: a graph that has been seen often enough is compiled, and replayed from then on."""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import numpy as np

from ..core.shapes import Shape
from ..graph.key import structural_key
from ..graph.node import Node
from . import dump
from .in_place import impossible, wanted_updates
from .ownership import is_ours, references
from .packing import Token
from .plan import Planner
from .profile import copy_of
from .program import Program
from .rewrite import Canonical

MOST_PROGRAMS = 256
MOST_SEEN = 4096
NEW = "new graph"


class Policy:
    """When graphs are compiled: by counts and sizes and never by time, so that two runs compute the same to the last bit."""

    sightings: int | None = int(os.environ["TALWEG_COMPILE_AFTER"]) if os.environ.get("TALWEG_COMPILE_AFTER") else None
    """How often a graph is interpreted before it is compiled; negative: always interpreted. None: as its size says."""
    large = 2
    small = 24  # a compiled kernel saves a small graph some microseconds a run, and takes 20 ms to make
    elements = 100_000  # of all values of a graph together, from which on it is large
    huge = 10_000_000  # and from which on, in a graph of many nodes, ...
    many = 64  # ... interpreting it once takes as long as compiling it, and more memory

    @classmethod
    def enough(cls, known: _Known) -> bool:
        """Whether a graph that has been seen so often shall be interpreted no more. Where its like has been seen, with
        other shapes or layouts, more may be to come."""
        after = cls.sightings
        if after is None:
            after = cls.large if known.elements >= cls.elements else cls.small
            if known.elements >= cls.huge and known.nodes >= cls.many and not known.shapes_vary:
                after = 0
        return 0 <= after < known.seen


@contextmanager
def compile_after(sightings: int) -> Iterator[None]:
    """Inside, for all threads: interpret a graph `sightings` times, then compile it. 0: at first sight, negative: never."""
    before, Policy.sightings = Policy.sightings, sightings
    try:
        yield
    finally:
        Policy.sightings = before


class Compiled:
    """A program, which of a graph's leaves its inputs are, and which of them it updates in place."""

    def __init__(self, outputs: Sequence[Node], leaves: Sequence[Node], donated: Sequence[int] = ()):
        canonical = Canonical(outputs)
        place = {leaf: i for i, leaf in enumerate(leaves)}
        self.which = [place[leaf] for leaf in canonical.inputs]
        stand_ins = list(canonical.inputs.values())
        strides = [strides_of(leaf.value) for leaf in canonical.inputs]
        given = [canonical.inputs[leaf] for leaf in (leaves[i] for i in donated)
                 if leaf in canonical.inputs and not repeats(leaf.shape, leaf.value.strides)]
        for_good = not any(n.needs_grad for n in outputs)
        self.program = planned(canonical.roots, stand_ins, strides, given, for_good)
        dump.show(self.program)
        taken = set(self.program.plan.in_place.values())
        self.updated = [i for i, s in zip(self.which, stand_ins) if s in taken]

    def run(self, arrays: Sequence[np.ndarray], token: Token | None = None) -> list[np.ndarray]:
        """The outputs' arrays, from those of the leaves. The arrays of the leaves in `updated` are written over. `token`
        tells which leaves have kept their values since the last run."""
        which = self.which
        return self.program.run([arrays[i] for i in which], token and (lambda i: token(which[i])))


class _Known:
    """What is known of one structure: how often it has been interpreted, and its program."""

    __slots__ = ("compiled", "elements", "refused", "named", "nodes", "seen", "shapes_vary")

    def __init__(self, elements: int, nodes: int, shapes_vary: bool) -> None:
        self.seen = 0
        self.elements = elements
        self.nodes = nodes
        self.shapes_vary = shapes_vary
        self.compiled: Compiled | None = None
        self.named: list[int | None] = []  # how often the graph names each leaf
        self.refused: NotImplementedError | None = None  # why it is interpreted for good

    def compile(self, outputs: Sequence[Node], leaves: Sequence[Node]) -> None:
        self.named = references(outputs, leaves)
        ours = [i for i, count in enumerate(self.named) if is_ours(leaves, i, count)]
        try:
            self.compiled = Compiled(outputs, leaves, ours)
        except NotImplementedError as error:
            self.refused = error.with_traceback(None)

    def run(self, leaves: Sequence[Node]) -> list[np.ndarray]:
        assert self.compiled is not None
        updated = set(self.compiled.updated)
        kept = [i in updated and not is_ours(leaves, i, self.named[i]) for i in range(len(leaves))]
        arrays = [copy_of(n.value) if keep else n.value for n, keep in zip(leaves, kept)]
        return self.compiled.run(arrays, lambda i: state_of(leaves[i]))


def state_of(leaf: Node) -> tuple:
    """Equal at two times only if the leaf's value is."""
    return leaf.serial, leaf.stamp and leaf.stamp[1]


def planned(roots: Sequence[Node], inputs: Sequence[Node], strides: Sequence[Shape], donated: Sequence[Node],
            packs: bool = False) -> Program:
    """The program, with as many of the donated inputs updated in place as is safe."""
    updates = wanted_updates(roots, donated)
    while True:
        plan = Planner(roots, inputs, strides, updates).plan()
        failed = impossible(plan)
        if not failed:
            break
        updates = {r: s for r, s in updates.items() if r not in failed}
    program = Program(plan, packs)
    if updates and not program.checks_before_updates():
        program = Program(Planner(roots, inputs, strides).plan(), packs)
    return program


def repeats(shape: Shape, strides: Shape) -> bool:
    """Whether elements share memory, as those of `zeros` and `expand` do: there is no room for a value of each."""
    return any(step == 0 and count > 1 for count, step in zip(shape, strides))


def strides_of(array: np.ndarray) -> tuple[int, ...]:
    return tuple(s // array.itemsize for s in array.strides)


def _elements(key: tuple) -> int:
    """Of all values of a graph, by its key."""
    entries, _ = key[0]
    return sum(math.prod(entry[0] if not isinstance(entry[0], str) else entry[3]) for entry in entries)


def compile_at_first_sight() -> AbstractContextManager[None]:
    """Inside, graphs are compiled when they are first seen, unless the user has said when (TALWEG_COMPILE_AFTER): for a
    training run, whose numbers are then the same to the last bit however much of it ran in the same process before."""
    return compile_after(0) if Policy.sightings is None else nullcontext()


@dataclass
class Counts:
    """What became of the graphs that were to be evaluated."""

    interpreted: int = 0
    compiled: int = 0
    replayed: int = 0
    forgotten: int = 0
    misses: dict[str, int] = field(default_factory=dict)  # why a graph was not known, and how often

    def miss(self, reason: str) -> None:
        self.misses[reason] = self.misses.get(reason, 0) + 1


class Engine:
    """Keeps what it learns about graphs, the least recently used forgotten first."""

    def __init__(self) -> None:
        self.known: OrderedDict[tuple, _Known] = OrderedDict()
        self.counts = Counts()
        self._seen: set[int] = set()  # hashes of structures, with and without their shapes

    def look_up(self, outputs: Sequence[Node]) -> tuple[_Known, list[Node]]:
        """What is known of the graph below these outputs, and its leaves in the order of its key."""
        key, leaves = structural_key(outputs)
        full = (key, tuple([n.value.strides for n in leaves]))
        known = self.known.get(full)
        if known is None:
            known = self._add(full)
        else:
            self.known.move_to_end(full)
        return known, leaves

    def _add(self, key: tuple) -> _Known:
        reason = self._reason(key)
        self.counts.miss(reason)
        known = self.known[key] = _Known(_elements(key), len(key[0][0]), reason != NEW)
        if len(self.known) > MOST_PROGRAMS:
            self.known.popitem(last=False)
            self.counts.forgotten += 1
        return known

    def _reason(self, key: tuple) -> str:
        """Why a graph is not known: nothing like it has been seen, or only with other shapes, layouts or constants."""
        entries, _ = key[0]
        shapeless = hash(tuple([entry[0] if isinstance(entry[0], str) else entry[1] for entry in entries]))
        layoutless = hash(key[0])
        reason = NEW
        if layoutless in self._seen:
            reason = "other layout of an input, or other tensors written in place"
        elif shapeless in self._seen:
            reason = "other shape, dtype or constant"
        if len(self._seen) < MOST_SEEN:
            self._seen.update((shapeless, layoutless))
        return reason

    def replay(self, known: _Known, outputs: Sequence[Node], leaves: list[Node]) -> list[np.ndarray] | None:
        """The outputs' arrays if there is, or should now be, a program; None to interpret."""
        if known.compiled is None:
            known.seen += 1
            if known.refused or not Policy.enough(known):
                self.counts.interpreted += 1
                return None
            self.counts.compiled += 1
            known.compile(outputs, leaves)
        if known.refused:
            return None
        self.counts.replayed += 1
        return known.run(leaves)

    def compiled(self, outputs: Sequence[Node], leaves: Sequence[Node], key: tuple, donated: Sequence[int]) -> Compiled:
        """The program for a graph whose donated leaves may be written over. `key` and `leaves` are the structural key's.

        Raises NotImplementedError for what cannot be compiled.
        """
        full = (key, tuple([n.value.strides for n in leaves]), tuple(donated))
        found = self.known.get(full)
        if found is None:
            self.counts.compiled += 1
            compiled = Compiled(outputs, leaves, donated)
            found = self._add(full)
            found.compiled = compiled
        assert found.compiled is not None
        return found.compiled
