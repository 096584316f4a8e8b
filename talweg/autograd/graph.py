"""torch.autograd.graph: what a tensor's `grad_fn` is, and where saved values are kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..tensor.autograd import GradFn as Node


@contextlib.contextmanager
def save_on_cpu(pin_memory: bool = False, device_type: str = "cuda") -> Iterator[None]:
    """No effect: what backward needs is in main memory already."""
    yield


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """No effect: a backward pass is recorded from the forward nodes themselves, and there are no hooks between."""
    yield


__all__ = ["Node", "disable_saved_tensors_hooks", "save_on_cpu"]
