"""Normalisation (L 4.6) and dropout (L 4.5)."""

from __future__ import annotations

import functools
import math

from ...core.dtypes import finfo, float32
from ...graph import ops
from ...graph.declare import half_of
from ...tensor import Tensor, no_grad
from ...tensor.functions.random import _uniform
from ...tensor.keywords import also_named
from ...tensor.methods import assign, before_write
from ...tensor.operands import as_dtype
from ...tensor.tensor import wrap


def _affine(x: Tensor, weight, bias) -> Tensor:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def _in_float32(norm):
    """Of a half-precision input: computed in float32 and rounded once, whatever dtype the parameters have."""

    @functools.wraps(norm)
    def run(input, *args, **kwargs):
        if half_of((input.node,)) is None:
            return norm(input, *args, **kwargs)
        return norm(input.float(), *args, **kwargs).to(input.dtype)

    return run


def _per_channel(v, rank: int):
    return None if v is None else v.reshape(1, -1, *[1] * (rank - 2))


def _require_channels(channels: int, **vectors) -> None:
    """Raise RuntimeError for a statistic or parameter that has not one number a channel."""
    for name, vector in vectors.items():
        if vector is not None and vector.numel() != channels:
            raise RuntimeError(f"batch_norm: {name} should contain {channels} elements not {vector.numel()}, one for each of the "
                               f"input's channels (dimension 1)")


@_in_float32
def batch_norm(input, running_mean, running_var, weight=None, bias=None, training: bool = False, momentum: float = 0.1,
               eps: float = 1e-5):
    """Each channel of input (N, C, ...) standardised by its mean and biased variance over everything else, or by the
    running statistics outside training; then scaled and shifted (Ioffe and Szegedy, 2015).

    In training the running statistics move by `momentum` towards the batch's mean and unbiased variance.
    """
    if input.dim() < 2 and input.numel() == 0:
        return input.clone()
    _require_channels(input.shape[1], running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    count = input.numel() // max(input.shape[1], 1)
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("Expected running_mean and running_var to be defined when training=False")
        centre, spread = (as_dtype(v.node, input.dtype) for v in (running_mean, running_var))
        fixed = ops.standardize_channels(input.node, centre, spread, float(eps))
        return _affine(wrap(fixed), _per_channel(weight, input.dim()), _per_channel(bias, input.dim()))
    if count <= 1 and input.numel():
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {list(input.shape)}")
    dims = (0, *range(2, input.dim()))
    mean, var = ops.mean(input.node, dims, False), ops.var(input.node, dims, 0, False)
    out = wrap(ops.standardize_channels(input.node, mean, var, float(eps)))
    with no_grad():
        if running_mean is not None:
            running_mean.lerp_(wrap(ops.detach(mean)).to(running_mean.dtype), momentum)
        if running_var is not None:
            unbiased = wrap(ops.detach(var)) * (count / max(count - 1, 1))
            running_var.lerp_(unbiased.to(running_var.dtype), momentum)
    return _affine(out, _per_channel(weight, input.dim()), _per_channel(bias, input.dim()))


@_in_float32
def instance_norm(input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats: bool = True,
                  momentum: float = 0.1, eps: float = 1e-5):
    """Each channel of each sample standardised over its spatial dimensions (Ulyanov et al., 2016)."""
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    dims = list(range(2, input.dim()))
    count = math.prod(input.shape[2:])
    if count <= 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {list(input.shape)}")
    with no_grad():
        if running_mean is not None:
            running_mean.lerp_(input.detach().mean(dims).mean(0).to(running_mean.dtype), momentum)
            running_var.lerp_(input.detach().var(dims).mean(0).to(running_var.dtype), momentum)
    out = wrap(ops.layer_norm(input.node, input.dim() - 2, float(eps)))
    return _affine(out, _per_channel(weight, input.dim()), _per_channel(bias, input.dim()))


def _check_trailing(input, normalized_shape, weight, call: str) -> tuple[int, ...]:
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or tuple(input.shape[-len(shape):]) != shape:
        raise RuntimeError(f"{call}: Given normalized_shape={list(shape)}, expected input with shape "
                           f"[*, {', '.join(map(str, shape))}], but got input of size{list(input.shape)}")
    if weight is not None and tuple(weight.shape) != shape:
        raise RuntimeError(f"{call}: Expected weight to be of same shape as normalized_shape, but got weight of shape "
                           f"{list(weight.shape)} and normalized_shape = {list(shape)}")
    return shape


@_in_float32
def layer_norm(input, normalized_shape, weight=None, bias=None, eps: float = 1e-5):
    """Each sample standardised over its last dimensions, then scaled and shifted (Ba et al., 2016)."""
    shape = _check_trailing(input, normalized_shape, weight, "layer_norm")
    return _affine(wrap(ops.layer_norm(input.node, len(shape), float(eps))), weight, bias)


def rms_norm(input, normalized_shape, weight=None, eps: float | None = None):
    """x / sqrt(mean(x^2) + eps) over the last dimensions; eps is the dtype's unless given (Zhang and Sennrich, 2019)."""
    shape = _check_trailing(input, normalized_shape, weight, "rms_norm")
    half = half_of((input.node,))
    eps = finfo(float32 if half else input.dtype).eps if eps is None else eps
    x = input.float() if half else input
    out = _affine(wrap(ops.rms_norm(x.node, len(shape), float(eps))), weight, None)
    return out.to(half) if half else out


@_in_float32
def group_norm(input, num_groups: int, weight=None, bias=None, eps: float = 1e-5):
    """Groups of channels of each sample standardised together (Wu and He, 2018)."""
    if input.dim() < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.dim()}")
    if num_groups < 1 or input.shape[1] % num_groups:
        raise RuntimeError(f"Expected number of channels in input to be divisible by num_groups, but got input of shape "
                           f"{list(input.shape)} and num_groups={num_groups}")
    if math.prod(input.shape[2:]) > 1 and math.prod(input.shape):
        out = wrap(ops.group_norm(input.node, num_groups, float(eps)))
        scale, shift = (v if v is None else v.reshape(1, -1, *(1,) * (input.dim() - 2)) for v in (weight, bias))
        return _affine(out, scale, shift)
    groups = (num_groups, input.shape[1] // num_groups)
    grouped = input.reshape(input.shape[0], *groups, math.prod(input.shape[2:]))  # (N, G, C / G, S)
    out = wrap(ops.layer_norm(grouped.node, 2, float(eps)))
    scale, shift = (v if v is None else v.reshape(1, *groups, 1) for v in (weight, bias))
    return _affine(out, scale, shift).reshape(input.shape)


def local_response_norm(input, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
    """x / (k + alpha mean of x^2 over `size` neighbouring channels)^beta (Krizhevsky et al., 2012)."""
    if input.dim() < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.dim()} dimensions)")
    squares = (input * input).movedim(1, -1)
    low, high = size // 2, (size - 1) // 2
    padded = wrap(ops.pad(squares.node, (0,) * (input.dim() - 1) + (low,), (0,) * (input.dim() - 1) + (high,), 0.0))
    total = sum(padded.narrow(-1, i, input.shape[1]) for i in range(size))
    return input / (total.movedim(-1, 1) * (alpha / size) + k) ** beta


