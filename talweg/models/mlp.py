"""The multi-layer perceptron (L 5.1, fig. 5.1; N 1.3)."""

from __future__ import annotations

from collections.abc import Sequence

from .. import nn
from ..tensor import Tensor

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "silu": nn.SiLU,
}


class MLP(nn.Module):
    """Linear layers with an activation between them: x_{d} = s(W_d x_{d-1} + b_d), the last without s.

    `sizes` are the widths from input to output: MLP([50, 25, 10, 2]) is the book's figure 5.1 and has
    1,557 parameters. Inputs of shape (B, ...) are flattened to (B, sizes[0]); outputs are (B, sizes[-1]).
    Raises ValueError for fewer than two sizes, sizes below 1, or an unknown activation.
    """

    def __init__(self, sizes: Sequence[int], activation: str = "relu") -> None:
        super().__init__()
        if len(sizes) < 2 or any(not isinstance(n, int) or n < 1 for n in sizes):
            raise ValueError(f"MLP: sizes must be two or more positive integers, got {list(sizes)}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"MLP: activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
        layers: list[nn.Module] = [nn.Flatten()]
        for i, (width_in, width_out) in enumerate(zip(sizes, sizes[1:])):
            if i > 0:
                layers.append(ACTIVATIONS[activation]())
            layers.append(nn.Linear(width_in, width_out))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)  # (B, ...) -> (B, sizes[0]) -> ... -> (B, sizes[-1])
