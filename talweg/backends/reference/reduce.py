"""Reductions and scans in NumPy. Half precision is accumulated in float32."""

from __future__ import annotations

import numpy as np

from ...graph import ops
from ...graph.node import Node
from .table import kernel


def _accumulated(function, x, **how):
    wide = {"dtype": np.float32} if x.dtype.itemsize == 2 and x.dtype.kind in "fV" else {"dtype": x.dtype}
    with np.errstate(all="ignore"):
        return np.asarray(function(x, **how, **wide)).astype(x.dtype, copy=False)


@kernel(ops.sum_)
def sum_(node: Node, x):
    dims, keepdim = node.attrs
    return _accumulated(np.sum, x, axis=dims, keepdims=keepdim)


@kernel(ops.prod)
def prod(node: Node, x):
    dims, keepdim = node.attrs
    return _accumulated(np.prod, x, axis=dims, keepdims=keepdim)


@kernel(ops.amax)
def amax(node: Node, x):
    dims, keepdim = node.attrs
    return np.asarray(np.max(x, axis=dims, keepdims=keepdim))


@kernel(ops.amin)
def amin(node: Node, x):
    dims, keepdim = node.attrs
    return np.asarray(np.min(x, axis=dims, keepdims=keepdim))


@kernel(ops.any_)
def any_(node: Node, x):
    dims, keepdim = node.attrs
    return np.asarray(np.any(x, axis=dims, keepdims=keepdim))


@kernel(ops.all_)
def all_(node: Node, x):
    dims, keepdim = node.attrs
    return np.asarray(np.all(x, axis=dims, keepdims=keepdim))


def _position(function, node: Node, x):
    dim, keepdim = node.attrs
    if x.ndim == 0:
        return np.zeros((), np.int64)
    return np.asarray(function(x, axis=dim, keepdims=keepdim))


@kernel(ops.argmax)
def argmax(node: Node, x):
    return _position(np.argmax, node, x)


@kernel(ops.argmin)
def argmin(node: Node, x):
    return _position(np.argmin, node, x)


@kernel(ops.cumsum)
def cumsum(node: Node, x):
    return _accumulated(np.cumsum, x, axis=node.attrs[0]) if x.ndim else x


@kernel(ops.cumprod)
def cumprod(node: Node, x):
    return _accumulated(np.cumprod, x, axis=node.attrs[0]) if x.ndim else x


@kernel(ops.argsort)
def argsort(node: Node, x):
    """Stable both ways; nan counts as the largest."""
    dim, descending = node.attrs
    if x.ndim == 0:
        return np.zeros((), np.int64)
    x = x.astype(np.float32) if x.dtype.kind == "V" else x  # bfloat16 sorts its nans anywhere
    if not descending:
        return np.argsort(x, axis=dim, kind="stable")
    backwards = np.argsort(np.flip(x, dim), axis=dim, kind="stable")
    return np.flip(x.shape[dim] - 1 - backwards, dim)
