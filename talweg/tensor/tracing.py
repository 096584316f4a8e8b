"""What a traced function does besides recording: numbers it takes from Python, state it counts up, settings it reads.

`talweg.compile` runs a function once to record it and replays the recording from then on. What Python contributes at
each call, a learning rate or the next random key, is noted here by those who contribute it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.dtypes import dtype as DType
from ..graph.leaves import from_array, scalar
from ..graph.node import Node


class Trace:
    """The notes of one tracing.

    moments   what happens in Python at each call, in order: callables that return None, or the array of an input
    inputs    the nodes whose arrays moments give, by the moment's number
    guards    (object, attribute, value): settings under which the recording holds
    sets_up   whether the call made what later calls go on with, as an optimiser its state: they are not like this one
    """

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.moments: list[Callable[[], np.ndarray | None]] = []
        self.inputs: dict[int, Node] = {}
        self.guards: dict[tuple[int, str], tuple[Any, str, Any]] = {}
        self.sets_up = False

    def guard(self, holder: Any, attribute: str) -> None:
        self.guards.setdefault((id(holder), attribute), (holder, attribute, getattr(holder, attribute)))


class _Active:
    trace: Trace | None = None


def active() -> Trace | None:
    """The tracing that this thread is in, if it is in one."""
    trace = _Active.trace
    return trace if trace is not None and trace.thread == threading.get_ident() else None


class tracing:
    """Note what happens inside the block."""

    def __enter__(self) -> Trace:
        _Active.trace = Trace()
        return _Active.trace

    def __exit__(self, *_) -> None:
        _Active.trace = None


def each_call(work: Callable[[], None]) -> None:
    """Do this now, and at each replay of the function being traced."""
    work()
    trace = active()
    if trace is not None:
        trace.moments.append(work)


def varying_array(read: Callable[[], np.ndarray]) -> Node:
    """An input of the graph, read anew at each replay."""
    node = from_array(read())
    _note(node, read)
    return node


def varying_number(read: Callable[[], float], dtype: DType) -> Node:
    """A 0-d input of the graph, read anew at each replay."""
    node = scalar(read(), dtype)
    _note(node, lambda: np.array(read(), dtype.numpy))
    return node


def _note(node: Node, read: Callable[[], np.ndarray]) -> None:
    trace = active()
    if trace is not None:
        trace.inputs[len(trace.moments)] = node
        trace.moments.append(read)
