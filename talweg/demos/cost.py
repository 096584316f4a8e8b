"""What the backward pass costs beside the forward pass (L 3.4): twice as much, counted on recorded graphs."""

from __future__ import annotations

from typing import Annotated

from ..models import build, entry
from ..models.mlp import MLP
from ..nn import Module
from ..tensor import Tensor, zeros
from ..tensor.costs import Costs, count_costs
from .shown import Shown, Table

NAMED = ("lenet", "resnet18", "resnet50")
CLASSES = 10


def run(batch: Annotated[int, "Samples in a batch."] = 1,
        depth: Annotated[int, "Layers of the multi-layer perceptron."] = 16) -> Shown:
    """Floating-point operations of the matrix products and convolutions in the forward pass, and in the backward pass after
    it. A product Y = X W has two gradients, dX = dY W^T and dW = X^T dY, each a product of the same size; only the first
    layer leaves one out, since nobody asks for the gradient of the data. Nothing is computed.

    Raises ValueError for a batch or a depth below 1.
    """
    if batch < 1 or depth < 1:
        raise ValueError(f"cost: --batch and --depth must be at least 1, got {batch} and {depth}")
    found = {name: count_costs(model, x) for name, (model, x) in _models(batch, depth).items()}
    rows = [["model", "forward", "backward", "backward / forward"]]
    rows += [[name, _giga(c.forward), _giga(c.backward), f"{c.ratio:.3f}"] for name, c in found.items()]
    return Shown(
        title=f"the cost of a backward pass, batch of {batch}",
        tables=[Table("GFLOP of products and convolutions", rows)],
        facts={"batch": batch, "models": {name: _facts(c) for name, c in found.items()}},
    )


def _models(batch: int, depth: int) -> dict[str, tuple[Module, Tensor]]:
    models: dict[str, tuple[Module, Tensor]] = {f"mlp, {depth} layers of 256": (MLP([256] * (depth + 1)), zeros(batch, 256))}
    for name in NAMED:
        shape = entry(name).input_shape
        models[name] = (build(name, shape, CLASSES), zeros(batch, *shape))
    return models


def _giga(flops: int) -> str:
    return f"{flops / 1e9:.4f}"


def _facts(costs: Costs) -> dict[str, float]:
    return {"forward": costs.forward, "backward": costs.backward, "ratio": costs.ratio}
