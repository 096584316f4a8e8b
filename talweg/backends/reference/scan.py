"""Running extrema and sums of exponentials, and the most frequent element, in NumPy."""

from __future__ import annotations

import numpy as np

from ...graph import ops
from ...graph.node import Node
from .table import kernel


def _running_place(x: np.ndarray, dim: int, accumulate) -> np.ndarray:
    if x.ndim == 0:
        return np.zeros((), np.int64)
    hit = (x == accumulate(x, axis=dim)) | (x != x)
    shape = [-1 if i == dim else 1 for i in range(x.ndim)]
    places = np.arange(x.shape[dim], dtype=np.int64).reshape(shape)
    return np.maximum.accumulate(np.where(hit, places, 0), axis=dim)


@kernel(ops.cummax_indices)
def cummax_indices(node: Node, x):
    return _running_place(x, node.attrs[0], np.maximum.accumulate)


@kernel(ops.cummin_indices)
def cummin_indices(node: Node, x):
    return _running_place(x, node.attrs[0], np.minimum.accumulate)


@kernel(ops.logcumsumexp)
def logcumsumexp(node: Node, x):
    wide = x.astype(np.float32) if x.dtype.itemsize == 2 else x
    if x.ndim == 0:
        return x
    with np.errstate(all="ignore"):
        return np.logaddexp.accumulate(wide, axis=node.attrs[0]).astype(x.dtype, copy=False)


@kernel(ops.mode_index)
def mode_index(node: Node, x):
    dim = node.attrs[0]
    rows = np.moveaxis(x, dim, -1)
    order = np.argsort(rows, axis=-1, kind="stable")
    ordered = np.take_along_axis(rows, order, -1)
    places = np.arange(rows.shape[-1])
    first = np.concatenate([np.ones((*rows.shape[:-1], 1), bool), ordered[..., 1:] != ordered[..., :-1]], axis=-1)
    length = places - np.maximum.accumulate(np.where(first, places, 0), axis=-1)  # of the run so far
    best = np.argmax(length, axis=-1)[..., None]
    return np.moveaxis(np.take_along_axis(order, best, -1), -1, dim).astype(np.int64)
