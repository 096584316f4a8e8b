"""Products beyond matmul: tensordot, Kronecker's, cross products, powers and chains of matrices, distances."""

from __future__ import annotations

import functools
import math

from ...core.dtypes import int64, promote_types
from ...core.shapes import broadcast, dim_index
from ...graph import ops
from ...graph.ops.solve import check_square
from ..autocast import as_given, lowered, raised
from ..keywords import also_named
from ..operands import require_tensor
from ..tensor import Tensor, wrap
from .creation import arange, eye, ones
from .diagonals import diagonal as _diagonal
from .matrices import square
from .matrix import matmul
from .norms import vector_norm
from .shape import _at_least
from .solving import inv


def diagonal(A, *, offset: int = 0, dim1: int = -2, dim2: int = -1):
    """The diagonals of the last two dimensions, as a view."""
    return _diagonal(A, offset, dim1, dim2)


@raised
def trace(input):
    """The sum of a matrix's diagonal."""
    x = require_tensor(input, "trace")
    if x.dim() != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {x.dim()}")
    return _diagonal(x).sum()


@as_given
def inner(input, other):
    """Sums of products over the last dimensions of both."""
    require_tensor(input, "inner"), require_tensor(other, "inner")
    if input.dim() == 0 or other.dim() == 0:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(f"inner() the last dimension must match on both input tensors but got shapes {list(input.shape)} and "
                           f"{list(other.shape)}")
    return tensordot(input, other, ([-1], [-1]))


def vdot(input, other):
    """sum conj(x_i) y_i of two vectors."""
    if input.dim() != 1 or other.dim() != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.dim()}D and {other.dim()}D tensors")
    if input.dtype is not other.dtype:
        raise RuntimeError(f"vdot: expected both vectors to have same dtype, but found {input.dtype.name} and {other.dtype.name}")
    if input.shape != other.shape:
        raise RuntimeError(f"inconsistent tensor size, expected tensor {list(input.shape)} and src {list(other.shape)} to have "
                           "the same number of elements")
    return (wrap(ops.conj(input.node)) * other).sum()


@lowered
def vecdot(x, y, *, dim: int = -1):
    """sum conj(x_i) y_i along dim; the others broadcast."""
    require_tensor(x, "linalg.vecdot"), require_tensor(y, "linalg.vecdot")
    return (wrap(ops.conj(x.node)) * y).sum(dim)


def _pairs(dims, a: Tensor, b: Tensor) -> tuple[list[int], list[int]]:
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.dim(), b.dim()):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        return list(range(a.dim() - dims, a.dim())), list(range(dims))
    first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(first) != len(second):
        raise RuntimeError(f"both dimension lists should have same length, got {first} and {second}")
    return [dim_index(d, a.dim(), "tensordot") for d in first], [dim_index(d, b.dim(), "tensordot") for d in second]


def tensordot(a, b, dims=2):
    """Sums of products over pairs of dimensions: the last `dims` of a with the first of b, or two lists."""
    first, second = _pairs(dims, require_tensor(a, "tensordot"), require_tensor(b, "tensordot"))
    for i, j in zip(first, second):
        if a.shape[i] != b.shape[j] and 1 not in (a.shape[i], b.shape[j]):
            raise RuntimeError(f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and second has "
                               f"size {b.shape[j]} in dim {j}")
        a, b = (a.sum(i, True), b) if b.shape[j] == 1 else (a, b)
        b = b.sum(j, True) if a.shape[i] == 1 else b
    rows = [i for i in range(a.dim()) if i not in first]
    columns = [j for j in range(b.dim()) if j not in second]
    count = math.prod(a.shape[i] for i in first)
    left = a.permute(*rows, *first).reshape(math.prod(a.shape[i] for i in rows), count)
    right = b.permute(*second, *columns).reshape(count, math.prod(b.shape[j] for j in columns))
    return matmul(left, right).reshape([a.shape[i] for i in rows] + [b.shape[j] for j in columns])


def kron(input, other):
    """Kronecker's product: every element of the first times the whole second."""
    rank = max(input.dim(), other.dim())
    a, b = (x.reshape((1,) * (rank - x.dim()) + tuple(x.shape)) for x in (input, other))
    wide = [s for n in a.shape for s in (n, 1)]
    narrow = [s for n in b.shape for s in (1, n)]
    return (a.reshape(wide) * b.reshape(narrow)).reshape([m * n for m, n in zip(a.shape, b.shape)])


def _third(x: Tensor, y: Tensor, dim: int, call: str) -> tuple[Tensor, Tensor, int]:
    if x.dim() != y.dim():
        raise RuntimeError(f"{call}: inputs must have the same number of dimensions.")
    d = dim_index(dim, x.dim(), call)
    if x.shape[d] != 3 or y.shape[d] != 3:
        raise RuntimeError(f"{call}: inputs dimension {dim} must have length 3. Got {x.shape[d]} and {y.shape[d]}")
    shape = broadcast(tuple(x.shape), tuple(y.shape), call)
    return x.expand(*shape), y.expand(*shape), d


def linalg_cross(input, other, *, dim: int = -1):
    """The vector product x y of vectors of length 3 along dim."""
    x, y, d = _third(require_tensor(input, "linalg.cross"), require_tensor(other, "linalg.cross"), dim, "linalg.cross")
    return x.roll(-1, d) * y.roll(-2, d) - x.roll(-2, d) * y.roll(-1, d)


def cross(input, other, dim: int | None = None):
    """linalg.cross, over the first dimension of length 3 unless dim says which."""
    if dim is None:
        shape = broadcast(tuple(input.shape), tuple(other.shape), "cross")
        dim = next((i for i, s in enumerate(shape) if s == 3), None)
        if dim is None:
            raise RuntimeError(f"cross: no dimension of size 3 in input, shapes {list(input.shape)} and {list(other.shape)}")
    return linalg_cross(input, other, dim=dim)


