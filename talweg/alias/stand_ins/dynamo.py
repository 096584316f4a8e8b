"""torch._dynamo: hints to PyTorch's tracer, kept or passed over, as recording needs none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from .compiler import is_compiling as is_compiling
from .refusing import refused_class

__all__ = [
    "OptimizedModule", "TransformGetItemToIndex", "assume_constant_result", "config", "graph_break",
    "is_compile_supported", "is_compiling", "mark_dynamic", "mark_static", "mark_static_address",
]


class _Settings:
    """What is assigned is kept, without effect."""

    cache_size_limit = recompile_limit = 8
    suppress_errors = False

    @staticmethod
    @contextlib.contextmanager
    def patch(*args: Any, **kwargs: Any) -> Iterator[None]:
        yield


config = _Settings
OptimizedModule = refused_class("torch._dynamo.OptimizedModule", "torch.compile gives a function, not a module of this class")


TransformGetItemToIndex = contextlib.nullcontext


def _hint(*args: Any, **kwargs: Any) -> None:
    """Nothing to do: every shape is recorded as it is."""


mark_dynamic = mark_static = mark_static_address = graph_break = maybe_mark_dynamic = _hint


def assume_constant_result(fn: Any) -> Any:
    """The function as it is."""
    return fn


def is_compile_supported(device_type: str) -> bool:
    """False: functions are recorded as they are, so code need not write itself in a form that can be compiled."""
    return False
