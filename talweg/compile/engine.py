"""Interpret or replay: a graph that has been seen often enough is compiled, and replayed from then on."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from ..core.shapes import Shape
from ..graph.key import structural_key
from ..graph.node import Node
from .in_place import impossible, wanted_updates
from .ownership import is_ours, references
from .plan import Planner
from .program import Program
from .rewrite import Canonical

SIGHTINGS = int(os.environ.get("TALWEG_COMPILE_AFTER", "-1"))
"""How often a graph is interpreted before it is compiled; negative: always interpreted. A count and not a time, so that
two runs of a program compute the same numbers to the last bit."""
MOST_PROGRAMS = 256


class _Known:
    """What is known of one structure: how often it has been interpreted, and its program."""

    __slots__ = ("failed", "program", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.program: Compiled | None = None
        self.failed = False


class Compiled:
    """A program, which of a graph's leaves its inputs are, and which of them it updates in place."""

    def __init__(self, outputs: Sequence[Node], leaves: Sequence[Node]):
        named = references(outputs, leaves)
        ours = [i for i, count in enumerate(named) if is_ours(leaves, i, count)]
        canonical = Canonical(outputs)
        place = {leaf: i for i, leaf in enumerate(leaves)}
        used = list(canonical.inputs)
        self.which = [place[leaf] for leaf in used]
        stand_ins = list(canonical.inputs.values())
        strides = [_strides(leaf.value) for leaf in used]
        donated = [canonical.inputs[leaves[i]] for i in ours if leaves[i] in canonical.inputs]
        self.program = planned(canonical.roots, stand_ins, strides, donated)
        taken = set(self.program.plan.in_place.values())
        # which input; which leaf; how often the graph names it
        self.updated = [(k, i, named[i]) for k, (i, s) in enumerate(zip(self.which, stand_ins)) if s in taken]

    def run(self, leaves: Sequence[Node]) -> list[np.ndarray]:
        arrays = [leaves[i].value for i in self.which]
        for k, i, count in self.updated:
            arrays[k] = _NOBODYS
            ours = is_ours(leaves, i, count)
            arrays[k] = leaves[i].value if ours else leaves[i].value.copy(order="K")
        return self.program.run(arrays)


_NOBODYS = np.empty(0)  # stands in while it is counted who holds an array


def planned(roots: Sequence[Node], inputs: Sequence[Node], strides: Sequence[Shape], donated: Sequence[Node]) -> Program:
    """The program, with as many of the donated inputs updated in place as is safe."""
    updates = wanted_updates(roots, donated)
    while True:
        plan = Planner(roots, inputs, strides, updates).plan()
        failed = impossible(plan)
        if not failed:
            break
        updates = {r: s for r, s in updates.items() if r not in failed}
    program = Program(plan)
    if updates and not program.checks_before_updates():
        program = Program(Planner(roots, inputs, strides).plan())
    return program


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
            if known.failed or known.seen <= SIGHTINGS:
                return None
            try:
                known.program = Compiled(outputs, leaves)
            except NotImplementedError:
                known.failed = True
                return None
        return known.program.run(leaves)

