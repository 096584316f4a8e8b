"""Norms of vectors and matrices, condition numbers (talweg.linalg)."""

from __future__ import annotations

import math

from ...core.dtypes import real_of
from ...core.shapes import dim_index
from ...graph import ops
from ..autocast import raised
from ..operands import require_tensor
from ..tensor import Tensor, wrap
from .factor import svdvals
from .matrices import square
from .pointwise import abs, where
from .reduce import _euclidean, amax, amin, sum
from .shape import movedim, reshape
from .solving import inv_ex


def _typed(x, dtype, call: str) -> Tensor:
    require_tensor(x, call)
    if not (x.is_floating_point() or x.is_complex()):
        raise RuntimeError(f"{call}: Expected a floating point or complex tensor as input. Got {x.dtype.name}")
    if dtype is None:
        return x
    if real_of(dtype) is dtype and x.is_complex():
        raise RuntimeError(f"{call} expected a floating point or complex 'dtype' that does not lose the imaginary part: the "
                           f"input is {x.dtype.name}, dtype is {dtype.name}; a narrowing of complex to real is refused")
    return x.to(dtype)


def vector_norm(x, ord=2, dim=None, keepdim: bool = False, *, dtype=None):
    """(sum |x|^ord)^(1/ord) over dim; ord may be inf, -inf (extrema of |x|) and 0 (the number of nonzeros)."""
    x = _typed(x, dtype, "linalg.vector_norm")
    dims = None if dim is None or (not isinstance(dim, int) and len(dim) == 0) else dim
    order = float(ord)
    _check_emptiness(x, dims, order)
    return _vector_norm(x, order, dims, keepdim)


def _check_emptiness(x: Tensor, dims, order: float) -> None:
    if order >= 0 and order != math.inf:
        return
    every = tuple(range(x.dim())) if dims is None or not x.dim() else (dims,) if isinstance(dims, int) else dims
    sizes = [x.shape[d] for d in every] if x.dim() else []
    if 0 in sizes:
        raise RuntimeError(f"linalg.vector_norm cannot compute the {order} norm on an empty dimension because the operation does "
                           f"not have an identity: the shape is {list(x.shape)}")


def _vector_norm(x: Tensor, order: float, dims, keepdim: bool) -> Tensor:
    size = abs(x)
    if order == 2:
        return _euclidean(size, dims, keepdim)
    if order == math.inf:
        return amax(size, () if dims is None else dims, keepdim)
    if order == -math.inf:
        return amin(size, () if dims is None else dims, keepdim)
    if order == 0:
        return sum((size != 0).to(size.dtype), dims, keepdim) + sum(size * 0, dims, keepdim)
    if order == 1:
        return sum(size, dims, keepdim)
    return _rooted(sum(_powered(size, order), dims, keepdim), order)


def _powered(size: Tensor, order: float) -> Tensor:
    """|x|^p whose gradient at 0 is 0."""
    if order > 1:
        return size**order
    zero = size == 0
    return where(zero, size.detach() ** order, where(zero, 1.0, size) ** order)


def _rooted(total: Tensor, order: float) -> Tensor:
    """The p-th root whose gradient at 0 is 0."""
    zero = total == 0
    return where(zero, total.detach() ** (1 / order), where(zero, 1.0, total) ** (1 / order))


def _two(dim, x: Tensor, call: str) -> tuple[int, int]:
    if x.dim() < 2:
        raise RuntimeError(f"{call}: The input tensor A must have at least 2 dimensions, got shape {list(x.shape)}.")
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise RuntimeError(f"{call}: dim must be a 2-tuple. Got {dim}")
    rows, columns = (dim_index(d, x.dim(), call) for d in dim)
    if rows == columns:
        raise RuntimeError(f"{call}: dims must be different. Got ({dim[0]}, {dim[1]})")
    return rows, columns


def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim: bool = False, *, dtype=None):
    """A norm of matrices: "fro", "nuc" (the sum of the singular values), 2 and -2 (the extreme singular values), 1 and -1
    (of the column sums of |A|), inf and -inf (of the row sums)."""
    x = _typed(A, dtype, "linalg.matrix_norm")
    rows, columns = _two(dim, x, "linalg.matrix_norm")
    if ord == "fro":
        return vector_norm(x, 2, (rows, columns), keepdim)
    if isinstance(ord, str) and ord != "nuc":
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    if ord == "nuc" or math.fabs(ord) == 2:
        return _spectral_norm(x, ord, rows, columns, keepdim)
    if math.fabs(ord) not in (1, math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    first, second = (rows, columns) if math.fabs(ord) == 1 else (columns, rows)
    sums = sum(abs(x), first, True)
    found = (amax if ord > 0 else amin)(sums, second, True)
    return found if keepdim else found.squeeze((rows, columns))


def _spectral_norm(x: Tensor, ord, rows: int, columns: int, keepdim: bool) -> Tensor:
    values = svdvals(movedim(x, (rows, columns), (-2, -1)))
    found = values.sum(-1) if ord == "nuc" else amax(values, -1) if ord > 0 else amin(values, -1)
    if not keepdim:
        return found
    return reshape(found, [1 if i in (rows, columns) else s for i, s in enumerate(x.shape)])


def norm(A, ord=None, dim=None, keepdim: bool = False, *, dtype=None):
    """A vector norm over one dimension (or, without ord, over any), a matrix norm over two."""
    x = _typed(A, dtype, "linalg.norm")
    if ord is None:
        return vector_norm(x, 2, dim, keepdim)
    count = x.dim() if dim is None else 1 if isinstance(dim, int) else len(dim)
    if dim is None and count not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {x.dim()}D.")
    if count == 1:
        if isinstance(ord, str):
            raise RuntimeError(f"linalg.norm: Order {ord} needs a matrix: give two dimensions in dim")
        return vector_norm(x, ord, dim, keepdim)
    return matrix_norm(x, ord, tuple(range(x.dim())) if dim is None else dim, keepdim)


def torch_norm(input, p: float | str | None = "fro", dim=None, keepdim: bool = False, out=None, dtype=None):
    """linalg.vector_norm under its older name, over all dimensions unless dim says which; "nuc" is the matrix norm."""
    x = require_tensor(input, "norm")
    if p == "nuc":
        return matrix_norm(x, "nuc", tuple(range(x.dim())) if dim is None else dim, keepdim, dtype=dtype)
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"norm: order {p!r} is not one of \"fro\", \"nuc\" and the numbers")
    return vector_norm(x, 2 if p in ("fro", None) else p, dim, keepdim, dtype=dtype)


def dist(input, other, p: float = 2):
    """The p-norm of x - y."""
    return torch_norm(input - other, p)


@raised
def cond(A, p=None):
    """The condition number |A| |A^-1| in the norm p; of singular values (p None, 2, -2) their extreme quotient."""
    if p in (None, 2, -2):
        values = svdvals(A)
        if values.shape[-1] == 0:
            return values.sum(-1)
        largest, smallest = values[..., 0], values[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    square(A, "linalg.cond")
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if 0 in A.shape[-2:]:
        return wrap(ops.sum_(A.node, (A.dim() - 2, A.dim() - 1), False))
    return matrix_norm(A, p) * matrix_norm(inv_ex(A).inverse, p)
