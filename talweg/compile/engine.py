"""Interpret or replay: a graph that has been seen often enough is compiled, and replayed from then on."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from ..graph.key import structural_key
from ..graph.node import Node
from .plan import Planner
from .program import Program
from .rewrite import Canonical

MOST_PROGRAMS = 256


class Policy:
    """When graphs are compiled."""

    sightings = int(os.environ.get("TALWEG_COMPILE_AFTER", "-1"))
    """How often a graph is interpreted before it is compiled; negative: always interpreted. A count and not a time, so
    that two runs of a program compute the same numbers to the last bit."""


@contextmanager
def compile_after(sightings: int) -> Iterator[None]:
    """Inside, for all threads: interpret a graph `sightings` times, then compile it. 0: at first sight, negative: never."""
    before, Policy.sightings = Policy.sightings, sightings
    try:
        yield
    finally:
        Policy.sightings = before


class _Known:
    """What is known of one structure: how often it has been interpreted, and its program."""

    __slots__ = ("failed", "program", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.program: Compiled | None = None
        self.failed = False


class Compiled:
    """A program, and which of a graph's leaves its inputs are."""

    def __init__(self, outputs: Sequence[Node], leaves: Sequence[Node]):
        canonical = Canonical(outputs)
        place = {leaf: i for i, leaf in enumerate(leaves)}
        used = list(canonical.inputs)
        self.which = [place[leaf] for leaf in used]
        strides = [_strides(leaf.value) for leaf in used]
        self.program = Program(Planner(canonical.roots, list(canonical.inputs.values()), strides).plan())

    def run(self, leaves: Sequence[Node]) -> list[np.ndarray]:
        return self.program.run([leaves[i].value for i in self.which])


def _strides(array: np.ndarray) -> tuple[int, ...]:
    return tuple(s // array.itemsize for s in array.strides)


class Engine:
    """Keeps what it learns about graphs, the least recently used forgotten first."""

    def __init__(self) -> None:
        self.known: OrderedDict[tuple, _Known] = OrderedDict()

    def look_up(self, outputs: Sequence[Node]) -> tuple[_Known, list[Node]]:
        """What is known of the graph below these outputs, and its leaves in the order of its key."""
        key, leaves = structural_key(outputs)
        full = (key, tuple([n.value.strides for n in leaves]))
        known = self.known.get(full)
        if known is None:
            known = self.known[full] = _Known()
            if len(self.known) > MOST_PROGRAMS:
                self.known.popitem(last=False)
        else:
            self.known.move_to_end(full)
        return known, leaves

    def replay(self, known: _Known, outputs: Sequence[Node], leaves: list[Node]) -> list[np.ndarray] | None:
        """The outputs' arrays if there is, or should now be, a program; None to interpret."""
        if known.program is None:
            known.seen += 1
            if known.failed or known.seen <= Policy.sightings:
                return None
            try:
                known.program = Compiled(outputs, leaves)
            except NotImplementedError:
                known.failed = True
                return None
        return known.program.run(leaves)

