"""The perceptron of a transformer block: one hidden layer, the same at every position (L 5.3)."""

from __future__ import annotations

from ... import nn
from ...tensor import Tensor
from .activations import activation


class Perceptron(nn.Module):
    """down(s(up(x))): (..., width) -> (..., hidden) -> (..., width)."""

    def __init__(self, width: int, hidden: int, act: str = "gelu") -> None:
        super().__init__()
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)
        self.activation = activation(act)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.activation(self.up(x)))
