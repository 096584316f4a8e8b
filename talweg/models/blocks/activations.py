"""Activations of transformers by the names that published configurations use."""

from __future__ import annotations

from collections.abc import Callable

from ...nn import functional as F
from ...tensor import Tensor, sigmoid


def gelu_tanh(x: Tensor) -> Tensor:
    """x Phi(x) with Phi approximated by tanh: what GPT, GPT-2 and the first BERT were trained with."""
    return F.gelu(x, approximate="tanh")


def quick_gelu(x: Tensor) -> Tensor:
    """x sigmoid(1.702 x), the approximation of GELU that CLIP was trained with."""
    return x * sigmoid(x * 1.702)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "quick_gelu": quick_gelu,
    "relu": F.relu,
    "silu": F.silu,
    "swish": F.silu,
}


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """The function of that name. Raises ValueError for an unknown one."""
    if name not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {name!r}")
    return ACTIVATIONS[name]
