"""What a reduction is in a kernel: where it starts, and how one more value is taken in."""

from __future__ import annotations

from collections.abc import Mapping

from ....graph import ops
from ....graph.node import Node, Op
from .body import Body, literal
from .expression import Computation, Index, Place
from .types import kind_of

START: Mapping[Op, float] = {ops.sum_: 0.0, ops.prod: 1.0, ops.amax: float("-inf"), ops.amin: float("inf")}
_ARITHMETIC: Mapping[Op, str] = {ops.sum_: "fadd", ops.prod: "fmul"}
_EXTREMUM: Mapping[Op, str] = {ops.amax: "maximum", ops.amin: "minimum"}


def can_reduce(node: Node) -> bool:
    """Half precision is accumulated in float and rounded once."""
    return node.op in START and node.dtype.is_floating_point


def register(node: Node) -> str:
    kind = kind_of(node.dtype)
    assert kind is not None
    return kind.register


def start(node: Node) -> str:
    return literal(START[node.op], node.dtype)


def taken_in(body: Body, node: Node, so_far: str, value: str, flags: str = "") -> str:
    """The reduction of one more value. An extremum is nan if any of them is."""
    type = register(node)
    if node.op in _ARITHMETIC:
        return body.add(f"{_ARITHMETIC[node.op]} {flags} {type} {so_far}, {value}")
    intrinsic = f"llvm.{_EXTREMUM[node.op]}.{ {'float': 'f32', 'double': 'f64'}[type] }"
    return body.add(f"call {type} @{intrinsic}({type} {so_far}, {type} {value})")


class WithResults(Computation):
    """Values that may be made of the results of reductions."""

    def __init__(self, body: Body, placed: Mapping[Node, Place], accesses):
        super().__init__(body, placed, accesses)
        self.results: dict[Node, str] = {}

    def value(self, node: Node, index: Index) -> str:
        found = self.results.get(node)
        return super().value(node, index) if found is None else found
