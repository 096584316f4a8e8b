"""torch.ops: operators of compiled extensions, of which none can be loaded here."""

from __future__ import annotations

from typing import Any


def load_library(path: Any) -> None:
    """Raises OSError, as PyTorch does for a library that it cannot load; packages then go on without it."""
    raise OSError(f"torch.ops.load_library: {path} is a library for PyTorch's own binary interface, which Talweg has not")


class _Extension:
    """The operators of one extension. Raises AttributeError for each, as for one that was never loaded."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, operator: str) -> Any:
        raise AttributeError(f"torch.ops.{self._name}.{operator}: no compiled operator is loaded in Talweg")


def __getattr__(name: str) -> _Extension:
    if name.startswith("__"):
        raise AttributeError(name)
    return _Extension(name)
