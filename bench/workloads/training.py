"""A workload made ready to train: the same initial weights and data for every framework, drawn with NumPy."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Optimizer:
    """One of T.optim's by name, with its settings; bench/jax_workloads/optimizers.py knows the same ones."""

    name: str
    settings: dict[str, Any]

    def make(self, T, parameters):
        # On a CPU, PyTorch's fused update is two to forty times as fast as what it does by default.
        fused = {"fused": True} if T.__name__ == "torch" else {}
        return getattr(T.optim, self.name)(parameters, **self.settings, **fused)


@dataclass
class Training:
    """A model, its batch and its optimiser; `objective` gives the loss of the batch."""

    model: Any
    batch: tuple
    inputs: tuple
    objective: Callable
    optimizer: Any

    def step(self, *batch):
        """One update; the loss before it."""
        self.optimizer.zero_grad()
        loss = self.objective(*batch)
        loss.backward()
        self.optimizer.step()
        return loss


def initial_weights(shapes: Iterable[tuple[str, tuple[int, ...]]], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Values for named parameters in their order: near 1 for the scales of norms, near 0 for biases, else He's."""
    return {name: _initial(name, shape, rng) for name, shape in shapes}


def _initial(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    values = rng.standard_normal(shape, np.float32)
    if len(shape) == 1:
        return np.float32(1) + np.float32(0.02) * values if name.endswith("weight") else np.float32(0.02) * values
    gain = 1.0 if "embedding" not in name else 0.3
    return values * np.float32(gain * math.sqrt(2 / math.prod(shape[1:])))


def named_shapes(model) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, tuple(p.shape)) for name, p in model.named_parameters()]


def build(T, workload, sizes: Any, rng: np.random.Generator, bfloat16: bool = False) -> Training:
    """Model, batch and optimiser of a workload's module in `T`, with weights and data drawn from `rng`."""
    model = workload.model(T, sizes)
    weights = initial_weights(named_shapes(model), rng)
    with T.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(T.tensor(weights[name]))
    batch = tuple(T.tensor(array) for array in workload.batch(rng, sizes))

    def objective(*batch):
        with precision(T, bfloat16):
            return workload.loss(T, model, *batch)

    optimizer = workload.OPTIMIZER.make(T, model.parameters()) if workload.OPTIMIZER else None
    return Training(model, batch, batch[: workload.INPUTS], objective, optimizer)


def precision(T, bfloat16: bool):
    """bfloat16 products with float32 weights, as autocast does it; or nothing."""
    return T.autocast("cpu", dtype=T.bfloat16) if bfloat16 else contextlib.nullcontext()
