"""Weights in 8 bits: a quarter of the memory, for inference (Dettmers et al., 2022, section 2.1: absmax, row by row)."""

from __future__ import annotations

from .. import nn
from ..nn import functional as F
from ..tensor import Tensor, no_grad


class Int8Linear(nn.Module):
    """A linear layer with weights q s: q (out, in) of int8 in [-127, 127], s (out,) one scale a row.

    What is multiplied is in floating point; nothing of it is trained. s = max |w| / 127 of each row, so that every
    weight is off by at most s / 2.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        with no_grad():
            weight, scale = quantized(layer.weight)
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        y = F.linear(x, self.weight.to(x.dtype)) * self.scale
        return y if self.bias is None else y + self.bias


def quantized(weight: Tensor) -> tuple[Tensor, Tensor]:
    """(q, s) of a matrix: int8 and one scale a row; a row of zeros has scale 1."""
    largest = weight.abs().amax(1)
    scale = (largest / 127).masked_fill(largest == 0, 1.0)
    return (weight / scale.unsqueeze(1)).round().clamp(-127, 127).char(), scale


def quantize_linear(model: nn.Module) -> nn.Module:
    """The model with each of its nn.Linear layers in 8 bits; embeddings and norms stay. In place, for inference.

    Raises ValueError where there is no linear layer.
    """
    count = _replace(model)
    if count == 0:
        raise ValueError(f"quantize_linear: {type(model).__name__} has no linear layer")
    return model.eval()


def _replace(module: nn.Module) -> int:
    count = 0
    for name, child in list(module.named_children()):
        if type(child) is nn.Linear:
            setattr(module, name, Int8Linear(child))
            count += 1
        else:
            count += _replace(child)
    return count
