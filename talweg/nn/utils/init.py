"""Layers whose first values are of no interest, because a checkpoint gives others."""

from __future__ import annotations

from typing import Any

from ..module import Module


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """module_cls(*args, **kwargs). Its first values are recorded and never computed if others are loaded before they are
    read. Raises RuntimeError for what is no Module."""
    if not (isinstance(module_cls, type) and issubclass(module_cls, Module)):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    return module_cls(*args, **kwargs)
