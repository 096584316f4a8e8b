"""The structural key: equal for two graphs that compute the same thing on other numbers.

Leaves that hold data are inputs: they enter by shape and dtype and by where a walk from the roots meets them, never
by value or by when they were made. Constants and attributes are part of the structure.
"""

from __future__ import annotations

from collections.abc import Sequence

from .node import Node, constant_op


def structural_key(roots: Sequence[Node]) -> tuple[tuple, list[Node]]:
    """(key, inputs): the key is hashable; `inputs` are the leaves with data, in the key's order."""
    nodes = _walk(roots)
    place = {node: i for i, node in enumerate(nodes)}
    inputs = []
    entries: list[tuple] = []
    for node in nodes:
        if node.value is not None and node.op is not constant_op:
            inputs.append(node)
            entries.append((node.shape, node.dtype.name))
        else:
            sources = tuple([place[n] for n in node.inputs])
            attrs = node.attrs if node.op is not constant_op else (repr(node.attrs[0]),)  # tells -0.0 from 0.0, and nan is nan
            entries.append((node.op.name, sources, attrs, node.shape, node.dtype.name))
    return (tuple(entries), tuple([place[r] for r in roots])), inputs


def _walk(roots: Sequence[Node]) -> list[Node]:
    """The roots and what they are computed from, each after its inputs, in an order that is the structure's own."""
    placed: dict[Node, None] = {}
    stack = list(reversed(roots))
    while stack:
        node = stack[-1]
        waiting = [n for n in node.inputs if n not in placed] if node.value is None and node not in placed else ()
        if waiting:
            stack.extend(reversed(waiting))
        else:
            placed[stack.pop()] = None
    return list(placed)
