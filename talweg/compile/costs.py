"""What a step of a plan costs by counting: bytes it moves and arithmetic it does."""

from __future__ import annotations

import math

from ..graph import ops
from ..graph.node import Node
from .steps import Step


def step_bytes(step: Step) -> int:
    """Bytes of everything the step reads and writes, each once."""
    moved = {*step.outputs, *step.reads, *step.sources}
    return sum(math.prod(n.shape) * n.dtype.itemsize for n in moved)


def copied_bytes(step: Step) -> int:
    """Bytes that the step writes without computing anything: its outputs' if they are values it reads, elsewhere or in
    another layout."""
    if step.group is None or not all(_is_moved(n, step) for n in step.outputs):
        return 0
    return sum(math.prod(n.shape) * n.dtype.itemsize for n in step.outputs)


def _is_moved(node: Node, step: Step) -> bool:
    """Whether a value is one that the step reads, through movements alone."""
    if node.op.kind not in ("movement", "identity"):
        return False
    return all(source in step.reads or _is_moved(source, step) for source in node.inputs)


def step_flops(step: Step) -> int:
    """Multiplications and additions of products and convolutions; other steps are bound by memory and count as none."""
    return sum(contraction_flops(n) for n in step.outputs)


def contraction_flops(node: Node) -> int:
    if node.op is ops.matmul:
        return 2 * math.prod(node.shape) * node.inputs[0].shape[-1]
    if node.op is ops.conv:
        return 2 * math.prod(node.shape) * math.prod(node.inputs[1].shape[1:])
    if node.op is ops.conv_input_grad:
        g, w = node.inputs
        return 2 * math.prod(g.shape) * math.prod(w.shape[1:])
    if node.op is ops.conv_weight_grad:
        return 2 * math.prod(node.inputs[1].shape) * math.prod(node.shape[1:])
    if node.op in (ops.recurrence, ops.recurrence_grad):
        steps = node.inputs[0].shape[0] if node.op is ops.recurrence else node.shape[0] - 1
        return 2 * steps * node.shape[1] * math.prod(node.inputs[-2].shape)
    return 0
