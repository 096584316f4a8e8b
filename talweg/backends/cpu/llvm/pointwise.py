"""A kernel of one loop nest: every output element computed from elements of the inputs and stored.

The loops follow the first output's memory, outermost stride first. The function takes a range of the outer iterations,
so that threads share the work.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ....graph.node import Node
from .affine import Loop, linear
from .body import Body
from .expression import Place, loads_of
from .nest import Accesses, Kernel, Merger, Pointers, count, decoded, for_loop, loops_of
from .random import Blocks, block_size

SHORT = 8  # turns of an innermost loop up to which it is written out: vectors are made across the next loop


def pointwise_kernel(name: str, outputs: Sequence[Node], placed: Mapping[Node, Place]) -> Kernel:
    """The kernel that stores `outputs` (of one shape) from what else is placed. Raises NotInline."""
    first = outputs[0]
    strides = placed[first].strides
    loops, by_dim = loops_of(first.shape, sorted(range(len(first.shape)), key=lambda d: -strides[d]))
    index = tuple(by_dim[d] for d in range(len(first.shape)))
    inputs = {n: p for n, p in placed.items() if n not in outputs}
    loads: dict = {}
    for output in outputs:
        loads_of(output, index, inputs, loads)
    merger = Merger([*loads.values(), *(linear(index, placed[o].strides) for o in outputs)])
    nest = merger.merged(loops) or [Loop("one", 1)]
    written_out = [nest.pop()] if _is_short(nest) else []  # a loop too short to fill registers
    outer, inner = nest[:-1], nest[-1]
    body, head = Body(), Body("h")
    together = 1 if written_out else block_size(loads, inputs, merger, inner)
    blocks = Blocks()
    for number in range(written_out[0].size if written_out else together):
        accesses = Accesses(body, head, inner, merger, placed, f"%i{number}" if together > 1 else "%i")
        accesses.blocks = (blocks, number) if together > 1 else None
        accesses.fixed = (written_out[0], number) if written_out else None
        computation = accesses.computation()
        computation.placed = inputs
        # All values before the first store: an output may lie in the memory of what another output reads.
        values = [computation.value(output, index) for output in outputs]
        for output, value in zip(outputs, values):
            accesses.store(value, output, index)
    used = [placed[n] for n, _ in loads if n in inputs] + [placed[o] for o in outputs]
    steps = inner.size // together
    nothing = math.prod(first.shape) == 0  # then not even what stays the same may be loaded
    lines = ["entry:", "  ret void"] if nothing else _nest(outer, steps, head, _counted(body, together))
    text = Pointers(used).wrap(name, lines)
    work = count(outer) if outer else steps
    return Kernel(name, text, work, len(body.lines) * (steps if outer else 1), frozenset(body.requires))


def _is_short(nest: Sequence[Loop]) -> bool:
    """Whether the innermost loop is better written out, and the next one vectorised."""
    return len(nest) > 1 and nest[-1].size <= SHORT and nest[-2].size >= 2 * SHORT


def _counted(body: Body, together: int) -> list[str]:
    """The body, with the positions of the elements that it computes together."""
    if together == 1:
        return body.lines
    first = f"  %i0 = mul i64 %i, {together}"
    return [first, *(f"  %i{n} = add i64 %i0, {n}" for n in range(1, together)), *body.lines]


def _nest(outer: list[Loop], steps: int, head: Body, lines: list[str]) -> list[str]:
    if not outer:
        return ["entry:", *head.lines, *for_loop("i", "%begin", "%end", lines, "entry"), "  ret void"]
    row = [*decoded("%o", outer), *head.lines, *for_loop("i", "0", str(steps), lines, "o_body")]
    return ["entry:", *for_loop("o", "%begin", "%end", row, "entry"), "  ret void"]
