"""The loops of a pass over a row, with what its reductions carry from element to element.

Of a long row chunks are reduced, and the chunks' results then: numbers that are added one after another to a sum that has
grown large lose their last bits, the same way each time where they are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....graph import ops
from ....graph.node import Node
from .affine import Loop
from .body import Body
from .nest import count, decoded, for_loop
from .reduction import register, start, taken_in

CHUNK = 2048  # elements, of which many are taken in at once
NARROW = 256  # of loops that are too short for vectors: one after another
SHORTEST = 2 * CHUNK  # rows up to here are gone through at once


@dataclass
class Carried:
    """A reduction, its name in the innermost loop, and what that holds after one more element."""

    name: str
    node: Node
    following: str


@dataclass
class _Level:
    """A loop from begin to end. `ahead` is computed at each turn before the loops inside it, `once` before the loop itself.
    `anew`: the loops inside begin their reductions anew, and what they found is taken in afterwards."""

    name: str
    begin: str
    end: str
    ahead: Sequence[str] = ()
    once: Sequence[str] = ()
    anew: bool = False


def row_loops(turn: int, before: str, loops: Sequence[Loop], bounds: tuple[str, str] | None, parts: int, head: Sequence[str],
              body: Sequence[str], carried: Sequence[Carried]) -> tuple[list[str], list[str]]:
    """The text of pass `turn` over `loops`, and the names of what was reduced. `bounds` limit the part of the outermost loop
    that a thread takes; `head` is computed before the innermost loop."""
    *between, inner = loops
    outermost = count(between) if between else inner.size
    begin, end = bounds or ("0", str(outermost))
    long = count(loops) // parts > SHORTEST and any(c.node.op in (ops.sum_, ops.prod) for c in carried)
    i, m, k = f"i{turn}", f"m{turn}", f"k{turn}"
    if not between:
        levels = _chunked(_Level(i, begin, end), k, CHUNK) if long else [_Level(i, begin, end)]
        return [*head, *_nest(levels, before, body, carried)], _names(levels, carried)
    middle, last = _Level(m, begin, end, [*decoded(f"%{m}", between), *head]), _Level(i, "0", str(inner.size))
    if not long:
        levels = [middle, last]
    elif inner.size > CHUNK:
        levels = [middle, *_chunked(last, k, CHUNK)]
        middle.anew = True
    else:
        levels = [*_chunked(middle, k, max(1, NARROW // inner.size)), last]
    return _nest(levels, before, body, carried), _names(levels, carried)


def _chunked(level: _Level, name: str, chunk: int) -> list[_Level]:
    """A loop over chunks of a loop, and that loop within one."""
    begin, end = f"%{name}_from", f"%{name}_to"
    once = [f"  %{name}_have = sub i64 {level.end}, {level.begin}", f"  %{name}_more_than = add i64 %{name}_have, {chunk - 1}",
            f"  %{name}_count = sdiv i64 %{name}_more_than, {chunk}"]
    ahead = [f"  %{name}_past = mul i64 %{name}, {chunk}", f"  {begin} = add i64 {level.begin}, %{name}_past",
             f"  %{name}_above = add i64 {begin}, {chunk}",
             f"  {end} = call i64 @llvm.smin.i64(i64 %{name}_above, i64 {level.end})"]
    return [_Level(name, "0", f"%{name}_count", ahead, once, anew=True), _Level(level.name, begin, end, level.ahead)]


def _names(levels: Sequence[_Level], carried: Sequence[Carried]) -> list[str]:
    return [_phi(levels, 0, c) for c in carried]


def _phi(levels: Sequence[_Level], depth: int, carried: Carried) -> str:
    return f"%{carried.name}" + ("" if depth == len(levels) - 1 else f"_{levels[depth].name}")


def _nest(levels: Sequence[_Level], before: str, body: Sequence[str], carried: Sequence[Carried], depth: int = 0) -> list[str]:
    level = levels[depth]
    own = [_phi(levels, depth, c) for c in carried]
    fresh = depth == 0 or levels[depth - 1].anew
    begun = [start(c.node) if fresh else _phi(levels, depth - 1, c) for c in carried]
    if depth == len(levels) - 1:
        after = [c.following for c in carried]
        inside = list(body)
    else:
        inside = [*level.ahead, *_nest(levels, f"{level.name}_body", body, carried, depth + 1)]
        after = [_phi(levels, depth + 1, c) for c in carried]
        if level.anew:
            total = Body(f"{level.name}t")
            after = [taken_in(total, c.node, mine, found) for c, mine, found in zip(carried, own, after)]
            inside += total.lines
    phis = [(name, register(c.node), first, following) for name, c, first, following in zip(own, carried, begun, after)]
    return [*level.once, *for_loop(level.name, level.begin, level.end, inside, before, phis)]
