"""The structural key: equal for two graphs that compute the same thing on other numbers.

Leaves that hold data are inputs: they enter by shape and dtype and their order of appearance, never by value.
Constants and attributes are part of the structure.
"""

from __future__ import annotations

from collections.abc import Sequence

from .node import Node, constant_op
from .text import ancestors


def structural_key(roots: Sequence[Node]) -> tuple[tuple, list[Node]]:
    """(key, inputs): the key is hashable; `inputs` are the leaves with data, in the key's order."""
    nodes = ancestors(roots)
    place = {node: i for i, node in enumerate(nodes)}
    inputs = []
    entries: list[tuple] = []
    for node in nodes:
        if node.value is not None and node.op is not constant_op:
            inputs.append(node)
            entries.append((node.shape, node.dtype.name))
        else:
            sources = tuple([place[n] for n in node.inputs])
            entries.append((node.op.name, sources, node.attrs, node.shape, node.dtype.name))
    return (tuple(entries), tuple([place[r] for r in roots])), inputs
