"""Updates in place: which results may take over the memory of an input that nobody reads afterwards.

A parameter and what an optimiser makes of it are two values of the graph; in memory they are one, as long as every
other reader of the old value has run before, and the update itself reads each element where it writes it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..graph.node import Node
from .stored import topological


def wanted_updates(roots: Sequence[Node], donated: Collection[Node]) -> dict[Node, Node]:
    """For roots that are computed element by element from a donated input of their shape: that input."""
    free = dict.fromkeys(donated)
    for root in roots:
        free.pop(root, None)
    found: dict[Node, Node] = {}
    for root in dict.fromkeys(roots):
        source = _source_of(root, free)
        if source is not None:
            found[root] = source
            del free[source]
    return found


def _source_of(root: Node, free: Collection[Node]) -> Node | None:
    """The nearest donated input of the root's shape and dtype, through pointwise operations alone."""
    if root.op.kind != "pointwise":
        return None
    level, seen = [root], {root}
    for _ in range(24):
        following = [s for n in level for s in n.inputs if s.shape == root.shape and s not in seen]
        for source in following:
            if source in free and source.dtype is root.dtype:
                return source
        level = [s for s in dict.fromkeys(following) if s.op.kind == "pointwise"]
        seen.update(level)
    return None


def updates_last(order: Sequence[Node], updates: Mapping[Node, Node]) -> list[Node]:
    """The order with what only updates need, and the updates, moved to the end: old values have been read by then."""
    readers: dict[Node, list[Node]] = {}
    for node in order:
        for source in set(node.inputs):
            readers.setdefault(source, []).append(node)
    late: set[Node] = set()
    for node in reversed(order):
        mine = readers.get(node, ())
        if node.op.kind == "pointwise" and (node in updates or mine) and all(r in late for r in mine):
            late.add(node)
    last = [n for n in order if n in late and not readers.get(n)]  # a parameter, right after the averages it is moved by
    return [n for n in order if n not in late] + [n for n in topological([*last, *order]) if n in late]


def impossible(plan) -> set[Node]:
    """The updates of a plan that would overwrite what is read later, or elsewhere by the same kernel."""

    def owner(node: Node) -> Node:
        while node in plan.alias:
            node = plan.alias[node][0]
        return node

    shown = {owner(r) for r in plan.roots}
    writes = {r: number for number, step in enumerate(plan.steps) for r in step.outputs if r in plan.in_place}
    read = [{owner(n) for n in [*step.reads, *step.sources]} for step in plan.steps]
    failed = set()
    for root, source in plan.in_place.items():
        at = writes.get(root)
        group = None if at is None else plan.steps[at].group
        same = group is not None and not group.reductions and plan.strides[root] == plan.strides[source]
        last = at is not None and not any(source in r for r in read[at + 1 :])
        if at is None or not same or not last or source in shown or source in plan.steps[at].elsewhere:
            failed.add(root)
    return failed
