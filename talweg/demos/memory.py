"""What activations take (L 3.4): with depth in training, the same at any depth in inference, the root with checkpoints."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

from .. import nn
from ..tensor import Tensor, no_grad, zeros
from ..tensor.checkpoint import checkpoint_sequential
from ..tensor.costs import count_costs
from .figures import COLOURS, new_figure
from .shown import Shown, Table

SHALLOWEST = 4


def run(depth: Annotated[int, "Blocks of the deepest network."] = 64, width: Annotated[int, "Units of a layer."] = 64,
        batch: Annotated[int, "Samples in a batch."] = 256) -> Shown:
    """The most that intermediate values take at one time, in networks of 4, 8, 16, ... blocks (linear layer, batch norm,
    ReLU, dropout): to compute the output, to train, and to train with activations kept only between about sqrt(depth)
    segments and computed again inside them (Chen et al., Training deep nets with sublinear memory cost, 2016). Compiled runs
    are planned for it, none is made.

    Raises ValueError for a depth below 4, and for a width or batch below 2.
    """
    if depth < SHALLOWEST or width < 2 or batch < 2:
        raise ValueError(f"memory: --depth must be at least {SHALLOWEST}, --width and --batch at least 2, got {depth}, {width} "
                         f"and {batch}")
    depths = [SHALLOWEST << k for k in range(int(math.log2(depth // SHALLOWEST)) + 1)]
    found = [measure(n, width, batch) for n in sorted({*depths, depth})]
    return Shown(
        title=f"activations of blocks of {width} units, batch of {batch}, float32",
        tables=[_table(found)],
        facts={"width": width, "batch": batch, "depths": [asdict(m) for m in found]},
        figures={"memory": partial(figure, found)},
    )


@dataclass(frozen=True)
class Measured:
    """Bytes of intermediate values at their most, and the forward arithmetic with checkpoints over that without."""

    depth: int
    inference: int
    training: int
    checkpointed: int
    segments: int
    forward_ratio: float


class Block(nn.Module):
    """dropout(relu(batch_norm(W x + b))): everything whose gradient needs what the forward pass knew."""

    def __init__(self, width: int):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.norm = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:  # (B, width)
        return self.dropout(self.norm(self.linear(x)).relu())


def measure(depth: int, width: int, batch: int) -> Measured:
    """The three costs of one network. Segments are round(sqrt(depth))."""
    model = nn.Sequential(*[Block(width) for _ in range(depth)])
    x = zeros(batch, width)
    segments = round(math.sqrt(depth))
    training = count_costs(model, x)
    checkpointed = count_costs(lambda x: checkpoint_sequential(model, segments, x), x)
    with no_grad():
        inference = count_costs(model, x)
    again = checkpointed.backward - training.backward
    return Measured(depth, inference.bytes, training.bytes, checkpointed.bytes, segments, 1 + again / training.forward)


def _table(found: list[Measured]) -> Table:
    rows = [["blocks", "inference", "training", "checkpointed", "segments", "of training", "forward passes"]]
    for m in found:
        sizes = [f"{size / 2**20:.2f}" for size in (m.inference, m.training, m.checkpointed)]
        rows.append([str(m.depth), *sizes, str(m.segments), f"{m.checkpointed / m.training:.0%}", f"{m.forward_ratio:.2f}"])
    return Table("most intermediate values at one time, in MiB", rows)


def figure(found: list[Measured]) -> Any:
    """Bytes by depth: a line, a root, a constant."""
    figure, axes = new_figure()
    depths = [m.depth for m in found]
    names = {"training": "training", "checkpointed": "training, checkpointed", "inference": "inference"}
    for (field, label), colour in zip(names.items(), COLOURS):
        axes.plot(depths, [getattr(m, field) / 2**20 for m in found], "o-", color=colour, markersize=4, label=label)
    axes.set_xlabel("blocks")
    axes.set_ylabel("intermediate values (MiB)")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=9)
    return figure
