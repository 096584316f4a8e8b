"""Who else holds a leaf: its memory may be written over only if the graph at hand is alone in reading it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from ..graph.node import Node, data, leaf


def may_be_reversed(node: Node) -> bool:
    """Whether a reverse pass may still ask for the values that a node read. One that ends at a variable asks for none."""
    return node.needs_grad and not node.released and node.op is not leaf


def references(outputs: Sequence[Node], leaves: Sequence[Node]) -> list[int | None]:
    """How often the graph below the outputs names each leaf; None where a reverse pass may still want its value."""
    count: dict[Node, int | None] = dict.fromkeys(leaves, 0)
    for node in everything(outputs):
        keeps = may_be_reversed(node) and node.value is None
        for source in node.inputs:
            known = count.get(source)
            if known is not None:
                count[source] = None if keeps else known + 1
    return [count[n] for n in leaves]


def everything(outputs: Sequence[Node]) -> list[Node]:
    """The nodes below the outputs, those of decompositions already made among them."""
    seen: dict[Node, None] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node in seen or node.value is not None:
            continue
        seen[node] = None
        stack += node.inputs
        if node.expansion is not None:
            stack.append(node.expansion)
    return list(seen)


def is_ours(leaves: Sequence[Node], which: int, named: int | None) -> bool:
    """Whether nothing but the list `leaves` and `named` places in the graph hold the leaf, and nothing else its array."""
    return named is not None and sys.getrefcount(leaves[which]) <= named + _LISTED and _is_unshared(leaves[which].value)


pooled: set[int] = set()
"""The identities of arrays that a program would hand out again: it holds them, but does not mind what is in them."""


def _is_unshared(array: np.ndarray) -> bool:
    if not array.flags.writeable or sys.getrefcount(array) > _ATTRIBUTE + (id(array) in pooled):
        return False
    base = array.base
    return base is None or (isinstance(base, np.ndarray) and base.base is None and sys.getrefcount(base) <= _BASE)


def _calibrated() -> tuple[int, int, int]:
    """What getrefcount answers, on this interpreter, for things that have one holder besides the measurement."""
    node = Node(data, (), (), (), None)  # type: ignore[arg-type]
    node.value = np.empty((2, 3)).T
    listed = [node]
    del node
    counts: list[int] = []

    def measure(leaves: Sequence[Node], which: int) -> None:
        counts.append(sys.getrefcount(leaves[which]))
        in_function(leaves[which].value)

    def in_function(array: np.ndarray) -> None:
        counts.append(sys.getrefcount(array))
        base = array.base
        counts.append(sys.getrefcount(base))

    measure(listed, 0)
    return counts[0], counts[1], counts[2]


_LISTED, _ATTRIBUTE, _BASE = _calibrated()
