"""Low-rank adaptation: a frozen linear layer learns a sum of a few products of vectors (L 6.4; Hu et al. 2021)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .. import nn
from ..tensor import Tensor, no_grad, zeros
from .parts import fits


class LowRank(nn.Module):
    """y = W x + b + (alpha / rank) B A x, with W and b frozen; A (rank, in) is random, B (out, rank) zero at first, so that
    training begins at the layer as it was. Raises ValueError for a rank below 1."""

    def __init__(self, base: nn.Linear, rank: int = 4, alpha: float | None = None) -> None:
        super().__init__()
        if rank < 1:
            raise ValueError(f"LowRank: rank must be 1 or more, got {rank}")
        self.base = base
        self.scale = (rank if alpha is None else alpha) / rank
        self.down = nn.Parameter(zeros(rank, base.in_features))
        self.up = nn.Parameter(zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))
        for parameter in base.parameters():
            parameter.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + self.scale * nn.functional.linear(nn.functional.linear(x, self.down), self.up)

    def merged(self) -> nn.Linear:
        """The same function as one linear layer."""
        with no_grad():
            self.base.weight.add_(self.scale * (self.up @ self.down))
        for parameter in self.base.parameters():
            parameter.requires_grad_(True)
        return self.base


def adapt(model: nn.Module, patterns: Sequence[str], rank: int = 4, alpha: float | None = None) -> list[str]:
    """Put adapters on the linear layers whose name fits a pattern and freeze everything else; returns their names.

    Raises ValueError for a pattern that fits no nn.Linear.
    """
    layers = {name: m for name, m in model.named_modules() if isinstance(m, nn.Linear) and name}
    chosen = [name for name in layers if any(fits(name, p) for p in patterns)]
    for pattern in patterns:
        if not any(fits(name, pattern) for name in layers):
            raise ValueError(f"setting lora: no linear layer of {type(model).__name__} fits {pattern!r}; there are: "
                             f"{', '.join(layers) or 'none'}")
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for name in chosen:
        _replace(model, name, LowRank(layers[name], rank, alpha))
    return chosen


def merge(model: nn.Module) -> list[str]:
    """Take every adapter into the layer it adapts, in place; returns their names."""
    adapted = {name: m for name, m in model.named_modules() if isinstance(m, LowRank)}
    for name, module in adapted.items():
        _replace(model, name, module.merged())
    return list(adapted)


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)
