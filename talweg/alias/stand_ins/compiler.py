"""torch.compiler: what a script asks of the compiler beside torch.compile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...tensor import compile as compile
from ...tensor.tracing import active


def disable(fn: Callable | None = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """The function as it is."""
    return fn if fn is not None else lambda function: function


def is_compiling() -> bool:
    """Whether a function under torch.compile is being recorded."""
    return active() is not None


def is_exporting() -> bool:
    return False


def reset() -> None:
    """Nothing to do: recordings live with their functions."""


def cudagraph_mark_step_begin() -> None:
    """Nothing to do without an accelerator."""


def allow_in_graph(fn: Callable) -> Callable:
    """The function as it is: everything recorded is in the graph."""
    return fn
