"""How the wires of one frame turn: each horizontal part on a track of its own between two rows, so that none lies on another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .diagram import Part

Point = tuple[float, float]
TRACK = 7.0
"""Between the horizontal parts of wires."""
NEAR = 4.0


@dataclass(eq=False)
class Wire:
    """From the place `start` at the edge of a source's cell along a vertical `trunk` to the place `end` at the reader's edge,
    or in from a `side` of the reader. `leaf` is the part whose output it carries: wires of one leaf may lie on each other."""

    leaf: Part
    source: Any
    reader: Any
    way: str = ""
    start: float = 0.0
    trunk: float = 0.0
    end: float = 0.0
    side: str = ""


def spread(wires: list[Wire]) -> None:
    """Different values that come in from below do so at different places of the edge, the straight one in the middle."""
    leaves = {wire.leaf for wire in wires}
    reader = wires[0].reader.part
    if len(leaves) < 2 or reader is None:
        return
    apart = 5.0 if reader.kind == "sign" else 14.0
    straight = next((w for w in wires if w.way == "straight"), wires[0])
    right = left = 0
    for wire in sorted((w for w in wires if w is not straight), key=lambda w: abs(w.start - w.end)):
        if wire.trunk > wire.end or (wire.trunk == wire.end and wire.start > wire.end):
            right += 1
            shift = apart * right
        else:
            left += 1
            shift = -apart * left
        wire.trunk += shift if wire.trunk == wire.end else 0.0
        wire.end += shift


@dataclass(frozen=True)
class Turn:
    """A horizontal part between two rows: the places of the vertical parts below and above it, and whose output it is."""

    below: float
    above: float
    leaf: Part

    def crosses(self, other: Turn) -> bool:
        """Whether they would lie on each other on one track."""
        mine, theirs = (sorted((t.below, t.above)) for t in (self, other))
        return self.leaf is not other.leaf and mine[0] < theirs[1] + NEAR and theirs[0] < mine[1] + NEAR

    def under(self, other: Turn) -> bool:
        """Whether it must be on a lower track: what comes up to it goes on above where the other one's begins."""
        return self.leaf is not other.leaf and abs(self.below - other.above) < NEAR / 2


class Tracks:
    """The turns of a frame's wires: which there are behind each row, on which track, and so the corners of every wire."""

    def __init__(self, wires: Sequence[Wire]) -> None:
        self.turns: dict[int, dict[Turn, int]] = {}
        self.bases: dict[int, float] = {}
        found: dict[int, list[Turn]] = {}
        for wire in wires:
            for row, turn in _turns(wire):
                if turn not in found.setdefault(row, []):
                    found[row].append(turn)
        for row, turns in found.items():
            self.turns[row] = _tracked(turns)

    def count(self, row: int) -> int:
        """Tracks behind a row."""
        return 1 + max(self.turns.get(row, {}).values(), default=-1)

    def begin(self, row: int, y: float) -> None:
        """Put the first track behind a row at this height."""
        self.bases[row] = y

    def corners(self, wire: Wire) -> list[Point]:
        points = [(wire.start, wire.source.top)]
        for row, turn in _turns(wire):
            y = self.bases[row] + TRACK * self.turns[row][turn]
            points += [(turn.below, y), (turn.above, y)]
        reader = wire.reader
        if not wire.side:
            return [*points, (wire.end, reader.y + _round(reader, wire.end - reader.x))]
        middle = reader.y + reader.height / 2
        half = reader.height / 2 if reader.part.kind == "sign" else reader.after
        return [*points, (wire.trunk, middle), (reader.x + (-reader.before if wire.side == "left" else half), middle)]


def _round(reader: Any, aside: float) -> float:
    """How much higher the edge is so far from the middle: of a round sign, for wires beside the middle one."""
    if reader.part is None or reader.part.kind != "sign":
        return 0.0
    radius = reader.height / 2
    return radius - math.sqrt(max(radius**2 - aside**2, 0.0))


def _turns(wire: Wire) -> list[tuple[int, Turn]]:
    """(the row behind which, the turn) of a wire, from its source on."""
    out, into = wire.source.row, wire.reader.row - 1
    if wire.side:
        return [(out, Turn(wire.start, wire.trunk, wire.leaf))] if wire.start != wire.trunk else []
    if out == into and wire.way != "lane":
        return [(out, Turn(wire.start, wire.end, wire.leaf))] if wire.start != wire.end else []
    found = [(out, Turn(wire.start, wire.trunk, wire.leaf))] if wire.start != wire.trunk else []
    return [*found, (into, Turn(wire.trunk, wire.end, wire.leaf))] if wire.trunk != wire.end else found


def _tracked(turns: list[Turn]) -> dict[Turn, int]:
    """A track for each turn: above all that must be under it, and beside none that it would lie on."""
    found: dict[Turn, int] = {}
    waiting = list(turns)
    while waiting:
        ready = [t for t in waiting if not any(o.under(t) for o in waiting if o is not t)]
        turn = (ready or waiting)[0]  # where two go round each other, one crosses the other
        waiting.remove(turn)
        track = 1 + max((found[o] for o in found if o.under(turn)), default=-1)
        while any(found[o] == track and o.crosses(turn) for o in found):
            track += 1
        found[turn] = track
    return found
