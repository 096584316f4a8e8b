"""Gradient clipping, against exploding gradients (L 3.4). Nothing here waits for a value unless asked to."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable

from ...tensor import Tensor, no_grad, stack, zeros


def get_total_norm(
    tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The p-norm of all the tensors taken as one vector, a 0-d tensor; `norm_type` may be inf. `foreach` has
    no effect.

    Raises RuntimeError for a norm that is infinite or not a number, if `error_if_nonfinite`.
    """
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not tensors:
        return zeros(())
    p = float(norm_type)
    if math.isinf(p):
        largest = stack([tensor.abs().max() for tensor in tensors])
        total = largest.max() if p > 0 else stack([tensor.abs().min() for tensor in tensors]).min()
    else:
        total = stack([tensor.norm(p) for tensor in tensors]).norm(p)
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite "
            f"({total.item()}), so it "
            "cannot be clipped. To scale the gradients by it anyway, set `error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Multiply every gradient by min(1, max_norm / (total_norm + 1e-6)). `foreach` has no effect."""
    with no_grad():
        scale = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
        for gradient in _gradients(parameters):
            gradient.mul_(scale.to(gradient.dtype))


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0,
    error_if_nonfinite: bool = False, foreach: bool | None = None,
) -> Tensor:
    """Shrink the gradients, in place, so that their norm taken together is at most `max_norm`; returns what
    it was.

    Source: Pascanu et al. 2013. `norm_type`, errors and `foreach` as in get_total_norm.
    """
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    with no_grad():
        total = get_total_norm(_gradients(parameters), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, total, foreach)
    return total


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Cut every element of the gradients to [-clip_value, clip_value], in place. `foreach` has no effect."""
    bound = float(clip_value)
    with no_grad():
        for gradient in _gradients(parameters):
            gradient.clamp_(min=-bound, max=bound)


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    listed = [parameters] if isinstance(parameters, Tensor) else parameters
    return [parameter.grad for parameter in listed if parameter.grad is not None]


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The name of clip_grad_norm_ from before PyTorch 0.4."""
    warnings.warn("`nn.utils.clip_grad_norm` is now deprecated in favor of `nn.utils.clip_grad_norm_`.", FutureWarning,
                  stacklevel=2)
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)
