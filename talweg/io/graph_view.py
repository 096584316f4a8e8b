"""A computational graph as plain data: nodes with values and gradients, wires with the three gradients (N 2.4).

What a reader does not mean is left out: broadcasts, copies and reshapes that only add or drop sizes of 1 become
part of a wire, unnamed numbers part of the node that uses them, and what no gradient goes through is one node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..compile.evaluate import evaluate
from ..graph.node import Node, leaf, spent
from ..graph.ops import expand, reshape
from ..graph.text import ancestors
from ..tensor import Tensor
from .graph_gradients import array_of, downstream_gradient, is_elementwise, local_gradient, node_gradients
from .graph_words import formula, label, number_text

LIMIT = 2000
"""Nodes that a drawing may have: beyond, nobody reads it."""


@dataclass(frozen=True, eq=False)
class ViewNode:
    """A node as it is drawn.

    kind       variable (its gradient is asked for), number, input (data without a gradient) or operation
    label      what stands in the node; `formula` says it with the names of its inputs
    inputs     indices of the nodes it reads, in order
    gradient   d output / d node; None where no gradient goes
    """

    index: int
    name: str
    kind: str
    operation: str
    label: str
    formula: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: str
    value: np.ndarray
    gradient: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Wire:
    """The way from a node to a node that reads it, and the gradients on it, where they were asked for.

    `local` is d target / d source: element by element where `elementwise` (downstream = upstream * local), otherwise
    the Jacobian (downstream_j = sum_i upstream_i local_ij), None where that is too large. A source that is read
    twice has two wires, and its gradient is the sum of their `downstream`.
    """

    source: int
    target: int
    position: int
    elementwise: bool = True
    local: np.ndarray | None = None
    upstream: np.ndarray | None = None
    downstream: np.ndarray | None = None


@dataclass(frozen=True)
class GraphView:
    """Nodes in the order of the forward pass, the last of them the output, and the wires between them."""

    nodes: tuple[ViewNode, ...]
    wires: tuple[Wire, ...]
    explained: bool

    @property
    def output(self) -> ViewNode:
        return self.nodes[-1]

    def node(self, name: str) -> ViewNode:
        """The node of that name. Raises KeyError when there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(f"no node is called {name!r}; there are: {', '.join(n.name for n in self.nodes)}")


def view_of(output: Tensor, names: Iterable[tuple[str, Tensor]] = (), explain: bool = False,
            output_name: str = "f") -> GraphView:
    """The graph that `output`, one number, was computed by, with d output / d node on every node.

    `names` are pairs as `model.named_parameters()` gives them; nodes without one are called q or q1, q2, ...
    With `explain` every wire has its local, upstream and downstream gradient (N fig. 2.5). Nothing is changed:
    no `.grad` is written, no hook called, no graph released.

    Raises RuntimeError when the output is not one number, needs no gradient, or `backward` has released its
    graph; ValueError for a graph of more than 2000 nodes.
    """
    _check_output(output)
    given = {tensor.node: name for name, tensor in names}
    drawn = _drawn_nodes(output.node, given)  # before evaluation, which lets go of what no gradient needs
    evaluate([*drawn, output.node])
    gradients = node_gradients(output.node, drawn)
    reader = _Reader(drawn, _shapes(drawn), _names(drawn, given, output_name), gradients)
    wires = [wire for node in drawn for wire in reader.wires_into(node, explain)]
    return GraphView(tuple(map(reader.view_node, drawn)), tuple(wires), explain)


def _check_output(output: Tensor) -> None:
    if output.numel() != 1:
        raise RuntimeError(f"view_of: the output must be one number, got shape {list(output.shape)}: "
                           "reduce it with sum() or mean()")
    if not output.requires_grad:
        raise RuntimeError("view_of: the output does not require grad, so there is no graph to show: "
                           "give requires_grad=True to what it is computed from")


# --- which nodes are drawn
@dataclass(frozen=True, eq=False)
class _Parts:
    """What a drawn node consists of, noted before evaluation: a way to each drawn input, or a number's text."""

    operation: str = ""
    ways: tuple[tuple[Node, ...], ...] = ()
    numbers: tuple[str | None, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)


def _drawn_nodes(output: Node, given: Mapping[Node, str]) -> dict[Node, _Parts]:
    """The nodes to draw, inputs before what reads them."""
    opened = _opened(output, given)
    found: dict[Node, _Parts] = {}
    stack = [_way(output, given, opened)[-1]]
    while stack:
        node = stack.pop()
        if node in found:
            continue
        found[node] = _parts(node, given, opened) if node in opened else _Parts()
        if len(found) > LIMIT:
            raise ValueError(f"view_of: the graph has more than {LIMIT} nodes, which nobody can read: "
                             "show a smaller model or a part of it")
        stack.extend(way[-1] for way in found[node].ways if way)
    return dict(sorted(found.items(), key=lambda item: item[0].serial))


def _opened(output: Node, given: Mapping[Node, str]) -> set[Node]:
    """The nodes whose inputs are followed: a gradient goes through them, or something named does."""
    opened: set[Node] = set()
    reached: set[Node] = set()
    for node in ancestors([output], through_values=True):
        if node.op is spent or node.released:
            raise RuntimeError("view_of: backward() has released this graph: look at it before, "
                               "or call backward(retain_graph=True)")
        if node in given or any(source in reached for source in node.inputs):
            reached.add(node)
        if (node.needs_grad or node in reached) and node.inputs and node not in given and node.op is not leaf:
            opened.add(node)
    return opened


