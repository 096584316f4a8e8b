"""Kinds of pooling beyond maxima and means of a regular grid: Lp norms, random windows, and the way back (L 4.4)."""

from __future__ import annotations

import inspect
import math

import numpy as np

from ...tensor import Tensor, rand, zeros
from ...tensor.autocast import raised
from .convolution import _each
from .pooling import (
    _batched,
    _unbatched,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)

_AVERAGES = {1: avg_pool1d, 2: avg_pool2d, 3: avg_pool3d}


def _with_indices(pool, name: str):
    """The same pooling as (values, where they were)."""

    signature = inspect.signature(pool)

    def both(*args, **kwargs):
        given = signature.bind(*args, **kwargs)
        given.arguments["return_indices"] = True
        return pool(*given.args, **given.kwargs)

    both.__name__ = both.__qualname__ = name
    both.__doc__ = f"{pool.__name__} as (values, indices)."
    return both


max_pool1d_with_indices = _with_indices(max_pool1d, "max_pool1d_with_indices")
max_pool2d_with_indices = _with_indices(max_pool2d, "max_pool2d_with_indices")
max_pool3d_with_indices = _with_indices(max_pool3d, "max_pool3d_with_indices")
adaptive_max_pool1d_with_indices = _with_indices(adaptive_max_pool1d, "adaptive_max_pool1d_with_indices")
adaptive_max_pool2d_with_indices = _with_indices(adaptive_max_pool2d, "adaptive_max_pool2d_with_indices")
adaptive_max_pool3d_with_indices = _with_indices(adaptive_max_pool3d, "adaptive_max_pool3d_with_indices")


def _lp_pool(input, norm_type: float, kernel_size, stride, ceil_mode: bool, rank: int) -> Tensor:
    count = math.prod(_each(kernel_size, rank, "kernel_size", f"lp_pool{rank}d"))
    mean = _AVERAGES[rank](input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return (mean.sign() * mean.abs().relu() * count).pow(1 / norm_type)


def lp_pool1d(input, norm_type: float, kernel_size, stride=None, ceil_mode: bool = False) -> Tensor:
    """(sum over each window of x^p)^(1/p)."""
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, 1)


def lp_pool2d(input, norm_type: float, kernel_size, stride=None, ceil_mode: bool = False) -> Tensor:
    """(sum over each window of x^p)^(1/p)."""
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, 2)


def lp_pool3d(input, norm_type: float, kernel_size, stride=None, ceil_mode: bool = False) -> Tensor:
    """(sum over each window of x^p)^(1/p)."""
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, 3)


# --- the way back from max pooling
def _unpooled_size(input, kernel, stride, padding, output_size, call: str) -> list[int]:
    rank = len(kernel)
    usual = [(n - 1) * s - 2 * p + k for n, s, p, k in zip(input.shape[-rank:], stride, padding, kernel)]
    if output_size is None:
        return usual
    wanted = list(output_size)
    wanted = wanted[2:] if len(wanted) == rank + 2 else wanted
    if len(wanted) != rank:
        raise ValueError(f"{call}: output_size should be a sequence containing {rank} or {rank + 2} elements, but it has a "
                         f"length of '{len(list(output_size))}'")
    for size, target, step in zip(usual, wanted, stride):
        if not size - step < target < size + step:
            raise ValueError(f"{call}: invalid output_size {wanted} (each dimension must be less than a stride from {usual})")
    return wanted


def _max_unpool(input, indices, kernel_size, stride, padding, output_size, rank: int) -> Tensor:
    call = f"max_unpool{rank}d"
    kernel = _each(kernel_size, rank, "kernel_size", call)
    stride = kernel if stride is None else _each(stride, rank, "stride", call)
    padding = _each(padding, rank, "padding", call)
    if indices.dtype.name != "int64":
        raise RuntimeError(f"{call}: elements in indices should be type int64 but got: {indices.dtype.name}")
    if indices.shape != input.shape:
        raise RuntimeError(f"{call}: Expected shape of indices to be same as that of the input tensor ({list(input.shape)}) but "
                           f"got indices tensor with shape: {list(indices.shape)}")
    x, undo = _batched(input, rank, call)
    places = indices.unsqueeze(0) if undo else indices
    size = _unpooled_size(x, kernel, stride, padding, output_size, call)
    known = places.node.value
    if known is not None and known.size and (known.min() < 0 or known.max() >= math.prod(size)):
        raise RuntimeError(f"{call}: Found an invalid max index {known.max()} for an output of size {size}")
    blank = zeros(*x.shape[:2], math.prod(size), dtype=x.dtype)
    found = blank.scatter(2, places.reshape(*x.shape[:2], -1), x.reshape(*x.shape[:2], -1))
    return _unbatched(found.reshape(*x.shape[:2], *size), undo)


@raised
def max_unpool1d(input, indices, kernel_size, stride=None, padding=0, output_size=None) -> Tensor:
    """Each value at the position max_pool1d found it at, zeros elsewhere."""
    return _max_unpool(input, indices, kernel_size, stride, padding, output_size, 1)


