"""torch.autograd.graph: what a tensor's `grad_fn` is, and where saved values are kept."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from ..tensor.autograd import GradFn as Node


@contextlib.contextmanager
def save_on_cpu(pin_memory: bool = False, device_type: str = "cuda") -> Iterator[None]:
    """No effect: what backward needs is in main memory already."""
    yield


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """No effect: a backward pass is recorded from the forward nodes themselves, and there are no hooks between."""
    yield


class saved_tensors_hooks:
    """Refused: a backward pass is recorded from the forward nodes themselves, so that nothing is handed over to be saved
    when the forward pass runs, and which values the compiled step keeps is decided for forward and backward together.

    To keep less, use `talweg.utils.checkpoint.checkpoint`, or `autocast` to bfloat16.
    """

    def __init__(self, pack_hook: Callable, unpack_hook: Callable):
        raise NotImplementedError("torch.autograd.graph.saved_tensors_hooks: there is no moment at which values are saved, since "
                                  "the backward pass is recorded from the forward graph; to keep less in memory use "
                                  "utils.checkpoint.checkpoint or autocast (see docs/architecture.md)")


__all__ = ["Node", "disable_saved_tensors_hooks", "save_on_cpu", "saved_tensors_hooks"]
