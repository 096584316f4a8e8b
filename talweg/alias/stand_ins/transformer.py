"""Helpers of torch.nn.modules.transformer that model code borrows."""

from __future__ import annotations

import copy
from collections.abc import Callable

from ...nn import Module, ModuleList, functional


def _get_activation_fn(activation: str) -> Callable:
    """relu or gelu by name. Raises RuntimeError for another."""
    if activation not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {activation}")
    return getattr(functional, activation)


def _get_clones(module: Module, N: int) -> ModuleList:
    """N layers with the same initial weights, each its own."""
    return ModuleList([copy.deepcopy(module) for _ in range(N)])
