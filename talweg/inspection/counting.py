"""What a recorded forward pass costs: multiply-accumulates, and the memory of activations that training keeps."""

from __future__ import annotations

import math

from .. import nn
from ..compile.costs import contraction_flops
from ..graph import ops
from ..graph.leaves import constant
from ..graph.node import Node, expand_composite
from ..graph.reverse import reverse
from ..graph.text import ancestors
from ..nn.utils.calls import Recording, record_calls
from ..nn.utils.stateless import functional_call
from ..tensor import Tensor, cat, enable_grad, no_grad
from ..tensor.generator import default_generator

_FUSED = ("pointwise", "reduce", "composite", "movement", "identity")
_ELEMENTWISE = ("pointwise", "composite", "identity")
SMALL = 16
"""A value with at most one 16th of the elements costs nothing worth counting."""
_SAME_MEMORY = (ops.reshape, ops.permute, ops.expand, ops.slice_)


def recorded(model: nn.Module, *example: Tensor) -> Recording:
    """The forward pass in evaluation mode, without gradients; nothing is computed."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad():
            return record_calls(model, *example)
    finally:
        _set_modes(modes)


def _set_modes(modes: list[tuple[nn.Module, bool]]) -> None:
    for module, training in modes:
        module.training = training


def node_macs(node: Node) -> int:
    """Multiply-accumulates of one node: those of its matrix products and convolutions; all else counts as none.

    This is the count that papers and torchvision publish as "FLOPs"; a multiplication and an addition make one.
    """
    own = contraction_flops(node) // 2
    if own or node.op.decompose is None:
        return own
    inner = expand_composite(node)
    known = set(node.inputs)
    return sum(node_macs(n) for n in ancestors([inner], through_values=True) if n not in known and n.serial > node.serial)


def macs_of(recording: Recording) -> dict[str, int]:
    """Multiply-accumulates by the name of the module whose own forward method asked for them."""
    found: dict[str, int] = {}
    for node in recording.nodes():
        count = node_macs(node)
        if count:
            name = recording.call_of(node).name
            found[name] = found.get(name, 0) + count
    return found


def activation_bytes(model: nn.Module, *example: Tensor) -> dict[str, int]:
    """Bytes that a training step keeps from the forward for the backward pass, by the module that makes them.

    They are the values that gradient rules read, each once, without parameters and inputs (L 3.4). A value that only
    elementwise kernels read and that follows elementwise from others that are kept, such as a normalised one, is
    computed again and not counted. Models that normalise over a batch are given the example twice, and half is counted.
    """
    try:
        return _kept_bytes(_recorded_for_training(model, *example))
    except ValueError:  # batch normalisation refuses a single value a channel
        both = _kept_bytes(_recorded_for_training(model, *(cat([x, x]) for x in example)))
        return {name: count // 2 for name, count in both.items()}


def _recorded_for_training(model: nn.Module, *example: Tensor) -> Recording:
    """The forward pass in training mode; buffers and the state of the random generator stay as they are."""
    modes = [(module, module.training) for module in model.modules()]
    random_state = default_generator.get_state()
    model.train()
    try:
        with enable_grad():
            recording = record_calls(_WithCopiedBuffers(model), *example)
        for call in recording.calls:
            call.name = call.name.removeprefix("model").removeprefix(".")
        return recording
    finally:
        _set_modes(modes)
        default_generator.set_state(random_state)


class _WithCopiedBuffers(nn.Module):
    """A model that writes to copies of its buffers."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *example: Tensor):
        copies = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
        return functional_call(self.model, copies, example)


def _kept_bytes(recording: Recording) -> dict[str, int]:
    found: dict[str, int] = {}
    for node in _kept(recording):
        name = recording.call_of(node).name
        found[name] = found.get(name, 0) + math.prod(node.shape) * node.dtype.itemsize
    return found


def _kept(recording: Recording) -> list[Node]:
    """The computed values of the forward pass that the backward pass needs."""
    outputs = [n for n in recording.outputs if n.needs_grad]
    with no_grad():
        seeds = [ops.expand(constant(1, n.dtype), n.shape) for n in outputs]
        gradients = reverse(outputs, seeds)
    read: dict[Node, bool] = {}  # whether something other than an elementwise kernel reads it
    for node in ancestors(gradients.values()):
        if node.serial < recording.root.end:
            continue
        for source in map(_memory, node.inputs):
            if recording.covers(source) and source.needs_grad and source.inputs:
                read[source] = read.get(source, False) or node.op.kind not in _FUSED
    kept: set[Node] = set()
    for node in sorted(read, key=lambda n: n.serial):
        if read[node] or not _follows(node, kept, math.prod(node.shape), recording):
            kept.add(node)
    return sorted(kept, key=lambda n: n.serial)


def _follows(node: Node, kept: set[Node], size: int, recording: Recording) -> bool:
    """Whether the value follows elementwise from kept values and much smaller ones."""
    if node.op.kind not in _ELEMENTWISE:
        return False
    for source in map(_memory, node.inputs):
        small = math.prod(source.shape) * SMALL <= size
        if not (source in kept or small or not recording.covers(source) or _follows(source, kept, size, recording)):
            return False
    return True


def _memory(node: Node) -> Node:
    """The node in whose memory this one lies."""
    while node.op in _SAME_MEMORY:
        node = node.inputs[0]
    return node