def _way(node: Node, given: Mapping[Node, str], opened: set[Node]) -> tuple[Node, ...]:
    """From a node through what is not drawn to the one that is."""
    way = [node]
    while _is_plumbing(node) and node not in given:
        node = node.inputs[0]
        way.append(node)
    return tuple(way)


def _is_plumbing(node: Node) -> bool:
    if len(node.inputs) != 1 or node.op is leaf:
        return False
    if node.op is reshape:
        return _without_ones(node.shape) == _without_ones(node.inputs[0].shape)
    return node.op is expand or (node.op.kind == "identity" and node.op.differentiable)


def _without_ones(shape: Sequence[int]) -> list[int]:
    return [size for size in shape if size != 1]


def _parts(node: Node, given: Mapping[Node, str], opened: set[Node]) -> _Parts:
    ways = [_way(source, given, opened) for source in node.inputs]
    numbers = [_folded(way[-1], given) for way in ways]
    if all(number is not None for number in numbers):
        numbers = [None] * len(numbers)
    kept = tuple(() if number is not None else way for way, number in zip(ways, numbers))
    return _Parts(node.op.name, kept, tuple(numbers), dict(zip(node.op.attr_names, node.attrs)))


def _folded(node: Node, given: Mapping[Node, str]) -> str | None:
    """The text of an unnamed number, which is written into the node that reads it."""
    if node in given or node.needs_grad or node.inputs or node.shape or node.value is None:
        return None
    return number_text(node.value[()])


# --- how they are called
def _names(drawn: Mapping[Node, _Parts], given: Mapping[Node, str], output_name: str) -> dict[Node, str]:
    *others, output = drawn
    called = {node: _leaf_name(node, given) for node in others if not drawn[node].operation}
    called[output] = given.get(output) or _free([output_name, "out", "result"], set(called.values()))
    taken = set(called.values())
    inner = [node for node in others if node not in called]
    letter = _free(["q", "u", "v", "node"], taken, numbered=len(inner))
    for i, node in enumerate(inner, 1):
        called[node] = letter if len(inner) == 1 else f"{letter}{i}"
    return called


def _leaf_name(node: Node, given: Mapping[Node, str]) -> str:
    if node in given:
        return given[node]
    if node.needs_grad:
        return "variable"
    return number_text(node.value[()]) if not node.shape and node.value is not None else "data"


def _free(candidates: Sequence[str], taken: set[str], numbered: int = 0) -> str:
    """The first candidate that is not taken, alone or with a number behind it."""
    for name in candidates:
        if not taken & {name, *(f"{name}{i}" for i in range(1, numbered + 1))}:
            return name
    return candidates[-1] + "_"


# --- nodes and wires as data
def _shapes(drawn: Mapping[Node, _Parts]) -> dict[Node, tuple[int, ...]]:
    """The shapes to show: where all readers of an operation see it without its sizes of 1, so does the drawing."""
    seen: dict[Node, set[tuple[int, ...]]] = {}
    for parts in drawn.values():
        for way in filter(None, parts.ways):
            closest = way[-2] if len(way) > 1 and way[-2].op is reshape else way[-1]
            seen.setdefault(way[-1], set()).add(tuple(closest.shape))
    one = {node: next(iter(shapes)) for node, shapes in seen.items() if len(shapes) == 1}
    return {node: one.get(node, tuple(node.shape)) if parts.operation else tuple(node.shape)
            for node, parts in drawn.items()}


class _Reader:
    """Turns drawn nodes into plain data."""

    def __init__(self, drawn: Mapping[Node, _Parts], shapes: Mapping[Node, tuple[int, ...]],
                 called: Mapping[Node, str], gradients: Mapping[Node, np.ndarray]):
        self.drawn = drawn
        self.shapes = shapes
        self.called = called
        self.gradients = gradients
        self.index = {node: i for i, node in enumerate(drawn)}

    def view_node(self, node: Node) -> ViewNode:
        parts, name, shape = self.drawn[node], self.called[node], self.shapes[node]
        operands = [number or self.called[way[-1]] for way, number in zip(parts.ways, parts.numbers)]
        gradient = self.gradients.get(node)
        return ViewNode(
            self.index[node], name, self._kind(node), parts.operation,
            label(parts.operation, parts.numbers, parts.attributes) if parts.operation else name,
            formula(parts.operation, operands, parts.attributes) if parts.operation else name,
            tuple(self.index[way[-1]] for way in parts.ways if way),
            shape, node.dtype.name, array_of(node).reshape(shape), None if gradient is None else gradient.reshape(shape),
        )

    def _kind(self, node: Node) -> str:
        if self.drawn[node].operation:
            return "operation"
        return "variable" if node.needs_grad else "input" if node.shape else "number"

    def wires_into(self, node: Node, explain: bool) -> list[Wire]:
        ways = enumerate(self.drawn[node].ways)
        return [self._wire(node, position, way, explain) for position, way in ways if way]

    def _wire(self, node: Node, position: int, way: tuple[Node, ...], explain: bool) -> Wire:
        source = way[-1]
        ends = (self.index[source], self.index[node], position)
        downstream = None
        if explain and node in self.gradients and source in self.gradients:
            downstream = downstream_gradient(node, position, way, self.gradients[node])
        if downstream is None:
            return Wire(*ends)
        out, into = self.shapes[node], self.shapes[source]
        elementwise = is_elementwise(node, way) and out == into
        local = local_gradient(node, position, way, elementwise)
        local = local if local is None else local.reshape(out if elementwise else (*out, *into))
        return Wire(*ends, elementwise, local, self.gradients[node].reshape(out), downstream.reshape(into))
