"""Triangles and diagonals of matrices."""

from __future__ import annotations

from ...core.dtypes import bool_
from ...core.shapes import contiguous_strides, dim_index
from ...graph import ops
from .. import views
from ..operands import require_tensor
from ..tensor import wrap
from .shape import movedim


def tril(input, diagonal: int = 0):
    """The part of each matrix on and below a diagonal, zero above."""
    return _triangle(input, diagonal, ops.le, "tril")


def triu(input, diagonal: int = 0):
    """The part of each matrix on and above a diagonal, zero below."""
    return _triangle(input, diagonal, ops.ge, "triu")


def _triangle(input, diagonal: int, test, call: str):
    node = require_tensor(input, call).node
    if len(node.shape) < 2:
        raise RuntimeError(f"{call}: input tensor must have at least 2 dimensions, got {list(node.shape)}")
    rows, columns = node.shape[-2:]
    row = ops.reshape(ops.iota(rows, diagonal), (rows, 1))
    inside = test(ops.iota(columns, 0), row)
    zero = ops.number(False if node.dtype is bool_ else 0, node)
    return wrap(ops.where(inside, node, zero))


def diagonal(input, offset: int = 0, dim1: int = 0, dim2: int = 1):
    """A view of the elements at [.., i, .., i + offset, ..], as the last dimension."""
    x = require_tensor(input, "diagonal")
    a, b = dim_index(dim1, x.dim(), "diagonal"), dim_index(dim2, x.dim(), "diagonal")
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    strides, start = x._geometry()
    shape = x.node.shape
    count = max(min(shape[a] + min(offset, 0), shape[b] - max(offset, 0)), 0)
    rest = [i for i in range(x.dim()) if i not in (a, b)]
    size = (*[shape[i] for i in rest], count)
    own = contiguous_strides(shape)  # positions are counted through the parent's own row-major order
    first = (offset * own[b] if offset >= 0 else -offset * own[a]) if count else 0
    places = views.places(size, (*[own[i] for i in rest], own[a] + own[b]), first)
    memory = (*[strides[i] for i in rest], strides[a] + strides[b])
    lead = (offset * strides[b] if offset >= 0 else -offset * strides[a]) if count else 0
    return views.elements(x, places, memory, start + lead)


_diagonal_of = diagonal  # `diag` has an argument of that name


def diag(input, diagonal: int = 0):
    """The matrix with this vector on a diagonal, or the diagonal of this matrix."""
    x = require_tensor(input, "diag")
    if x.dim() == 2:
        return _diagonal_of(x, diagonal).clone()
    if x.dim() != 1:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {x.dim()}D")
    return diag_embed(x, diagonal)


def diag_embed(input, offset: int = 0, dim1: int = -2, dim2: int = -1):
    """Matrices with the last dimension on a diagonal."""
    x = require_tensor(input, "diag_embed")
    count = x.node.shape[-1]
    size = count + abs(offset)
    row = ops.reshape(ops.iota(size, offset), (size, 1))
    on = ops.eq(ops.iota(size, 0), row)
    first = max(offset, 0)
    padded = ops.pad(x.node, (0,) * x.dim(), (0,) * (x.dim() - 1) + (abs(offset),), 0)
    turned = ops.reshape(padded, (*x.node.shape[:-1], size, 1)) if first else ops.reshape(padded, (*x.node.shape[:-1], 1, size))
    spread = ops.expand(turned, (*x.node.shape[:-1], size, size))
    full = wrap(ops.where(on, spread, ops.number(0, x.node)))
    return movedim(full, (-2, -1), (dim1, dim2))
