"""Functions and classes that exist to be imported, and say at their first use what this build has not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def refused(name: str, reason: str) -> Callable[..., Any]:
    """A function that raises NotImplementedError with the name and the reason."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{name}: {reason}; docs/api_coverage.md lists what Talweg has")

    refuse.__name__ = refuse.__qualname__ = name.rpartition(".")[2]
    refuse.__doc__ = f"Raises NotImplementedError: {reason}."
    return refuse


def refused_class(name: str, reason: str) -> type:
    """A class whose instances cannot be made, so that isinstance and annotations still work."""
    refuse = refused(name, reason)
    return type(name.rpartition(".")[2], (), {"__init__": refuse, "__doc__": refuse.__doc__})