# --- dropout
def _check_rate(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _dropped(input: Tensor, shape, p: float, inplace: bool) -> Tensor:
    """x / (1 - p) where kept, 0 where not; the mask has `shape` and is repeated over the rest."""
    source = before_write(input) if inplace else input
    if p == 1:
        out = source * 0
    else:
        draws = wrap(_uniform(shape, input.dtype if input.dtype.itemsize > 2 else float32))
        out = (draws >= p).to(input.dtype) * source * (1 / (1 - p))
    return assign(input, out, "dropout_") if inplace else out


@also_named(train="training")
def dropout(input, p: float = 0.5, training: bool = True, inplace: bool = False):
    """Elements set to 0 with probability p and the others divided by 1 - p, so that the mean stays (Srivastava, 2014)."""
    _check_rate(p)
    return input if not training or p == 0 else _dropped(input, input.shape, p, inplace)


def _channel_dropout(input, p: float, training: bool, inplace: bool, rank: int):
    _check_rate(p)
    if not training or p == 0:
        return input
    kept = input.dim() - rank
    return _dropped(input, (*input.shape[:kept], *[1] * rank), p, inplace)


def dropout1d(input, p: float = 0.5, training: bool = True, inplace: bool = False):
    """Whole channels of (N, C, T) or (C, T) dropped."""
    return _channel_dropout(input, p, training, inplace, 1)


def dropout2d(input, p: float = 0.5, training: bool = True, inplace: bool = False):
    """Whole channels of (N, C, H, W) or (C, H, W) dropped (L 4.5)."""
    return _channel_dropout(input, p, training, inplace, 2)


def dropout3d(input, p: float = 0.5, training: bool = True, inplace: bool = False):
    """Whole channels of (N, C, D, H, W) or (C, D, H, W) dropped."""
    return _channel_dropout(input, p, training, inplace, 3)


@also_named(train="training")
def alpha_dropout(input, p: float = 0.5, training: bool = False, inplace: bool = False):
    """Dropout to selu's lower limit, rescaled so that mean and variance stay (Klambauer et al., 2017)."""
    return _to_the_limit(input, input.shape, p, training, inplace)


@also_named(train="training")
def feature_alpha_dropout(input, p: float = 0.5, training: bool = False, inplace: bool = False):
    """alpha_dropout of whole channels of (N, C, *)."""
    if input.dim() < 2 and training and p:
        raise RuntimeError(f"feature_alpha_dropout: Feature dropout requires at least 2 dimensions in the input, got "
                           f"{list(input.shape)}")
    return _to_the_limit(input, (*input.shape[:2], *[1] * (input.dim() - 2)), p, training, inplace)


def _to_the_limit(input, shape, p: float, training: bool, inplace: bool):
    """The mask has `shape` and is repeated over the rest."""
    _check_rate(p)
    if not training or p == 0:
        return input
    limit = -1.0507009873554805 * 1.6732632423543772
    a = ((1 - p) * (1 + p * limit**2)) ** -0.5 if p < 1 else 0.0
    kept = (wrap(_uniform(shape, input.dtype)) >= p).to(input.dtype)
    out = (input * kept + limit * (1 - kept)) * a - a * p * limit
    return assign(input, out, "alpha_dropout_") if inplace else out
