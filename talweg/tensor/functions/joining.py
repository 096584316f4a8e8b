"""Tensors put together and taken apart in ways beyond cat and split."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from ...core.dtypes import promote_types
from ...core.shapes import Size, broadcast_all, dim_index
from ..box import Box
from ..keywords import also_named
from ..operands import require_tensor
from ..tensor import Tensor
from .creation import zeros
from .indexing import index_select
from .shape import _at_least, cat, hstack, meshgrid, reshape, stack, tensor_split, unsqueeze


def _each(tensors, function):
    """f(a, b) and f((a, b)) give tuples, f(a) a tensor."""
    if len(tensors) == 1 and isinstance(tensors[0], Box):
        return function(tensors[0])
    parts = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    return tuple(function(x) for x in parts)


def atleast_1d(*tensors):
    """A 0-d tensor as one of one element; others as they are."""
    return _each(tensors, lambda x: _at_least(require_tensor(x, "atleast_1d"), 1))


def atleast_2d(*tensors):
    """A vector as a row; others as they are."""
    return _each(tensors, lambda x: _at_least(require_tensor(x, "atleast_2d"), 2))


def _three(x):
    x = require_tensor(x, "atleast_3d")
    return unsqueeze(_at_least(x, 2), -1) if x.dim() < 3 else x


def atleast_3d(*tensors):
    """A matrix with a new last dimension, a vector as a row of it; others as they are."""
    return _each(tensors, _three)


def dstack(tensors):
    """Along the third dimension."""
    return cat([_three(x) for x in _several(tensors, "dstack")], 2)


def column_stack(tensors):
    """Vectors as columns, beside the columns of matrices."""
    columns = [reshape(x, -1, 1) if x.dim() <= 1 else x for x in _several(tensors, "column_stack")]
    return hstack(columns)


def _several(tensors, call: str) -> tuple:
    parts = tuple(tensors)
    if not parts:
        raise RuntimeError(f"{call} expects a non-empty TensorList")
    return parts


def _cut(input, how, dim: int, call: str):
    x = require_tensor(input, call)
    if isinstance(how, int) and (how <= 0 or x.shape[dim] % how):
        raise RuntimeError(f"{call} attempted to split along dimension {dim}, but the size of the dimension "
                           f"{x.shape[dim]} is not divisible by the split_size {how}!")
    return tensor_split(x, how, dim)


def _needs(x, rank: int, call: str) -> None:
    if require_tensor(x, call).dim() < rank:
        raise RuntimeError(f"torch.{call} requires a tensor with at least {rank} dimension{'s' * (rank > 1)}, but got a tensor "
                           f"with {x.dim()} dimensions!")


def _sections(first, rest):
    return [first, *rest] if rest else first


@also_named(sections="indices_or_sections", indices="indices_or_sections")
def hsplit(input, indices_or_sections, *more):
    """tensor_split along the second dimension, or the first of a vector."""
    _needs(input, 1, "hsplit")
    return _cut(input, _sections(indices_or_sections, more), 0 if input.dim() == 1 else 1, "hsplit")


@also_named(sections="indices_or_sections", indices="indices_or_sections")
def vsplit(input, indices_or_sections, *more):
    """tensor_split along the first dimension."""
    _needs(input, 2, "vsplit")
    return _cut(input, _sections(indices_or_sections, more), 0, "vsplit")


@also_named(sections="indices_or_sections", indices="indices_or_sections")
def dsplit(input, indices_or_sections, *more):
    """tensor_split along the third dimension."""
    _needs(input, 3, "dsplit")
    return _cut(input, _sections(indices_or_sections, more), 2, "dsplit")


def block_diag(*tensors):
    """Matrices along the diagonal of one, zeros elsewhere; vectors are rows."""
    parts = []
    for i, x in enumerate(tensors):
        if require_tensor(x, "block_diag").dim() > 2:
            raise RuntimeError(f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {x.dim()} "
                               "dimensions")
        parts.append(_at_least(x, 2))
    if not parts:
        return zeros(1, 0)
    dtype = parts[0].dtype
    for x in parts[1:]:
        dtype = promote_types(dtype, x.dtype)
    width = sum(x.shape[1] for x in parts)
    rows, start = [], 0
    for x in parts:
        height, n = x.shape
        rows.append(cat([zeros(height, start, dtype=dtype), x.to(dtype), zeros(height, width - start - n, dtype=dtype)], 1))
        start += n
    return cat(rows, 0)


def cartesian_prod(*tensors):
    """All tuples of elements of vectors, one a row, in lexicographic order."""
    for x in tensors:
        if x.dim() != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape(g, -1) for g in meshgrid(*tensors)], 1)


def combinations(input, r: int = 2, with_replacement: bool = False):
    """All combinations of r elements of a vector, one a row."""
    x = require_tensor(input, "combinations")
    if x.dim() != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return zeros(0, dtype=x.dtype)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(choose(range(x.shape[0]), r))
    flat = index_select(x, 0, Tensor._from_array(np.array(rows, np.int64).reshape(-1)))
    return reshape(flat, len(rows), r)


def rot90(input, k: int = 1, dims: Sequence[int] = (0, 1)):
    """Turned k times by 90 degrees in the plane of two dimensions, from the first to the second."""
    x = require_tensor(input, "rot90")
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if x.dim() < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {x.dim()}")
    a, b = (dim_index(d, x.dim(), "rot90") for d in dims)
    if a == b:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    turns = k % 4
    if turns == 1:
        return x.flip(b).transpose(a, b).contiguous()
    if turns == 2:
        return x.flip(a, b)
    return x.flip(a).transpose(a, b).contiguous() if turns == 3 else x.clone()


def broadcast_shapes(*shapes):
    """The shape that tensors of these shapes broadcast to."""
    return Size(broadcast_all([(s,) if isinstance(s, int) else tuple(s) for s in shapes], "broadcast_shapes"))


def diagflat(input, offset: int = 0):
    """The elements as the diagonal of a matrix."""
    return require_tensor(input, "diagflat").reshape(-1).diag(offset)

