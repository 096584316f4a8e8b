"""Pooling (L 4.4, N 5.3)."""

from __future__ import annotations

import numpy as np

from ...graph import ops
from ...tensor import Tensor
from ...tensor.autocast import as_given, raised
from ...tensor.tensor import wrap
from .convolution import _each


def _batched(input: Tensor, rank: int, call: str) -> tuple[Tensor, bool]:
    """Input as (N, C, *spatial), and whether there was no N. Only N may be 0."""
    if input.dim() == rank + 1:
        return input.unsqueeze(0), True
    if input.dim() != rank + 2:
        raise RuntimeError(f"{call}: Expected {rank + 1}D or {rank + 2}D input, but got input of size {list(input.shape)}")
    return input, False


def _nonempty(x: Tensor, given: Tensor, call: str) -> None:
    if 0 in x.shape[1:]:
        raise RuntimeError(f"{call}: Expected {given.dim()}D input with no dimension of size 0 beside the batch, but got input "
                           f"of size {list(given.shape)}")


def _unbatched(out: Tensor, undo: bool) -> Tensor:
    return out.squeeze(0) if undo else out


def _windows(kernel_size, stride, padding, rank: int, call: str):
    kernel = _each(kernel_size, rank, "kernel_size", call)
    if stride is None or (not isinstance(stride, int) and len(stride) == 0):
        stride = kernel
    stride = _each(stride, rank, "stride", call)
    if any(k <= 0 for k in kernel):
        raise RuntimeError(f"{call}: kernel size should be greater than zero, but got {list(kernel)}")
    if any(s <= 0 for s in stride):
        raise RuntimeError(f"{call}: stride should be greater than zero, but got {list(stride)}")
    padding = _each(padding, rank, "padding", call)
    if any(p < 0 for p in padding):
        raise RuntimeError(f"{call}: pad must be non-negative, but got pad: {list(padding)}")
    return kernel, stride, padding


def _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, rank: int):
    call = f"max_pool{rank}d"
    x, undo = _batched(input, rank, call)
    _nonempty(x, input, call)
    kernel, stride, padding = _windows(kernel_size, stride, padding, rank, call)
    dilation = _each(dilation, rank, "dilation", call)
    if any(d <= 0 for d in dilation):
        raise RuntimeError(f"{call}: dilation should be greater than zero, but got {list(dilation)}")
    how = (kernel, stride, padding, dilation, bool(ceil_mode))
    out = _unbatched(wrap(ops.max_pool(x.node, *how)), undo)
    if not return_indices:
        return out
    return out, _unbatched(wrap(ops.max_pool_indices(x.node, *how)), undo)


def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest of each window; stride is kernel_size unless given; the border counts as -inf."""
    return _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, 1)


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest of each window; stride is kernel_size unless given; the border counts as -inf."""
    return _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, 2)


def max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest of each window; stride is kernel_size unless given; the border counts as -inf."""
    pool = _max_pool if return_indices else raised(_max_pool)  # as PyTorch has it
    return pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, 3)


def _avg_pool(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, rank: int):
    call = f"avg_pool{rank}d"
    x, undo = _batched(input, rank, call)
    _nonempty(x, input, call)
    kernel, stride, padding = _windows(kernel_size, stride, padding, rank, call)
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    out = ops.avg_pool(x.node, kernel, stride, padding, bool(ceil_mode), bool(count_include_pad), divisor_override)
    return _unbatched(wrap(out), undo)


def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The mean of each window; the border's zeros count unless count_include_pad is False."""
    return _avg_pool(input, kernel_size, stride, padding, ceil_mode, count_include_pad, None, 1)


def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    """The mean of each window; the border's zeros count unless count_include_pad is False."""
    return _avg_pool(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, 2)


@raised
def avg_pool3d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    """The mean of each window; the border's zeros count unless count_include_pad is False."""
    return _avg_pool(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, 3)


def _output_sizes(input, output_size, rank: int, call: str) -> list[int]:
    sizes = [output_size] * rank if output_size is None or isinstance(output_size, int) else list(output_size)
    if len(sizes) != rank:
        raise RuntimeError(f"{call}: {rank} dimensions need {rank} output sizes, got {sizes}")
    outs = [n if s is None else int(s) for s, n in zip(sizes, input.shape[-rank:])]
    if any(s < 0 for s in outs):
        raise RuntimeError(f"{call}: elements of output_size must be greater than or equal to 0, but got {outs}")
    return outs


def _check_rank(input, output_size, rank: int, call: str) -> None:
    """PyTorch's ValueError for an input too small for a list of sizes; RuntimeError for any other wrong number of dimensions."""
    if isinstance(output_size, (list, tuple)) and input.dim() <= len(output_size):
        raise ValueError(f"{call}: Input dimension should be at least {len(output_size) + 1}, but got input of size "
                         f"{list(input.shape)}")
    _batched(input, rank, call)


