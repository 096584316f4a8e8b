"""Pooling in NumPy: one pass over the window's positions, each over the whole array."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np

from ...graph import ops
from ...graph.node import Node
from .table import kernel


def _bordered(x, kernel_, stride, padding, dilation, out, fill):
    """x with `fill` around it, far enough for the last window (ceil_mode looks past the padding)."""
    need = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(out, stride, dilation, kernel_)]
    after = [max(p, w - n - p) for p, w, n in zip(padding, need, x.shape[2:])]
    if not any(padding) and not any(after):
        return x
    return np.pad(x, [(0, 0), (0, 0), *zip(padding, after)], constant_values=fill)


def _at(x, offset, out, stride, dilation):
    places = (slice(o * d, o * d + (n - 1) * s + 1, s) for o, d, n, s in zip(offset, dilation, out, stride))
    return x[(slice(None), slice(None), *places)]


def _lowest(dtype: np.dtype):
    return np.iinfo(dtype).min if dtype.kind in "iu" else dtype.type(-np.inf)


def _windows(x, how, out):
    """What each kernel position sees, one array of all windows' elements for each, in row-major order."""
    kernel_, stride, padding, dilation, _ = how
    wide = _bordered(x, kernel_, stride, padding, dilation, out, _lowest(x.dtype))
    for offset in itertools.product(*map(range, kernel_)):
        yield offset, _at(wide, offset, out, stride, dilation)


@kernel(ops.max_pool)
def max_pool(node: Node, x):
    """nan is larger than everything."""
    return functools.reduce(np.maximum, (seen for _, seen in _windows(x, node.attrs, node.shape[2:]))).copy()


def _first_maxima(x, how, out):
    """For each kernel position, in which windows it holds the maximum: the first of equal ones, the last nan."""
    best = functools.reduce(np.maximum, (seen for _, seen in _windows(x, how, out)))
    open_ = np.ones(best.shape, bool)
    last_nan = _last_nan(x, how, out) if (best != best).any() else None
    for number, (offset, seen) in enumerate(_windows(x, how, out)):
        hit = (seen == best) & open_
        if any(how[2]) or how[4]:  # the border's -inf is nobody's maximum
            hit &= _inside(offset, x.shape[2:], how, out)
        open_ &= ~hit
        yield offset, hit if last_nan is None else hit | (last_nan == number)


def _last_nan(x, how, out):
    """The number of the last kernel position that sees a nan, -1 where none does."""
    result: Any = -1
    for number, (_, seen) in enumerate(_windows(x, how, out)):
        result = np.where(seen != seen, number, result)
    return result


def _inside(offset, sizes, how, out):
    """Which windows have kernel position `offset` inside the input and not in its border."""
    _, stride, padding, dilation, _ = how
    result = np.ones(out, bool)
    for axis, (o, size, s, p, d, n) in enumerate(zip(offset, sizes, stride, padding, dilation, out)):
        position = np.arange(n) * s + o * d - p
        shape = [1] * len(out)
        shape[axis] = n
        result = result & ((position >= 0) & (position < size)).reshape(shape)
    return result


@kernel(ops.max_pool_indices)
def max_pool_indices(node: Node, x):
    _, stride, padding, dilation, _ = node.attrs
    out = node.shape[2:]
    windows = np.ogrid[tuple(slice(n) for n in out)]
    result = np.zeros(node.shape, np.int64)
    for offset, hit in _first_maxima(x, node.attrs, out):
        flat: Any = 0
        for o, size, s, p, d, window in zip(offset, x.shape[2:], stride, padding, dilation, windows):
            flat = flat * size + (window * s + o * d - p)
        result += hit * flat
    return result


@kernel(ops.max_pool_grad)
def max_pool_grad(node: Node, g, x):
    kernel_, stride, padding, dilation, _ = node.attrs
    out = g.shape[2:]
    result = np.array(_bordered(np.zeros(x.shape, x.dtype), kernel_, stride, padding, dilation, out, 0))
    for offset, hit in _first_maxima(x, node.attrs, out):
        _at(result, offset, out, stride, dilation)[...] += g * hit
    inside = tuple(slice(p, p + s) for p, s in zip(padding, x.shape[2:]))
    return result[(slice(None), slice(None), *inside)]


def _divisors(sizes, how, out):
    """What each window's sum is divided by."""
    kernel_, stride, padding, _, include_pad, divisor = how
    if divisor is not None:
        return np.full(out, float(divisor))
    result = np.ones(out)
    for axis, (size, k, s, p, n) in enumerate(zip(sizes, kernel_, stride, padding, out)):
        start = np.arange(n) * s - p
        stop = np.minimum(start + k, size + p)
        count = stop - start if include_pad else np.minimum(stop, size) - np.maximum(start, 0)
        shape = [1] * len(out)
        shape[axis] = n
        result = result * count.reshape(shape)
    return result


@kernel(ops.avg_pool)
def avg_pool(node: Node, x):
    kernel_, stride, padding = node.attrs[:3]
    out = node.shape[2:]
    ones = (1,) * len(kernel_)
    wide = _bordered(x.astype(np.float64), kernel_, stride, padding, ones, out, 0.0)
    total = sum(_at(wide, offset, out, stride, ones) for offset in itertools.product(*map(range, kernel_)))
    return (total / _divisors(x.shape[2:], node.attrs, out)).astype(node.dtype.numpy)


@kernel(ops.avg_pool_grad)
def avg_pool_grad(node: Node, g):
    shape, *how = node.attrs
    kernel_, stride, padding = how[:3]
    out = g.shape[2:]
    ones = (1,) * len(kernel_)
    shared = g.astype(np.float64) / _divisors(shape[2:], how, out)
    result = np.array(_bordered(np.zeros(shape), kernel_, stride, padding, ones, out, 0.0))
    for offset in itertools.product(*map(range, kernel_)):
        _at(result, offset, out, stride, ones)[...] += shared
    inside = tuple(slice(p, p + s) for p, s in zip(padding, shape[2:]))
    return result[(slice(None), slice(None), *inside)].astype(node.dtype.numpy)
