"""Pooling in NumPy: one pass over the window's positions, each over the whole array."""

from __future__ import annotations

import itertools

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


def _maxima(x, how, out):
    """(maximum, kernel position of the first maximum) of each window; nan counts as the largest."""
    kernel_, stride, padding, dilation, _ = how
    wide = _bordered(x, kernel_, stride, padding, dilation, out, _lowest(x.dtype))
    best = np.full((*x.shape[:2], *out), _lowest(x.dtype), x.dtype)
    place = np.full(best.shape, -1, np.int64)
    for number, offset in enumerate(itertools.product(*map(range, kernel_))):
        seen = _at(wide, offset, out, stride, dilation)
        inside = _inside(offset, x.shape[2:], how, out)
        better = ((seen > best) | ((seen != seen) & (best == best)) | (place < 0)) & inside
        best = np.where(better, seen, best)
        place = np.where(better, number, place)
    return best, place


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


def _flat_positions(place, sizes, how, out):
    """The kernel position of each window's maximum as a position in the input's flattened plane."""
    kernel_, stride, padding, dilation, _ = how
    inner = np.unravel_index(np.maximum(place, 0), kernel_)
    grid = np.ogrid[tuple(slice(n) for n in out)]
    flat = np.zeros(place.shape, np.int64)
    for o, size, s, p, d, window in zip(inner, sizes, stride, padding, dilation, grid):
        flat = flat * size + (window * s + o * d - p)
    return flat


@kernel(ops.max_pool)
def max_pool(node: Node, x):
    return _maxima(x, node.attrs, node.shape[2:])[0]


@kernel(ops.max_pool_indices)
def max_pool_indices(node: Node, x):
    out = node.shape[2:]
    return _flat_positions(_maxima(x, node.attrs, out)[1], x.shape[2:], node.attrs, out)


@kernel(ops.max_pool_grad)
def max_pool_grad(node: Node, g, x):
    out = g.shape[2:]
    where = _flat_positions(_maxima(x, node.attrs, out)[1], x.shape[2:], node.attrs, out)
    planes = g.shape[0] * g.shape[1]
    size = int(np.prod(x.shape[2:]))
    places = where.reshape(planes, -1) + np.arange(planes)[:, None] * size
    sums = np.bincount(places.reshape(-1), weights=g.reshape(-1).astype(np.float64), minlength=planes * size)
    return sums.astype(x.dtype).reshape(x.shape)


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
