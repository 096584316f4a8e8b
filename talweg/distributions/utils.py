"""What distributions share: broadcasting, probabilities as logits, values that are computed when they are asked for."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from ..core.dtypes import finfo, get_default_dtype
from ..graph import ops
from ..tensor import Tensor, broadcast_tensors, enable_grad, tensor
from ..tensor.tensor import wrap

euler_constant = 0.57721566490153286060


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors of one shape. Numbers take the dtype of the first tensor, or the default one; raises ValueError for else."""
    for value in values:
        if not isinstance(value, (Tensor, int, float)):
            raise ValueError(f"Input arguments must all be instances of Number or torch.Tensor, got {type(value).__name__}")
    given = [v for v in values if isinstance(v, Tensor)]
    kind = given[0].dtype if given else get_default_dtype()
    return tuple(broadcast_tensors(*[v if isinstance(v, Tensor) else tensor(v, dtype=kind) for v in values]))


def clamp_probs(probs: Tensor) -> Tensor:
    """Away from 0 and 1 by the dtype's precision, so that logarithms are finite."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """sigmoid, or softmax over the last dimension."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """log p - log(1 - p), or log p; finite for probabilities of 0 and 1."""
    inside = clamp_probs(probs)
    return inside.log() - (-inside).log1p() if is_binary else inside.log()


def softplus(x: Tensor) -> Tensor:
    """log(1 + e^x) without overflow."""
    return wrap(ops.neg(ops.log_sigmoid(ops.neg(x.node))))


def sum_rightmost(value: Tensor, dims: int) -> Tensor:
    """Summed over the last `dims` dimensions."""
    return value if dims == 0 else value.sum(tuple(range(-dims, 0)))


def normal_cdf(x: Tensor) -> Tensor:
    """The probability that a standard normal number is at most x."""
    return 0.5 * (1 + (x / math.sqrt(2)).erf())


class lazy_property:
    """A property that is computed, with gradients, when it is first asked for, and kept."""

    def __init__(self, wrapped: Callable) -> None:
        self.wrapped = wrapped
        functools.update_wrapper(self, wrapped)  # type: ignore[arg-type]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        instance.__dict__[self.wrapped.__name__] = value
        return value
