"""Which recorded values are waiting: they are evaluated together when one is looked at, when an optimiser has
stepped, or when they have become many. Each thread has its own: what others record meanwhile must not change its graphs."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable

from ..compile.evaluate import evaluate
from ..graph.node import Node
from .tracing import active

LIMIT = 8192
"""Recordings after which evaluation happens unasked, so that a graph nobody looks at does not grow for ever."""


class _Waiting(threading.local):
    def __init__(self) -> None:
        self.boxes: list[weakref.ref] = []


_waiting = _Waiting()

READ_WHILE_TRACED = (
    "talweg.compile: the value of a tensor was read inside the compiled function (item(), numpy(), printing, a Python "
    "branch or loop on a tensor). There it has no value yet: return the tensor and read it outside, use talweg.where for "
    "a choice, or leave this function uncompiled"
)


def remember(box: weakref.ref) -> None:
    """Note a tensor that was given a recorded, not yet evaluated value."""
    boxes = _waiting.boxes
    boxes.append(box)
    if len(boxes) > LIMIT and active() is None:
        evaluate_pending()


def evaluate_pending(*also: Node) -> None:
    """Evaluate what every living tensor holds, and `also`. The first error is raised once all else is done."""
    boxes, _waiting.boxes = _waiting.boxes, []
    roots: dict[Node, None] = dict.fromkeys(also)
    for reference in boxes:
        box = reference()
        if box is not None:
            roots[box._storage.node] = None
            if box._seen == box._storage.version:
                roots[box._node] = None
    evaluate(roots)


def computed(nodes: Iterable[Node]) -> None:
    """Evaluate these and nothing else, unless a function is being traced."""
    if active() is None:
        evaluate(nodes)


def value_of(node: Node):
    """A node's array, evaluated with all that is waiting if it has none. Raises the error it failed with, and
    RuntimeError inside a function that talweg.compile is tracing."""
    if active() is not None:
        raise RuntimeError(READ_WHILE_TRACED)
    if node.value is None:
        evaluate_pending(node)
    if node.value is None:
        raise node.failure or RuntimeError(f"{node!r} has no value after evaluation")
    return node.value


def step_done() -> None:
    """An optimiser has stepped: what was recorded is a whole training step, so evaluate it."""
    if active() is None:
        evaluate_pending()
