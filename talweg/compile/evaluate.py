"""Evaluation by interpretation: the operations of a graph one after another, each by its ready kernel.

What stays afterwards: the values asked for, and those that a gradient may still ask for. Everything else is
dropped as soon as its last reader has run.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable

import numpy as np

from ..backends.registry import compute, has_kernel
from ..graph.key import structural_key
from ..graph.node import Node, expand_composite
from ..graph.ops import after
from ..graph.text import ancestors
from ..runtime.capacity import require_available
from ..runtime.memory import keep_freed_pages
from .engine import Compiled, Engine, Policy
from .ownership import may_be_reversed

_one_at_a_time = threading.RLock()
_engine = Engine()
keep_freed_pages()  # every result is a new array: pages that have been paid for are used again


def exclusively() -> threading.RLock:  # type: ignore[valid-type]
    """A block in which no other thread evaluates anything."""
    return _one_at_a_time


def engine() -> Engine:
    return _engine


def compiled_graph(outputs: list[Node], donated: Callable[[list[Node]], list[int]]) -> tuple[Compiled, list[Node]]:
    """The program for what waits below the outputs, and the leaves it runs on, in their order. `donated` chooses the
    leaves whose arrays may be written over. Raises NotImplementedError for what cannot be compiled."""
    key, leaves = structural_key(outputs)
    return _engine.compiled(outputs, leaves, key, donated(leaves)), leaves


def evaluate(roots: Iterable[Node]) -> None:
    """Give every root its value. The first error an operation raises is raised again here.

    A failure is kept on the nodes that depend on it, so that the others are evaluated all the same, and looking
    at a failed one raises its own error each time.
    """
    with _one_at_a_time:
        wanted = [n for n in roots if n.value is None]
        if wanted:
            _replay_or_interpret(list(dict.fromkeys(wanted)))


def _replay_or_interpret(roots: list[Node]) -> None:
    if Policy.sightings is not None and Policy.sightings < 0:
        _run(roots)
        return
    outputs = _outputs(roots)
    known, leaves = _engine.look_up(outputs)
    try:
        arrays = _engine.replay(known, outputs, leaves)
    except (IndexError, RuntimeError, ValueError):
        arrays = None  # the interpreter finds the node at fault
    if arrays is None:
        _run(roots)
        return
    for node, array in zip(outputs, arrays):
        node.value = array
    for node in outputs:
        node.settle(node.value)


def _outputs(roots: list[Node]) -> list[Node]:
    """What an evaluation leaves behind: the roots, and what a reverse pass may still read."""
    if not any(may_be_reversed(n) for n in ancestors(roots) if n.value is None):
        return roots
    order = _schedule(roots)
    kept = _kept(order, roots)
    return list(dict.fromkeys([*roots, *(n for n in order if n in kept)]))


def _run(roots: list[Node]) -> None:
    order = _schedule(roots)
    readers = _count_readers(order)
    kept = _kept(order, roots)
    error: BaseException | None = None
    for node in order:
        failed = _failure_below(node)
        if failed is None:
            failed = _compute(node)
            error = error or failed
        node.failure = failed
        for source in _sources(node):
            readers[source] -= 1
            if readers[source] == 0 and source not in kept:
                source.value = None
    wanted = set(roots)
    for node in order:
        if node in kept and node.value is not None:
            node.settle(_tidy(node.value) if node in wanted else node.value)
    if error is not None:
        raise error


def _tidy(array: np.ndarray) -> np.ndarray:
    """A result as programs like to read it: row-major or channels-last, not a transposed view of something else."""
    if array.ndim < 2 or array.flags.c_contiguous or 0 in array.strides:
        return array
    last = array.transpose((0, *range(2, array.ndim), 1))
    return array if array.ndim > 2 and last.flags.c_contiguous else np.ascontiguousarray(array)


def _sources(node: Node) -> tuple[Node, ...]:
    """What evaluating `node` reads: its inputs, or its decomposition."""
    return node.inputs if has_kernel(node.op) else (expand_composite(node),)


def _schedule(roots: list[Node]) -> list[Node]:
    """The unevaluated ancestors of the roots, inputs first; where some are recomputed, in the order of recording, so that
    each recomputed value is used up before the next are made."""
    order = _depth_first(roots)
    if any(n.op is after for n in order):
        return _depth_first(sorted(order, key=lambda n: -n.serial))
    return order


def _depth_first(roots: list[Node]) -> list[Node]:
    """The unevaluated ancestors of the roots, inputs first (depth first, without recursion)."""
    order: list[Node] = []
    state: dict[Node, bool] = {}  # False: its sources are being visited; True: placed
    stack = list(roots)
    while stack:
        node = stack[-1]
        if node.value is not None or state.get(node):
            stack.pop()
            continue
        if node in state:
            stack.pop()
            state[node] = True
            order.append(node)
            continue
        state[node] = False
        stack.extend(s for s in _sources(node) if s.value is None and s not in state)
    return order


def _count_readers(order: list[Node]) -> dict[Node, int]:
    readers: dict[Node, int] = {}
    for node in order:
        for source in _sources(node):
            readers[source] = readers.get(source, 0) + 1
    return readers


def _kept(order: list[Node], roots: list[Node]) -> set[Node]:
    """The roots, what had a value before, and what a reverse pass over nodes not yet released may read."""
    ours = set(order)
    kept = set(roots)
    for node in order:
        kept.update(s for s in _sources(node) if s not in ours)
        if may_be_reversed(node):
            kept.add(node)
            kept.update(_sources(node))
    return kept


def _failure_below(node: Node) -> BaseException | None:
    if node.failure is not None:
        return node.failure
    return next((s.failure for s in _sources(node) if s.value is None and s.failure is not None), None)


def _compute(node: Node) -> Exception | None:
    sources = _sources(node)
    try:
        if sources is not node.inputs:
            node.value = sources[0].value
        else:
            if node.op.kind != "movement":  # those are mostly views
                require_available(math.prod(node.shape) * node.dtype.itemsize, node.op.name)
            node.value = compute(node, [s.value for s in sources])
    except Exception as error:  # kept and raised to whoever looks: the rest of the graph is not at fault
        return error
    return None
