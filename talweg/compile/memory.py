"""The arena: one block for all values of a program, laid out from their lifetimes."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..graph.node import Node
from ..runtime.memory import aligned
from .steps import Plan


def owner_in(plan: Plan) -> Callable[[Node], Node]:
    def owner(node: Node) -> Node:
        while node in plan.alias:
            node = plan.alias[node][0]
        return node

    return owner


def lifetimes(plan: Plan) -> dict[Node, tuple[int, int]]:
    """First and last step of every value that a step stores."""
    owner = owner_in(plan)
    result: dict[Node, tuple[int, int]] = {}
    for number, step in enumerate(plan.steps):
        for node in step.outputs:
            whole = owner(node)
            result[whole] = (result.get(whole, (number,))[0], number)
        for node in step.reads:
            source = owner(node)
            if source in result:
                result[source] = (result[source][0], number)
    return result


def arena_offsets(plan: Plan, kept: set[Node]) -> tuple[dict[Node, int], int]:
    """Where each value starts in the arena, and the arena's size in bytes. Values in `kept` live elsewhere.

    The largest first, each at the lowest place that is free for as long as it lives.
    """
    spans = {n: span for n, span in lifetimes(plan).items() if n not in kept}
    sizes = {n: aligned(max(math.prod(n.shape), 1) * n.dtype.itemsize) for n in spans}
    offsets: dict[Node, int] = {}
    placed: list[tuple[int, int, int, int]] = []  # offset, end, first, last
    for node in sorted(spans, key=lambda n: (-sizes[n], spans[n])):
        first, last = spans[node]
        at = 0
        for offset, end, begun, ended in placed:
            if begun <= last and first <= ended and at + sizes[node] > offset and at < end:
                at = end
        offsets[node] = at
        placed.append((at, at + sizes[node], first, last))
        placed.sort()
    return offsets, max((end for _, end, _, _ in placed), default=0)
