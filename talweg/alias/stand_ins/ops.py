"""torch.ops: operators by namespace: those made by torch.library.custom_op; no compiled extension can be loaded."""

from __future__ import annotations

from typing import Any

from .library import registered


def load_library(path: Any) -> None:
    """Raises OSError, as PyTorch does for a library that it cannot load; packages then go on without it."""
    raise OSError(f"torch.ops.load_library: {path} is a library for PyTorch's own binary interface, which Talweg has not")


class _Extension:
    """The operators of one namespace. Raises AttributeError for one that was never made."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, operator: str) -> Any:
        found = registered(f"{self._name}::{operator}")
        if found is not None:
            return found
        raise AttributeError(f"torch.ops.{self._name}.{operator}: no compiled operator is loaded in Talweg")


def __getattr__(name: str) -> _Extension:
    if name.startswith("__"):
        raise AttributeError(name)
    return _Extension(name)
