"""One batch forward and backward, to look at: each layer's gradient, silent ReLUs, and parameters left out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import nn
from ..compile.engine import compile_after
from ..compile.evaluate import evaluate
from ..graph import ops
from ..graph.node import Node
from ..graph.text import ancestors
from ..nn.utils.calls import Recording, watched_calls
from ..tensor import Tensor, enable_grad, no_grad
from ..tensor.autograd import grad
from ..tensor.tensor import wrap
from .state import generator_state, set_generator
from .update import Loss, called


@dataclass(frozen=True)
class Probe:
    """What one batch shows. `gradient_norms` and `weight_norms` are of each layer's weights (parameters of two dimensions or
    more: biases and gains are of another size), in the order in which the layers run; `silent` has for each place with a
    ReLU how many of its units are 0 for every sample, and how many there are; `unused` are parameters that learn but that
    the loss does not depend on."""

    gradient_norms: dict[str, float]
    weight_norms: dict[str, float]
    silent: dict[str, tuple[int, int]]
    unused: list[str]

    @property
    def ratio(self) -> float:
        """The first layer's gradient norm over the last one's (nan without layers)."""
        norms = list(self.gradient_norms.values())
        return norms[0] / norms[-1] if norms and norms[-1] else float("nan")


def probe(model: nn.Module, loss: Loss, inputs: Any, targets: Any) -> Probe:
    """Look at a batch, as `fit` takes it, in training mode; model, gradients and random numbers are as before afterwards."""
    with _left_alone(model), compile_after(-1), enable_grad():
        model.train()
        with watched_calls(model) as recording:
            outputs = called(model, inputs)
        value = loss(outputs, targets)
        relus = [n for n in ancestors([value.node], through_values=True) if n.op is ops.relu and recording.covers(n)]
        silent = _silent(relus, recording)
        learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
        found = grad(value, list(learning.values()), allow_unused=True)
        unused = [name for name, g in zip(learning, found) if g is None]
        layers = _layers(recording, [name for name in learning if name not in unused and learning[name].dim() >= 2])
        gradients = _norms(layers, dict(zip(learning, found)))
        return Probe(gradients, _norms(layers, learning), silent, unused)


@contextmanager
def _left_alone(model: nn.Module) -> Iterator[None]:
    random, was_training = generator_state(), {m: m.training for m in model.modules()}
    buffers = [(b, wrap(b.node)) for b in model.buffers()]
    try:
        yield
    finally:
        with no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        for module, training in was_training.items():
            module.training = training
        set_generator(random)


def _layers(recording: Recording, parameters: list[str]) -> dict[str, list[str]]:
    """The parameters of each layer, in the order in which the layers run."""
    called = list(dict.fromkeys(call.name for call in recording.calls))
    owner = {name: _innermost(name, set(called)) for name in parameters}
    layers: dict[str, list[str]] = {}
    for layer in called:
        for name in parameters:
            if owner[name] == layer:
                layers.setdefault(layer or name, []).append(name)
    return layers


def _norms(layers: dict[str, list[str]], tensors: Mapping[str, Tensor | None]) -> dict[str, float]:
    def square(tensor: Tensor | None) -> float:
        assert tensor is not None
        return float(np.square(tensor.detach().float().numpy().astype(np.float64)).sum())

    return {layer: math.sqrt(sum(square(tensors[name]) for name in names)) for layer, names in layers.items()}


def _innermost(parameter: str, called: set[str]) -> str:
    """The innermost module around a parameter that was called."""
    layer = parameter.rpartition(".")[0]
    while layer and layer not in called:
        layer = layer.rpartition(".")[0]
    return layer


def _silent(relus: list[Node], recording: Recording) -> dict[str, tuple[int, int]]:
    """By place: (units that are 0 for all samples and positions, units). A layer that runs several times is seen as one."""
    places = [(_place(n, recording), _unit_dimension(n)) for n in relus]  # before the nodes have values and forget their inputs
    evaluate(relus)
    fires: dict[str, np.ndarray] = {}
    for (place, units), relu in zip(places, relus):
        assert relu.value is not None
        here = (relu.value > 0).any(axis=tuple(d for d in range(relu.value.ndim) if d != units))
        known = fires.get(place)
        fires[place] = here | known if known is not None and known.shape == here.shape else here
    return {place: (int(f.size - f.sum()), int(f.size)) for place, f in fires.items()}


def _unit_dimension(relu: Node) -> int:
    """Channels of maps (N, C, H, W); of (N, C, L) where a convolution made it, of (B, T, C) otherwise."""
    rank = len(relu.shape)
    if rank != 3:
        return min(1, rank - 1)
    return 1 if _maker(relu).op is ops.conv else 2


def _maker(node: Node) -> Node:
    """The product or convolution that the value comes from, back along first inputs."""
    while node.inputs and node.op not in (ops.conv, ops.matmul):
        node = node.inputs[0]
    return node


def _place(relu: Node, recording: Recording) -> str:
    """`after layer fc1`: the ReLU by the layer with parameters that it follows."""
    node = relu
    while node.inputs and recording.covers(node):
        call = recording.call_of(node)
        if call.name and any(True for _ in call.module.parameters(recurse=False)):
            return f"after layer {call.name}"
        node = node.inputs[0]
    name = recording.call_of(relu).name
    return f"in layer {name}" if name else "in the model"
