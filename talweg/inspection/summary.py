"""A model as the tree of its modules: what each gives out, holds, computes, keeps for training, and sees of the input."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .. import nn
from ..graph.node import Node
from ..nn.utils.calls import Call, Recording
from ..tensor import Tensor
from .counting import activation_bytes, macs_of, recorded
from .fields import Field, receptive_fields


@dataclass(frozen=True)
class ModuleRow:
    """One module with all that is below it.

    parameters      numbers in it, those that an earlier row has counted left out; `trainable` of them require a gradient
    macs            multiply-accumulates of one forward pass on the example
    activations     bytes kept from the forward for the backward pass
    field           the receptive field of its output, a size for each spatial dimension of the input; a dimension of
                    which every element can see all is None; () where the output does not depend on the input
    """

    name: str
    kind: str
    depth: int
    output_shape: tuple[int, ...] | None
    parameters: int
    trainable: int
    macs: int
    activations: int
    field: tuple[int | None, ...]
    calls: int


@dataclass(frozen=True)
class Summary:
    """A model on one example: its rows, the whole model first, in the order of definition."""

    rows: list[ModuleRow]
    input_shapes: list[tuple[int, ...]]

    @property
    def parameters(self) -> int:
        return self.rows[0].parameters

    @property
    def macs(self) -> int:
        return self.rows[0].macs

    @property
    def activations(self) -> int:
        return self.rows[0].activations


def inspect(model: nn.Module, *example: Tensor) -> Summary:
    """The summary of a model for these inputs. The passes are recorded, nothing of them is computed.

    Raises whatever the model raises for such inputs, and RuntimeError where its forward pass depends on values.
    """
    recording = recorded(model, *example)
    macs = macs_of(recording)
    kept = activation_bytes(model, *example)
    fields = receptive_fields(recording) if recording.inputs else {}
    calls: dict[str, list[Call]] = {}
    for call in recording.calls:
        calls.setdefault(call.name, []).append(call)
    counted: set[int] = set()
    rows = [
        _row(name, module, calls.get(name, []), _below(macs, name), _below(kept, name), fields, counted)
        for name, module in model.named_modules()
    ]
    return Summary(rows, [n.shape for n in recording.inputs])


def _row(
    name: str, module: nn.Module, calls: list[Call], macs: int, kept: int, fields: dict[Node, Field], counted: set[int]
) -> ModuleRow:
    output = calls[-1].outputs[0] if calls and calls[-1].outputs else None
    sizes = [(math.prod(p.shape), p.requires_grad) for p in module.parameters() if id(p) not in counted]
    counted.update(id(p) for p in module.parameters(recurse=False))
    return ModuleRow(
        name, type(module).__name__, name.count(".") + 1 if name else 0, None if output is None else output.shape,
        sum(n for n, _ in sizes), sum(n for n, trainable in sizes if trainable), macs, kept,
        () if output is None else _sizes(fields.get(output, ())), len(calls),
    )


def _sizes(field: Field) -> tuple[int | None, ...]:
    """The whole input is told by None: whatever its size, a larger one would be seen as a whole, too."""
    return tuple(None if span.dim is None else span.size for span in field)


def _below(values: dict[str, int], name: str) -> int:
    """The sum for a module and everything in it."""
    prefix = name + "." if name else ""
    return sum(v for n, v in values.items() if n == name or n.startswith(prefix))


def training_flops(parameters: int, samples: float) -> float:
    """6 N D, in FLOP: the rule of thumb for training N parameters on D tokens (Kaplan et al., 2020, section 2.1).

    Two for the multiply-accumulate of each parameter and token in the forward pass, four in the backward pass. It leaves
    out attention and counts each weight once a token: for convolutions, whose weights are used at many positions, take
    6 times the multiply-accumulates of a sample instead. Raises ValueError for negative numbers.
    """
    if parameters < 0 or not samples >= 0:
        raise ValueError(f"training_flops: parameters and samples must be 0 or more, got {parameters} and {samples}")
    return 6.0 * parameters * samples


def output_of(recording: Recording, name: str) -> Node:
    """What the module of this name gave out when it was last called. Raises ValueError where there is none."""
    found = [call for call in recording.calls if call.name == name and call.outputs]
    if not found:
        near = ", ".join(c.name for c in recording.calls if c.name and "." not in c.name)
        raise ValueError(f"no layer {name!r} gives out a tensor in this model; there are: {near}")
    return found[-1].outputs[0]

