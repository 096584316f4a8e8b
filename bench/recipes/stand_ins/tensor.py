"""Where torch's names differ from those of talweg.tensor."""

from __future__ import annotations

from collections.abc import Callable

import torch

grad = torch.autograd.grad
default_generator = torch.default_generator


def compile(function: Callable) -> Callable:
    """As a plain PyTorch script has it: nothing is compiled."""
    return function


compiled = compile


def CompiledAtOnce(function: Callable) -> Callable:  # noqa: N802  (its name there)
    return function


def computed(nodes: list) -> None:
    """Values are there already."""


def leaves(batch) -> tuple:
    """Of nothing need it be asked whether it is computed."""
    return ()


def randn(*size, **options) -> torch.Tensor:
    """Looked up at each call, since shared_random.py may have replaced it; so are the next two."""
    return torch.randn(*size, **options)


def rand(*size, **options) -> torch.Tensor:
    return torch.rand(*size, **options)


def randn_like(x: torch.Tensor) -> torch.Tensor:
    return torch.randn_like(x)


def value_of(x: torch.Tensor):
    return x.detach().numpy()
