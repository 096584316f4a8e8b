"""Writes that combine: scatter_reduce, index_reduce, put; and reads that repeat."""

from __future__ import annotations

import math

import numpy as np

from ...core.dtypes import iinfo, int64
from ...core.shapes import dim_index
from ...graph import ops
from ...graph.node import Node
from ..box import Box
from ..operands import require_tensor
from ..pending import value_of
from ..tensor import Tensor, wrap
from .indexing import _checked_nonnegative, _index_node, index_put, index_select, nonzero
from .pointwise import floor_divide

_REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def _neutral(dtype, reduce: str):
    if reduce in ("sum", "mean"):
        return 0
    if reduce == "prod":
        return 1
    if dtype.category == "bool":
        return reduce == "amin"
    if dtype.is_floating_point:
        return -math.inf if reduce == "amax" else math.inf
    info = iinfo(dtype)
    return info.min if reduce == "amax" else info.max


def _filled(node: Node, index: Node, value, dim: int) -> Node:
    """node with a number at every place that index names."""
    return ops.scatter(node, index, ops.expand(ops.number(value, node), index.shape), dim)


def scatter_reduce(input, dim: int, index, src, reduce: str, *, include_self: bool = True):
    """input with the elements of src combined in at the places that index names along dim: their sum, prod, mean, amax
    or amin; input's own element takes part if include_self."""
    x = require_tensor(input, "scatter_reduce")
    if reduce not in _REDUCTIONS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    source = require_tensor(src, "scatter_reduce").node
    if source.dtype is not x.dtype:
        raise RuntimeError(f"scatter(): Expected self.dtype to be equal to src.dtype, got {x.dtype.name} and {source.dtype.name}")
    where = _index_node(index, "scatter")
    d = dim_index(dim, x.dim(), "scatter_reduce")
    if 0 not in where.shape:
        _checked_nonnegative(where, x.node.shape[d] if x.dim() else 1, d, "scatter")
    if x.dim() == 0 and len(where.shape) == 1:
        return scatter_reduce(x.reshape(1), 0, index, src.reshape(1) if src.dim() == 0 else src, reduce,
                              include_self=include_self).reshape(())
    return wrap(_reduced(x.node, where, source, d, reduce, include_self))


def _reduced(node: Node, where: Node, source: Node, d: int, reduce: str, include_self: bool) -> Node:
    start = node if include_self else _filled(node, where, _neutral(node.dtype, reduce), d)
    if reduce == "sum":
        return ops.scatter_add(start, where, source, d)
    if reduce == "mean":
        ones = ops.expand(ops.number(1, node), node.shape)
        counted = ones if include_self else _filled(ones, where, 0, d)
        count = ops.scatter_add(counted, where, ops.expand(ops.number(1, node), source.shape), d)
        count = ops.maximum(count, ops.number(1, count))
        total = ops.scatter_add(start, where, source, d)
        return ops.div(total, count) if node.dtype.is_floating_point else floor_divide(wrap(total), wrap(count)).node
    return ops.scatter_reduce(start, where, source, d, reduce)


def index_reduce(input, dim: int, index, source, reduce: str, *, include_self: bool = True):
    """input with rows of source combined in at the positions `index` along dim: by prod, mean, amax or amin."""
    x = require_tensor(input, "index_reduce")
    if reduce not in _REDUCTIONS[1:]:
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    d = dim_index(dim, x.dim(), "index_reduce")
    if index.dim() > 1:
        raise IndexError(f"index_reduce(): Index is supposed to be a vector, got shape {list(index.shape)}")
    shape = tuple(x.shape) or (1,)
    rows = (*shape[:d], index.numel(), *shape[d + 1 :])
    wide = index.reshape([-1 if i == d else 1 for i in range(len(shape))]).expand(*rows)
    found = scatter_reduce(x.reshape(shape), d, wide, source.reshape(rows), reduce, include_self=include_self)
    return found.reshape(x.shape)


def put(input, index, source, accumulate: bool = False):
    """input with the flattened positions `index` replaced by source, or added to."""
    x = require_tensor(input, "put")
    if index.dtype is not int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype.name}")
    if source.dtype is not x.dtype:
        raise RuntimeError(f"put_(): self and source expected to have the same dtype, but got {x.dtype.name} and "
                           f"{source.dtype.name}")
    if index.numel() != source.numel():
        raise IndexError(f"put_(): Expected source and index to have the same number of elements, but got {source.numel()} and "
                           f"{index.numel()}")
    if x.numel() == 0 and index.numel():
        raise IndexError("put_(): Expected self to be non-empty")
    return index_put(x.reshape(-1), (index.reshape(-1),), source.reshape(-1), accumulate).reshape(x.shape)


def repeat_interleave(input, repeats=None, dim: int | None = None, *, output_size: int | None = None):
    """Every element along dim (of the flattened tensor without dim) repeated; repeats is a number or one an element."""
    x = require_tensor(input, "repeat_interleave")
    if repeats is None:
        return _repeated_places(x)
    if dim is None:
        x, dim = x.reshape(-1), 0
    d = dim_index(dim, x.dim(), "repeat_interleave")
    size = x.shape[d] if x.dim() else 1
    places = np.repeat(np.arange(size, dtype=np.int64), _repeats(repeats, size))
    if output_size is not None and output_size != len(places):
        raise RuntimeError(f"repeat_interleave: output_size {output_size} is not the sum of the repeats, {len(places)}")
    return index_select(x if x.dim() else x.reshape(1), d, Tensor._from_array(places))


def _repeated_places(repeats: Tensor) -> Tensor:
    counts = _counts(repeats)
    return Tensor._from_array(np.repeat(np.arange(len(counts), dtype=np.int64), counts)).to(repeats.dtype)


def _counts(repeats) -> np.ndarray:
    if repeats.dim() > 1:
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    if repeats.dtype.category != "integer":
        raise RuntimeError(f"repeats has to be Long or Int tensor, got {repeats.dtype.name}")
    counts = value_of(repeats.node)
    if counts.size and counts.min() < 0:
        raise RuntimeError("repeats can not be negative")
    return counts


def _repeats(repeats, size: int):
    if isinstance(repeats, (list, tuple)):
        repeats = np.asarray(repeats)
    if not isinstance(repeats, (Box, np.ndarray)):
        if repeats < 0:
            raise RuntimeError("Repeats must be non-negative")
        return int(repeats)
    counts = _counts(repeats) if isinstance(repeats, Box) else repeats
    if counts.size not in (1, size):
        raise RuntimeError("repeats must have the same size as input along dim, but got repeats.size(0) = "
                           f"{counts.size} and input.size(dim) = {size}")
    return counts if counts.size == size else int(counts.reshape(()))


def nonzero_static(input, *, size: int, fill_value: int = -1):
    """nonzero cut, or filled up with fill_value, to `size` rows."""
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    found = value_of(nonzero(input).node)[:size]
    rows = np.full((size, found.shape[1]), fill_value, np.int64)
    rows[: len(found)] = found
    return Tensor._from_array(rows)

