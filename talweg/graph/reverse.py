"""The reverse pass: nodes in, nodes out (L 3.4, N 2.4).

From the gradient of a scalar with respect to some outputs, the gradients with respect to what they were
computed from, as nodes of the same graph language: they can be evaluated, compiled, and differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..core.shapes import Shape
from .node import SECOND_PASS, Node, expand_composite, next_serial
from .ops.complex import conj
from .ops.movement import reshape
from .ops.pointwise import add
from .ops.reduce import sum_


class Inspection:
    """Called, if set, with each node that a reverse pass goes through and the gradients it gives its inputs."""

    check: Callable[[Node, list[tuple[Node, Node]]], None] | None = None


def reverse(outputs: Sequence[Node], seeds: Sequence[Node], stop_at: Iterable[Node] = (),
            release: bool = False, watch_stops: bool = True) -> dict[Node, Node]:
    """Gradients of sum(seed * output) for every node between the outputs and the leaves or `stop_at`.

    Returns those of the nodes where the pass ended (leaves, stops). With `release`, the graph gone through may
    not be differentiated again. Watchers of a node are called with its whole gradient, and may replace it; those of
    `stop_at` only with `watch_stops`, which a pass that finds just a part of their gradients leaves out.
    """
    stops = frozenset(stop_at)
    reached = _differentiable_ancestors(outputs, stops)
    pending: dict[Node, Node] = {}
    for output, seed in zip(outputs, seeds):
        if output in reached:
            _accumulate(pending, output, seed)
    ends: dict[Node, Node] = {}
    for node in sorted(reached, key=_serial, reverse=True):
        g = pending.pop(node, None)
        if g is None:
            continue
        if node.watchers and (watch_stops or node not in stops):
            g = _watched(node, g)
        if node in stops or not node.op.differentiable:
            ends[node] = g
            continue
        parts = input_gradients(node, g, reached)
        if Inspection.check is not None:
            Inspection.check(node, parts)
        for source, part in parts:
            _accumulate(pending, source, part)
    if release:
        for node in reached - ends.keys():
            _release(node)
    return ends


def _release(node: Node) -> None:
    """The node may not be gone through again, nor may what it is decomposed into."""
    if node.expansion is not None:
        inputs = frozenset(node.inputs)
        for inner in _differentiable_ancestors([node.expansion], inputs) - inputs:
            _release(inner)
    node.release()


def _serial(node: Node) -> int:
    return node.serial


def _differentiable_ancestors(outputs: Iterable[Node], stops: frozenset[Node]) -> set[Node]:
    """Every node that a gradient can reach from the outputs without passing a stop."""
    found = {n for n in outputs if n.needs_grad or n in stops}
    stack = [n for n in found if n not in stops]
    while stack:
        for source in stack.pop().inputs:
            if source not in found and (source.needs_grad or source in stops):
                found.add(source)
                if source not in stops:
                    stack.append(source)
    return found


def _accumulate(into: dict[Node, Node], node: Node, g: Node) -> None:
    before = into.get(node)
    into[node] = g if before is None else add(before, g)


def _watched(node: Node, g: Node) -> Node:
    for watch in tuple(node.watchers or ()):
        g = watch(g) or g
    return g


def input_gradients(node: Node, g: Node, wanted: set[Node]) -> list[tuple[Node, Node]]:
    """The gradient's way through one node: (input, its gradient) for each wanted input that has one."""
    if node.released and node.op.saves:
        raise RuntimeError(SECOND_PASS)
    return _by_rules(node, g, wanted) if node.op.gradients is not None else _through_decomposition(node, g, wanted)


def _by_rules(node: Node, g: Node, wanted: set[Node]) -> list[tuple[Node, Node]]:
    before = next_serial()
    arguments = node.op.arguments(node)
    parts = []
    for i, source in enumerate(node.inputs):
        if source in wanted:
            rule = node.op.gradients[i]
            part = None if rule is None else _applied(rule, g, node, source, arguments)
            if part is not None:
                parts.append((source, unbroadcast(part, source.shape)))
    _check_saved_values(node, [part for _, part in parts], before)
    return parts


def _applied(rule, g: Node, node: Node, source: Node, arguments: tuple) -> Node | None:
    """One gradient rule. Rules are written for real numbers; conjugated before and after they hold for holomorphic
    functions of complex ones. Those of kind linalg say where they conjugate themselves."""
    if not (node.dtype.is_complex and source.dtype.is_complex) or node.op.kind == "linalg":
        return rule(g, node, *arguments)
    part = rule(conj(g), node, *arguments)
    return None if part is None else conj(part)


def _check_saved_values(node: Node, results: list[Node], before: int) -> None:
    """Learn whether the operation's rules read forward values; refuse those written over since."""
    stale = [n for n in (node, *node.inputs) if n.stamp is not None and n.is_overwritten]
    if node.op.saves and not stale:
        return
    read = _values_read(results, {node, *node.inputs}, before)
    node.op.saves = node.op.saves or bool(read)
    for n in stale:
        if n in read and n.stamp is not None:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: "
                f"{n!r}, needed by the gradient of {node.op.name}, is at version {n.stamp[0][0]}; "
                f"expected version {n.stamp[1]} instead. Clone it before the write, or write out of place."
            )


def _values_read(results: list[Node], forward: set[Node], before: int) -> set[Node]:
    """Which forward nodes the nodes recorded since `before` take as inputs."""
    read: set[Node] = set()
    seen: set[Node] = set()
    stack = [n for n in results if n.serial > before]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        for source in node.inputs:
            if source.serial > before:
                stack.append(source)
            elif source in forward:
                read.add(source)
    return read


def _through_decomposition(node: Node, g: Node, wanted: set[Node]) -> list[tuple[Node, Node]]:
    inner = expand_composite(node)
    sources = [n for n in dict.fromkeys(node.inputs) if n in wanted]
    found = reverse([inner], [g], stop_at=sources, watch_stops=False)
    return [(n, found[n]) for n in sources if n in found]


def unbroadcast(g: Node, shape: Shape) -> Node:
    """A gradient summed over the dimensions along which its input was repeated."""
    if g.shape == shape:
        return g
    lead = len(g.shape) - len(shape)
    grown = tuple(i for i, s in enumerate(g.shape) if i < lead or (shape[i - lead] == 1 and s != 1))
    return reshape(sum_(g, grown, True), shape) if grown else reshape(g, shape)
