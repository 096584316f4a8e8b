"""Activation checkpointing on the graph (Chen et al., Training deep nets with sublinear memory cost, 2016; L 3.4).

A recorded segment is remembered by its structure alone. Its nodes count as gone through at once, so that nothing keeps their
values; when the reverse pass arrives, the structure is recorded again on the segment's inputs, and differentiated there.

Random keys are inputs too, so the masks are the same ones. The inputs are read through `after(input, upstream gradient)`:
the recomputation is no duplicate that elimination of common subexpressions could undo, and it cannot run earlier.

    inputs ... -> hub --------------> output k -> ...      the hub waits, in a reverse pass, for all outputs' gradients
        \\-> segment (forward) -> value k /
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

from ..core.dtypes import dtype as DType
from ..core.dtypes import float32
from ..core.shapes import Shape
from .declare import NO_GRADIENT
from .leaves import constant
from .node import VARIADIC, Node, Op, constant_op, grad_mode, leaf, mode
from .ops import after, detach
from .reverse import reverse


class _Entry(NamedTuple):
    """One node of a segment; `sources` are places among the inputs and entries before it."""

    op: Op
    sources: tuple[int, ...]
    attrs: tuple
    shape: Shape
    dtype: DType
    needs_grad: bool
    released: bool
    watchers: list | None


class Segment:
    """The structure of a recorded piece of graph, and the gradients that have arrived at its outputs."""

    def __init__(self, outputs: Sequence[Node], since: int):
        self.nodes, self.inputs = _inside(outputs, since)
        place = {node: i for i, node in enumerate([*self.inputs, *self.nodes])}
        self._entries = [
            _Entry(n.op, tuple([place[s] for s in n.inputs]), n.attrs, n.shape, n.dtype, n.needs_grad, n.released, n.watchers)
            for n in self.nodes
        ]
        self._outputs = [place[n] for n in outputs]
        self._arrived: WeakKeyDictionary[Node, dict[int, Node]] = WeakKeyDictionary()
        self._parts: WeakKeyDictionary[Node, dict[int, Node]] = WeakKeyDictionary()

    def forget_nodes(self) -> None:
        """Keep the structure, and let go of the nodes it was taken from."""
        for node in self.nodes:
            if node.needs_grad:
                node.release()
        self.nodes, self.inputs = [], []

    def __eq__(self, other: object) -> bool:
        """Two segments compute alike where their values do, which are inputs beside them."""
        return isinstance(other, Segment)

    def __hash__(self) -> int:
        return 0

    def recorded_again(self, inputs: Sequence[Node]) -> list[Node]:
        """The outputs of a new recording on these inputs."""
        made = list(inputs)
        with grad_mode(True):
            for op, sources, attrs, shape, dtype, needs_grad, released, watchers in self._entries:
                mode.grad = needs_grad
                node = Node(op, tuple([made[i] for i in sources]), attrs, shape, dtype)
                node.released, node.watchers = released, watchers
                made.append(node)
        return [made[i] for i in self._outputs]

    # --- the reverse pass
    def arrive(self, hub: Node, output: int, g: Node) -> Node:
        """An output's gradient has come. The hub, recorded before all outputs, is reached after all of them."""
        self._arrived.setdefault(hub, {})[output] = g
        return constant(0, hub.dtype)

    def gradient(self, hub: Node, i: int) -> Node | None:
        """The gradient of the segment's input i."""
        seeds = self._arrived.pop(hub, None)
        if seeds is not None:
            self._parts[hub] = self._gradients(hub, seeds)
        return self._parts[hub].pop(i, None)

    def _gradients(self, hub: Node, seeds: dict[int, Node]) -> dict[int, Node]:
        event = max(seeds.values(), key=lambda g: g.serial)
        with grad_mode(True):
            inputs = [after(x, event) if _is_worth_waiting(x) else x for x in hub.inputs]
        outputs = self.recorded_again(inputs)
        stops = {i: node for i, node in enumerate(inputs) if hub.inputs[i].needs_grad}
        found = reverse([outputs[k] for k in seeds], list(seeds.values()), stops.values(), release=not mode.grad,
                        watch_stops=False)
        if not mode.grad:
            for node in stops.values():
                node.release()
        return {i: found[node] for i, node in stops.items() if node in found}


def _is_worth_waiting(x: Node) -> bool:
    return x.needs_grad or (x.op is not constant_op and bool(x.shape))


def _inside(outputs: Sequence[Node], since: int) -> tuple[list[Node], list[Node]]:
    """(the nodes recorded since that the outputs are computed from, in order; what they are computed from themselves)."""
    nodes: set[Node] = set()
    inputs: dict[Node, None] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node in nodes or node in inputs:
            continue
        if node.serial <= since or node.op.kind == "leaf" or node.op is leaf:
            inputs[node] = None
            continue
        nodes.add(node)
        stack.extend(node.inputs)
    return sorted(nodes, key=lambda n: n.serial), list(inputs)


class _HubRules:
    """One gradient rule an input, made on demand."""

    def __getitem__(self, i: int):
        return lambda g, out, nodes, segment: segment.gradient(out, i)


hub = Op("checkpoint_hub", VARIADIC, "composite", lambda nodes, segment: ((), float32), _HubRules(),
         lambda nodes, segment: constant(0, float32), ("segment",))
checkpoint = Op("checkpoint", 2, "composite", lambda hub, value, segment, output: (value.shape, value.dtype),
                (lambda g, out, hub, value, segment, output: segment.arrive(hub, output, g), NO_GRADIENT),
                lambda hub, value, segment, output: value, ("segment", "output"))
hub.saves = checkpoint.saves = True  # a pass that went through has let go of the inputs


def checkpointed(outputs: Sequence[Node], since: int) -> list[Node]:
    """The outputs, nodes recorded after the serial number `since`, with the gradient that recomputes what led to them."""
    segment = Segment(outputs, since)
    with grad_mode(False):
        values = [_held(detach(n), n) for n in outputs]
    centre = hub(tuple(segment.inputs), segment)
    segment.forget_nodes()
    return [_held(checkpoint(centre, v, segment, k), v) for k, v in enumerate(values)]


def _held(node: Node, source: Node) -> Node:
    """An identity node has its source's value at once, where there is one."""
    if source.value is not None:
        node.settle(source.value)
    return node
