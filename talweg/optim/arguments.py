"""Checks on the settings of an optimiser, made where they are typed."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor


def check_not_negative(name: str, value: Any, call: str) -> None:
    """Raises ValueError unless value >= 0 (a nan is not)."""
    number = value.item() if isinstance(value, Tensor) else value
    if not number >= 0.0:
        raise ValueError(f"{call}: Invalid {name}: {value}; it must be at least 0")


def check_learning_rate(lr: Any, call: str) -> None:
    """Raises ValueError unless lr is a number, or a tensor of one element, that is at least 0."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError(f"{call}: Tensor lr must be 1-element, got shape {list(lr.shape)}")
    check_not_negative("learning rate", lr, call)


def check_betas(betas: Any, call: str) -> None:
    """Raises ValueError unless every beta is in [0, 1)."""
    for i, beta in enumerate(betas):
        if not 0.0 <= (beta.item() if isinstance(beta, Tensor) else beta) < 1.0:
            raise ValueError(f"{call}: Invalid beta parameter at index {i}: {beta}; it must be in [0, 1)")


def decayed(param: Tensor, gradient: Tensor, group: dict[str, Any], numbers: dict[str, Tensor]) -> Tensor:
    """The gradient with weight decay added: g + decay w."""
    return gradient + numbers["decay"] * param if group["weight_decay"] != 0 else gradient