@raised
def max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None) -> Tensor:
    """Each value at the position max_pool2d found it at, zeros elsewhere."""
    return _max_unpool(input, indices, kernel_size, stride, padding, output_size, 2)


@raised
def max_unpool3d(input, indices, kernel_size, stride=None, padding=0, output_size=None) -> Tensor:
    """Each value at the position max_pool3d found it at, zeros elsewhere."""
    return _max_unpool(input, indices, kernel_size, stride, padding, output_size, 3)


# --- windows at random places
def _starts(draws: np.ndarray, size: int, out: int, window: int) -> np.ndarray:
    """(..., out): where the windows begin, by Graham's pseudo-random sequence (2014); the last ends at the border."""
    if out <= 1:
        return np.full((*draws.shape, out), size - window)
    alpha = draws.dtype.type((size - window) / (out - 1))
    steps = np.arange(out - 1, dtype=draws.dtype)
    begin = ((steps + draws[..., None]) * alpha).astype(np.int64) - (draws * alpha).astype(np.int64)[..., None]
    return np.concatenate([begin, np.full((*draws.shape, 1), size - window)], -1)


def _fractional(input, kernel_size, output_size, output_ratio, return_indices: bool, samples, rank: int):
    call = f"fractional_max_pool{rank}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{call} requires specifying either an output_size or an output_ratio")
    x, undo = _batched(input, rank, call)
    kernel = _each(kernel_size, rank, "kernel_size", call)
    sizes = x.shape[2:]
    if output_size is None:
        ratios = output_ratio if isinstance(output_ratio, (list, tuple)) else [output_ratio] * rank
        outs = tuple(int(n * r) for n, r in zip(sizes, ratios))
    else:
        outs = _each(output_size, rank, "output_size", call)
    spare = 1 if rank == 3 else 0  # PyTorch wants one more in three dimensions
    if any(o < 0 or o + k - 1 + spare > n for o, k, n in zip(outs, kernel, sizes)):
        raise RuntimeError(f"{call}: pool size {kernel} too large relative to input size {list(sizes)} for an output of "
                           f"{list(outs)}")
    if 0 in x.shape[1:]:
        raise RuntimeError(f"{call}: Expected input to have non-zero size for non-batch dimensions, but got {list(x.shape)}")
    draws = rand(*x.shape[:2], rank, dtype=x.dtype) if samples is None else samples
    if draws.dim() != 3 or draws.shape[0] < x.shape[0] or tuple(draws.shape[1:]) != (x.shape[1], rank):
        raise RuntimeError(f"{call}: _random_samples must be (N, C, {rank}) for an input of {x.shape[0]} by {x.shape[1]} "
                           f"channels, got {list(draws.shape)}")
    drawn = draws.detach().numpy()[: x.shape[0], : x.shape[1]]
    # In two dimensions PyTorch draws the width first, in three the depth.
    order = (1, 0) if rank == 2 else (0, 1, 2)
    windows = np.zeros((*x.shape[:2], 1, 1), np.int64)
    for d, n in enumerate(sizes):
        line = _starts(drawn[..., order[d]], n, outs[d], kernel[d])[..., None] + np.arange(kernel[d])  # (N, C, out, k)
        windows = windows[:, :, :, None, :, None] * n + line[:, :, None, :, None, :]
        windows = windows.reshape(*x.shape[:2], math.prod(outs[: d + 1]), math.prod(kernel[: d + 1]))
    places = Tensor._from_array(windows.reshape(*x.shape[:2], math.prod(windows.shape[2:])))
    seen = x.reshape(*x.shape[:2], math.prod(sizes)).gather(2, places).reshape(windows.shape)  # (N, C, outputs, window)
    values, which = seen.max(-1)
    values = _unbatched(values.reshape(*x.shape[:2], *outs), undo)
    if not return_indices:
        return values
    found = Tensor._from_array(windows).gather(3, which.unsqueeze(3)).reshape(*x.shape[:2], *outs)
    return values, _unbatched(found, undo)


def fractional_max_pool2d(input, kernel_size, output_size=None, output_ratio=None, return_indices: bool = False,
                          _random_samples=None):
    """Maxima over windows at random places that cover the input (Graham, 2014), to output_size or a share of the size."""
    return _fractional(input, kernel_size, output_size, output_ratio, return_indices, _random_samples, 2)


def fractional_max_pool3d(input, kernel_size, output_size=None, output_ratio=None, return_indices: bool = False,
                          _random_samples=None):
    """Maxima over windows at random places that cover the input (Graham, 2014), to output_size or a share of the size."""
    return _fractional(input, kernel_size, output_size, output_ratio, return_indices, _random_samples, 3)


fractional_max_pool2d_with_indices = _with_indices(fractional_max_pool2d, "fractional_max_pool2d_with_indices")
fractional_max_pool3d_with_indices = _with_indices(fractional_max_pool3d, "fractional_max_pool3d_with_indices")