def _bounds(size: int, out: int) -> list[tuple[int, int]]:
    """Window i covers floor(i size / out) up to ceil((i + 1) size / out)."""
    return [(i * size // out, -(-(i + 1) * size // out)) for i in range(out)]


def _averages(size: int, out: int, like: Tensor) -> Tensor:
    """The matrix (size, out) whose columns take the mean of each window."""
    rows = np.zeros((size, out), np.float64)
    for i, (a, b) in enumerate(_bounds(size, out)):
        rows[a:b, i] = 1 / (b - a)
    return Tensor._from_array(rows).to(like.dtype)


def _adaptive_avg(input, output_size, rank: int):
    sizes = _output_sizes(input, output_size, rank, f"adaptive_avg_pool{rank}d")
    if all(s == 1 for s in sizes):
        return input.mean(list(range(-rank, 0)), keepdim=True)
    if 0 in input.shape[-rank:]:
        raise RuntimeError(f"adaptive_avg_pool{rank}d: Expected input to have non-zero size for non-batch dimensions, but got "
                           f"input of size {list(input.shape)}")
    for d, out in zip(range(-rank, 0), sizes):
        size = input.shape[d]
        if size != out:
            input = input.movedim(d, -1).matmul(_averages(size, out, input)).movedim(-1, d)
    return input


@as_given
def adaptive_avg_pool1d(input, output_size):
    """Means over windows that divide each dimension into output_size parts as evenly as they go."""
    call = "adaptive_avg_pool1d"
    return _adaptive_avg(_batched(input, 1, call)[0], output_size, 1).reshape(
        *input.shape[:-1], *_output_sizes(input, output_size, 1, call))


@as_given
def adaptive_avg_pool2d(input, output_size):
    """Means over windows that divide each dimension into output_size parts as evenly as they go."""
    _check_rank(input, output_size, 2, "adaptive_avg_pool2d")
    return _adaptive_avg(input, output_size, 2)


@raised
def adaptive_avg_pool3d(input, output_size):
    """Means over windows that divide each dimension into output_size parts as evenly as they go."""
    _check_rank(input, output_size, 3, "adaptive_avg_pool3d")
    return _adaptive_avg(input, output_size, 3)


def _window_positions(sizes: list[int], outs: list[int]) -> np.ndarray:
    """Flat positions (outputs, longest window) of each output's window; short windows repeat their first element."""
    from_each = [[list(range(a, b)) for a, b in _bounds(n, o)] for n, o in zip(sizes, outs)]
    flat: list[list[int]] = [[0]]
    for n, windows in zip(sizes, from_each):
        flat = [[p * n + q for p in before for q in window] for before in flat for window in windows]
    longest = max(map(len, flat), default=0)
    return np.array([w + w[:1] * (longest - len(w)) for w in flat], np.int64).reshape(len(flat), longest)


def _adaptive_max(input, output_size, return_indices: bool, rank: int):
    call = f"adaptive_max_pool{rank}d"
    if rank > 1:
        _check_rank(input, output_size, rank, call)
    x, undo = _batched(input, rank, call)
    outs = _output_sizes(x, output_size, rank, call)
    _nonempty(x, input, call)
    if 0 in outs:
        nothing = x.new_zeros((*input.shape[:-rank], *outs))
        return (nothing, nothing.long()) if return_indices else nothing
    places = Tensor._from_array(_window_positions(list(x.shape[2:]), outs))
    windows = x.reshape(*x.shape[:2], -1)[:, :, places]  # (N, C, outputs, window)
    values, which = windows.max(-1)
    values = _unbatched(values.reshape(*x.shape[:2], *outs), undo)
    if not return_indices:
        return values
    found = places.expand(*x.shape[:2], *places.shape).gather(3, which.unsqueeze(3)).reshape(*x.shape[:2], *outs)
    return values, _unbatched(found, undo)


def adaptive_max_pool1d(input, output_size, return_indices: bool = False):
    """Maxima over windows that divide the dimension into output_size parts as evenly as they go."""
    return _adaptive_max(input, output_size, return_indices, 1)


def adaptive_max_pool2d(input, output_size, return_indices: bool = False):
    """Maxima over windows that divide each dimension into output_size parts as evenly as they go."""
    return _adaptive_max(input, output_size, return_indices, 2)


@raised
def adaptive_max_pool3d(input, output_size, return_indices: bool = False):
    """Maxima over windows that divide each dimension into output_size parts as evenly as they go."""
    return _adaptive_max(input, output_size, return_indices, 3)
