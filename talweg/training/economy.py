"""Less time, less memory: the precision of a step, and activations that are computed again instead of kept."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from .. import nn
from ..core.dtypes import bfloat16
from ..tensor import autocast
from ..tensor.checkpoint import checkpoint_sequential

PRECISIONS = ("fp32", "bf16")


def in_precision(precision: str) -> autocast:
    """The block in which a forward pass and its loss are recorded: everything in float32, or matrix products and
    convolutions in bfloat16, of float32 parameters and with sums in float32. Raises ValueError for another name."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    return autocast("cpu", bfloat16, enabled=precision == "bf16")


def sequences(model: nn.Module) -> list[nn.Sequential]:
    """The outermost nn.Sequential of two layers or more in a model."""
    if isinstance(model, nn.Sequential) and len(model) > 1:
        return [model]
    return [found for child in model.children() for found in sequences(child)]


@contextmanager
def recomputing(model: nn.Module, wanted: bool = True) -> Iterator[None]:
    """Inside, each nn.Sequential of n layers runs in sqrt(n) checkpointed segments (L 3.4), if that is wanted.

    Raises ValueError for a model that has none.
    """
    found = sequences(model) if wanted else []
    if wanted and not found:
        raise ValueError(f"checkpoint_activations: {type(model).__name__} has no nn.Sequential of two layers or more, whose "
                         "layers could be recomputed: leave it out, or use talweg.utils.checkpoint in the model")
    try:
        for sequence in found:
            segments = max(2, round(math.sqrt(len(sequence))))
            sequence.forward = partial(checkpoint_sequential, list(sequence), segments)  # type: ignore[method-assign]
        yield
    finally:
        for sequence in found:
            sequence.__dict__.pop("forward", None)
