"""Half precision: sums and their kin are computed in float32, as they are everywhere, but by conversions that kernels take in."""

from __future__ import annotations

from ..core.dtypes import float32
from ..graph import ops
from ..graph.declare import half_of
from ..graph.node import Node, Op
from .rules import rule


def _in_float32(op: Op) -> None:
    @rule(op)
    def reduction(x: Node, dims, keepdim) -> Node | None:
        half = half_of((x,))
        return None if half is None else ops.cast(op(ops.cast(x, float32), dims, keepdim), half)


for op in (ops.sum_, ops.prod, ops.amax, ops.amin):
    _in_float32(op)
