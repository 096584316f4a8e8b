"""What a model is made of: each layer's output shape and parameters, seen by forward hooks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .. import nn
from ..tensor import Tensor, no_grad


@dataclass(frozen=True)
class LayerRow:
    """One layer as it ran: its name in the model, what it is, its output's shape, its own parameters."""

    name: str
    kind: str
    output_shape: tuple[int, ...] | None
    parameters: int
    trainable: int


def summarise(model: nn.Module, *example: Tensor) -> list[LayerRow]:
    """The model's layers (what has no children, or parameters of its own) in the order they ran on the inputs `example`.

    Of several outputs the first one's shape is told. A layer that runs several times is listed each time, its
    parameters counted once; one that never runs comes last without a shape. Raises whatever the model raises for such an
    input.
    """
    rows: list[LayerRow] = []
    counted: set[int] = set()
    layers = {name or type(model).__name__: m for name, m in model.named_modules() if _is_layer(m)}
    hooks = [m.register_forward_hook(_recorder(name, rows, counted)) for name, m in layers.items()]
    was_training = model.training
    model.eval()
    try:
        with no_grad():
            model(*example)
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    ran = {row.name for row in rows}
    rows += [_row(name, module, None, counted) for name, module in layers.items() if name not in ran]
    return rows


def parameter_count(model: nn.Module) -> int:
    """Parameters of the whole model, tied ones once."""
    return sum(math.prod(p.shape) for p in model.parameters())


def _is_layer(module: nn.Module) -> bool:
    if isinstance(module, (nn.ModuleList, nn.ModuleDict)):  # empty, it would look like a layer that never ran
        return False
    return not list(module.children()) or bool(list(module.parameters(recurse=False)))


def _recorder(name: str, rows: list[LayerRow], counted: set[int]):
    def record(module: nn.Module, inputs: Any, output: Any) -> None:
        first = next((o for o in output if isinstance(o, Tensor)), None) if isinstance(output, tuple | list) else output
        shape = tuple(first.shape) if isinstance(first, Tensor) else None
        rows.append(_row(name, module, shape, counted))

    return record


def _row(name: str, module: nn.Module, shape: tuple[int, ...] | None, counted: set[int]) -> LayerRow:
    new = [p for p in module.parameters(recurse=False) if id(p) not in counted]
    counted.update(id(p) for p in new)
    sizes = [(math.prod(p.shape), p.requires_grad) for p in new]
    total = sum(n for n, _ in sizes)
    return LayerRow(name, type(module).__name__, shape, total, sum(n for n, trainable in sizes if trainable))