@also_named(input="A")
def matrix_power(A, n: int):
    """A multiplied with itself n times, by repeated squaring; the inverse's powers for n < 0."""
    check_square("linalg.matrix_power", require_tensor(A, "linalg.matrix_power").node)
    if n < 0:
        A, n = inv(A), -n
    if n == 0:
        return wrap(ops.overwrite(A.node, eye(A.shape[-1], dtype=A.dtype).expand(*A.shape).node))
    result, power = None, A
    while True:
        if n & 1:
            result = power if result is None else matmul(result, power)
        n >>= 1
        if not n:
            return result
        power = matmul(power, power)


@also_named(input="A")
def matrix_exp(A):
    """I + A + A^2 / 2! + ..."""
    return wrap(ops.matrix_exp(square(A, "linalg.matrix_exp", low_precision=True)))


def multi_dot(tensors):
    """The product of several matrices in the order that takes the fewest multiplications; the ends may be vectors."""
    parts = list(tensors)
    if len(parts) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(parts)}")
    _check_chain(parts)
    first, last = parts[0].dim() == 1, parts[-1].dim() == 1
    parts = [p.unsqueeze(0) if i == 0 and first else p.unsqueeze(1) if i == len(parts) - 1 and last else p
             for i, p in enumerate(parts)]
    sizes = [parts[0].shape[0], *[p.shape[1] for p in parts]]
    for i, (a, b) in enumerate(zip(parts, parts[1:])):
        if a.shape[1] != b.shape[0]:
            raise RuntimeError(f"multi_dot(): tensors {i} and {i + 1} with shapes {list(a.shape)} and {list(b.shape)} cannot be "
                               "multiplied")
    found = _chained(parts, sizes)
    found = found.squeeze(0) if first else found
    return found.squeeze(-1) if last else found


def _check_chain(parts) -> None:
    for i, p in enumerate(parts):
        ends = i in (0, len(parts) - 1)
        if p.dim() != 2 and not (ends and p.dim() == 1):
            raise RuntimeError(f"multi_dot(): tensor {i} must be {'1D or 2D' if ends else '2D'} but got {p.dim()}D")
        if p.dtype is not parts[0].dtype:
            raise RuntimeError(f"multi_dot(): all tensors must have be the same dtype, but tensor {i} is {p.dtype.name}")


def _chained(parts, sizes) -> Tensor:
    """Matrix-chain ordering (Cormen et al., Introduction to Algorithms, 15.2)."""

    @functools.cache
    def best(i: int, j: int) -> tuple[int, int]:
        if i == j:
            return 0, i
        return min((best(i, k)[0] + best(k + 1, j)[0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j))

    def multiplied(i: int, j: int) -> Tensor:
        if i == j:
            return parts[i]
        k = best(i, j)[1]
        return matmul(multiplied(i, k), multiplied(k + 1, j))

    return multiplied(0, len(parts) - 1)


def chain_matmul(*matrices):
    """multi_dot of its arguments."""
    parts = list(matrices[0]) if len(matrices) == 1 and isinstance(matrices[0], (list, tuple)) else list(matrices)
    return parts[0] if len(parts) == 1 else multi_dot(parts)


def vander(x, *, N: int | None = None):
    """Vandermonde's matrix: the powers 0 to N - 1 of every element along a new last dimension."""
    x = _at_least(require_tensor(x, "linalg.vander"), 1)
    if N is not None and N <= 1:
        raise RuntimeError(f"N must be greater than 1, got {N}")
    count = x.shape[-1] if N is None else N
    x = x.to(int64) if x.dtype.category == "bool" else x
    wide = x.unsqueeze(-1).expand(*x.shape, count - 1)
    first = ones(*x.shape, 1, dtype=wide.dtype)
    return wrap(ops.cat((first.node, wide.cumprod(-1).node), x.dim()))


def torch_vander(x, N: int | None = None, increasing: bool = False):
    """linalg.vander with the highest power first, unless increasing."""
    powers = arange(x.shape[-1] if N is None else N)
    base = x.to(int64) if x.dtype.category == "bool" else x
    found = base.unsqueeze(-1) ** powers
    return found if increasing else found.flip(-1)


@raised
def cdist(x1, x2, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"):
    """(..., P, R): the p-norm distances of P points (..., P, M) to R points (..., R, M)."""
    for x in (x1, x2):
        if require_tensor(x, "cdist").dim() < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, got {x.dim()}D")
        if not x.is_floating_point():
            raise RuntimeError(f"cdist only supports floating-point dtypes, got {x.dtype.name}")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if p < 0:
        raise RuntimeError(f"cdist only supports non-negative p values, got {p}")
    dtype = promote_types(x1.dtype, x2.dtype)
    between = x1.to(dtype).unsqueeze(-2) - x2.to(dtype).unsqueeze(-3)
    if between.shape[-1] == 0:
        return between.sum(-1)
    return vector_norm(between, p, -1)


def renorm(input, p: float, dim: int, maxnorm: float):
    """Each part along dim scaled down to the p-norm maxnorm where it is larger."""
    x = require_tensor(input, "renorm")
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if x.dim() < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {x.dim()} dimensions")
    d = dim_index(dim, x.dim(), "renorm")
    size = vector_norm(x, p, [i for i in range(x.dim()) if i != d], True)
    factor = wrap(ops.where((size > maxnorm).node, (maxnorm / (size + 1e-7)).node, ops.number(1, size.node)))
    return x * factor
