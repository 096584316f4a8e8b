"""Gradients on the nodes and wires of a graph, from the library's own reverse pass (N 2.4.3, N fig. 2.5).

At a node f of inputs x: the upstream gradient dL/df comes from the nodes after it, the local gradient df/dx is
the operation's own, and their product dL/dx goes downstream to the input.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

import numpy as np

from ..compile.evaluate import evaluate
from ..graph.leaves import constant, from_array
from ..graph.node import Node, grad_mode
from ..graph.ops import full
from ..graph.reverse import input_gradients, reverse

JACOBIAN_ROWS = 64
JACOBIAN_ELEMENTS = 1024


def array_of(node: Node) -> np.ndarray:
    """A node's value. Raises what evaluating it raised."""
    evaluate([node])
    if node.value is None:
        raise node.failure or RuntimeError(f"{node!r} has no value after evaluation")
    return node.value


def node_gradients(output: Node, nodes: Iterable[Node]) -> dict[Node, np.ndarray]:
    """d output / d node for each of `nodes` that a gradient reaches.

    The hooks of a user's tensors are not called: looking at a graph changes nothing.
    """
    found: dict[Node, Node] = {}
    watched = {node: node.watchers for node in nodes}
    try:
        for node in watched:
            node.watchers = [functools.partial(found.__setitem__, node)]
        with grad_mode(False):
            reverse([output], [_one_like(output)])
    finally:
        for node, before in watched.items():
            node.watchers = before
    evaluate(found.values())
    return {node: array_of(g) for node, g in found.items()}


def _one_like(node: Node) -> Node:
    return full(1, node.shape, node) if node.shape else constant(1, node.dtype)


def downstream_gradient(node: Node, position: int, way: Sequence[Node], upstream: np.ndarray) -> np.ndarray | None:
    """What goes to one input of `node` when `upstream` reaches it; None where the input has no gradient.

    `way` leads from the input at `position` through nodes that are not drawn (broadcasts, copies) to the source.
    """
    with grad_mode(False):
        g = _through(node, position, from_array(np.ascontiguousarray(upstream).reshape(node.shape)))
        for hidden in way[:-1]:
            g = g and _through(hidden, 0, g)
    return None if g is None else array_of(g)


def local_gradient(node: Node, position: int, way: Sequence[Node], elementwise: bool) -> np.ndarray | None:
    """d node / d input by the operation's own rule; None where there is none or it is too large to be read.

    Either element by element, or as the Jacobian, of shape (*node, *input).
    """
    source = way[-1]
    if elementwise:
        return downstream_gradient(node, position, way, np.ones(node.shape, node.dtype.numpy))
    rows, columns = int(np.prod(node.shape)), int(np.prod(source.shape))
    if rows > JACOBIAN_ROWS or rows * columns > JACOBIAN_ELEMENTS:
        return None
    lines = [downstream_gradient(node, position, way, line) for line in np.eye(rows, dtype=node.dtype.numpy)]
    if any(line is None for line in lines):
        return None
    return np.array(lines).reshape((*node.shape, *source.shape))


def is_elementwise(node: Node, way: Sequence[Node]) -> bool:
    """Whether downstream = upstream * local, element by element."""
    return node.op.kind == "pointwise" and len(way) == 1 and way[0].shape == node.shape


def _through(node: Node, position: int, g: Node) -> Node | None:
    """The gradient's way from `node` to its input at `position`, by the node's rule."""
    source = node.inputs[position]
    parts = [part for _, part in input_gradients(node, g, {source})]
    if node.op.gradients is None:  # a composite differentiates its decomposition: one part for all equal inputs
        return parts[0] if parts and node.inputs.index(source) == position else None
    if node.op.gradients[position] is None:
        return None
    rules = node.op.gradients
    before = sum(s is source and rules[i] is not None for i, s in enumerate(node.inputs[:position]))
    return parts[before]
