"""Indexing in NumPy. Every index is checked: one out of range raises IndexError, naming it and the size."""

from __future__ import annotations

import numpy as np

from ...graph import ops
from ...graph.node import Node
from .table import kernel


def check_indices(name: str, index: np.ndarray, size: int, dim: int, negative: bool) -> None:
    """Raise IndexError unless every index lies in [0, size), or in [-size, size) where `negative`."""
    if index.size == 0:
        return
    low, high = int(index.min()), int(index.max())
    if low < (-size if negative else 0) or high >= size:
        wrong = high if high >= size else low
        raise IndexError(f"{name}: index {wrong} is out of bounds for dimension {dim} with size {size}")


def _along(index: np.ndarray, dim: int) -> tuple:
    """The index tuple that pairs `index` in `dim` with its own position everywhere else."""
    grid = np.ogrid[tuple(slice(s) for s in index.shape)]
    return tuple(index if i == dim else grid[i] for i in range(index.ndim))


@kernel(ops.gather)
def gather(node: Node, x, index):
    dim = node.attrs[0]
    if index.ndim == 0:
        check_indices("gather", index, 1, dim, False)
        return x
    check_indices("gather", index, x.shape[dim], dim, False)
    return x[_along(index, dim)] if index.size else np.empty(index.shape, x.dtype)


def _scattered(name, node: Node, x, index, source, write):
    dim = node.attrs[0]
    result = np.array(x)
    check_indices(name, index, x.shape[dim] if x.ndim else 1, dim, False)
    if index.size:
        used = source[tuple(slice(s) for s in index.shape)]
        write(result, _along(index, dim) if index.ndim else (), used)
    return result


@kernel(ops.scatter_add)
def scatter_add(node: Node, x, index, source):
    return _scattered("scatter_add", node, x, index, source, np.add.at)


def _assign(result, where, value):
    result[where] = value


@kernel(ops.scatter)
def scatter(node: Node, x, index, source):
    return _scattered("scatter", node, x, index, source, _assign)


def _position(shape, dims, indices) -> tuple:
    for dim, i in zip(dims, indices):
        check_indices("index", i, shape[dim], dim, True)
    where = dict(zip(dims, indices))
    return tuple(where.get(d, slice(None)) for d in range(len(shape)))


@kernel(ops.index)
def index(node: Node, x, *indices):
    return x[_position(x.shape, node.attrs[0], indices)]


@kernel(ops.index_put)
def index_put(node: Node, x, value, *indices):
    dims, accumulate = node.attrs
    result = np.array(x)
    (np.add.at if accumulate else _assign)(result, _position(x.shape, dims, indices), value)
    return result
