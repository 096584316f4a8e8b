"""How a value is laid out: as its producer likes it, contiguous or channels-last after a convolution."""

from __future__ import annotations

from collections.abc import Mapping

from ..backends.cpu.llvm.expression import Place
from ..core.shapes import Shape, contiguous_strides
from ..graph import ops
from ..graph.node import Node, constant_op
from .places import channels_last, is_dense, moved_place, packed_like
from .stored import MOVEMENT, inline

Strides = Mapping[Node, Shape]
DEEPEST = 16  # operations that are looked through for a layout


def lying(node: Node, strides: Strides) -> Shape | None:
    """The strides of a stored value, or of a view of one."""
    found = strides.get(node)
    if found is not None or node.op not in MOVEMENT:
        return found
    below = lying(node.inputs[0], strides)
    place = None if below is None else moved_place(node, Place(0, 0, below))
    return None if place is None else place.strides


def layout(node: Node, strides: Strides) -> Shape:
    """The dense layout of the first operand that has the node's shape, contiguous if there is none."""
    found = operand_layout(node, strides)
    return found if found is not None else contiguous_strides(node.shape)


def operand_layout(node: Node, strides: Strides, depth: int = 0) -> Shape | None:
    """The layout, without gaps, of the first operand that has the node's shape and one element a place."""
    for source in node.inputs:
        if source.shape != node.shape or source.op is constant_op:
            continue
        own = _expected(source, strides, depth)
        if own is not None and all(stride > 0 or size == 1 for stride, size in zip(own, source.shape)):
            return own if is_dense(source.shape, own) else packed_like(source.shape, own)
    return None


def _expected(node: Node, strides: Strides, depth: int) -> Shape | None:
    """How a value lies, or would if it were stored or were a view."""
    found = strides.get(node)
    if found is not None:
        return found
    if node.op in MOVEMENT:
        below = _expected(node.inputs[0], strides, depth)
        place = None if below is None else moved_place(node, Place(0, 0, below))
        return None if place is None else place.strides
    return operand_layout(node, strides, depth + 1) if depth < DEEPEST and inline(node) else None


def layout_of_parts(node: Node, strides: Strides) -> Shape:
    """Of a value put together: channels-last where the first part is."""
    first = node.inputs[0]
    found = lying(first, strides) or operand_layout(first, strides)
    if found is not None and len(node.shape) >= 3 and found == channels_last(first.shape) != contiguous_strides(first.shape):
        return channels_last(node.shape)
    return contiguous_strides(node.shape)


def layout_of_call(node: Node) -> Shape:
    """What the library likes its results in."""
    last = node.op in (ops.conv, ops.conv_input_grad, ops.avg_pool, ops.avg_pool_grad, ops.max_pool, ops.max_pool_grad)
    return channels_last(node.shape) if last and len(node.shape) >= 3 else contiguous_strides(node.shape)
