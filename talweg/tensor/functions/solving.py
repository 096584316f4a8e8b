"""Systems of linear equations, inverses, determinants, least squares (talweg.linalg)."""

from __future__ import annotations

import math

from ...core.dtypes import finfo
from ...core.shapes import broadcast
from ...graph import ops
from ...graph.node import Node
from .. import return_types
from ..autocast import raised
from ..box import Box
from ..keywords import also_named
from ..operands import is_number, require_tensor
from ..tensor import Tensor, wrap
from .creation import eye, full, zeros
from .factor import _svd, eigvalsh, lu_factor_ex
from .matrices import at_once, matrix, real, same_type, spread_batch, square
from .matrix import matmul
from .pointwise import abs


# --- systems
def _is_vector(a: Node, b: Node) -> bool:
    """Whether B is a stack of right-hand sides that are vectors, by PyTorch's rule."""
    return len(b.shape) == 1 or (len(a.shape) - 1 == len(b.shape) and a.shape[:-1] == b.shape)


def _system(A, B, call: str) -> tuple[Node, Node, bool]:
    a, b = square(A, call), require_tensor(B, call).node
    same_type(call, a, b)
    vector = _is_vector(a, b)
    return a, (ops.reshape(b, (*b.shape, 1)) if vector else b), vector


@raised
def solve(A, B, *, left: bool = True):
    """X with A X = B (X A = B unless left). Raises LinAlgError for a singular A."""
    return _solved(A, B, left, True, "linalg.solve")


def _solved(A, B, left: bool, checked: bool, call: str):
    a, b, vector = _system(A, B, call)
    if not left:
        if vector:
            raise RuntimeError(f"{call}: Vector broadcasting of the left hand side is not supported for left=False. In this case "
                               f"linalg.solve is equivalent to B / A.squeeze(-1)")
        turned = ops.solve(ops.swap_last(a), ops.swap_last(b), call if checked else "")
        found = at_once(turned) if checked else wrap(turned)
        return found.transpose(-2, -1)
    node = ops.solve(a, b, call if checked else "")
    found = at_once(node) if checked else wrap(node)
    return found.squeeze(-1) if vector else found


def solve_ex(A, B, *, left: bool = True, check_errors: bool = False):
    """(X, info): info is 0, or the place of a zero pivot."""
    info = lu_factor_ex(A.detach()).info
    return return_types.linalg_solve_ex(_solved(A, B, left, check_errors, "linalg.solve_ex"), info)


def solve_triangular(A, B, *, upper: bool, left: bool = True, unitriangular: bool = False):
    """X with A X = B (X A = B unless left) for a triangular A, of which only that triangle is read."""
    a, b = square(A, "linalg.solve_triangular"), matrix(B, "linalg.solve_triangular")
    same_type("linalg.solve_triangular", a, b)
    if left:
        _compatible(a, b, "linalg.solve_triangular", left)
        return wrap(ops.triangular_solve(a, b, upper, unitriangular))
    _compatible(a, b, "linalg.solve_triangular", left)
    turned = ops.triangular_solve(ops.swap_last(a), ops.swap_last(b), not upper, unitriangular)
    return wrap(ops.swap_last(turned))


def _compatible(a: Node, b: Node, call: str, left: bool) -> None:
    if a.shape[-1] != b.shape[-2 if left else -1]:
        raise RuntimeError(f"{call}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
                           f"({a.shape[-2]}x{a.shape[-1]} and {b.shape[-2]}x{b.shape[-1]})")


@also_named(input="b")
def triangular_solve(b, A, upper: bool = True, transpose: bool = False, unitriangular: bool = False):
    """(X, A) with A X = b, A^T X = b if transpose: linalg.solve_triangular under its older name."""
    turned = A.transpose(-2, -1) if transpose else A
    found = solve_triangular(turned, b, upper=upper != transpose, unitriangular=unitriangular)
    batch = found.shape[:-2]
    return return_types.triangular_solve(found, A.expand(*batch, *A.shape[-2:]).clone())


@raised
@also_named(input="A")
def inv(A):
    """The inverse. Raises LinAlgError for a singular matrix."""
    node = square(A, "linalg.inv")
    return at_once(ops.solve(node, _identity_for(node), "linalg.inv"))


def _identity_for(node: Node) -> Node:
    return spread_batch(eye(node.shape[-1], dtype=node.dtype).node, node.shape[:-2])


@raised
def inv_ex(A, *, check_errors: bool = False):
    """(inverse, info): info is 0, or the place of a zero pivot."""
    node = square(A, "linalg.inv_ex")
    found = ops.solve(node, _identity_for(node), "linalg.inv_ex" if check_errors else "")
    return return_types.linalg_inv_ex(at_once(found) if check_errors else wrap(found), lu_factor_ex(A.detach()).info)


@raised
@also_named(input="B", input2="L")
def cholesky_solve(B, L, upper: bool = False):
    """X with A X = B for the Cholesky factor L of A."""
    b, factor = matrix(B, "cholesky_solve"), square(L, "cholesky_solve")
    same_type("cholesky_solve", b, factor)
    _compatible(factor, b, "cholesky_solve", True)
    lower = ops.conj(ops.swap_last(factor)) if upper else factor
    return wrap(ops.cholesky_solve(b, lower))


@raised
@also_named(input="L")
def cholesky_inverse(L, upper: bool = False):
    """The inverse of A from its Cholesky factor."""
    factor = square(L, "cholesky_inverse")
    return cholesky_solve(wrap(_identity_for(factor)), L, upper)


@raised
def tensorinv(A, ind: int = 2):
    """The inverse of A as a map from its last dimensions to its first `ind`."""
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind' for a tensorinv call, "
                           f"but got {ind}")
    front, back = A.shape[:ind], A.shape[ind:]
    if math.prod(front) != math.prod(back):
        raise RuntimeError(f"Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
                           f"{math.prod(back)} != {math.prod(front)}")
    return inv(A.reshape(math.prod(front), -1)).reshape(*back, *front)


@raised
def tensorsolve(A, B, dims=None):
    """X with tensordot(A, X, X.ndim) = B; `dims` of A are moved behind first."""
    if dims is not None:
        moved = [d % A.dim() for d in dims]
        A = A.permute(*[d for d in range(A.dim()) if d not in moved], *moved)
    result = tuple(A.shape[B.dim() :])
    if math.prod(result) != math.prod(A.shape[: B.dim()]):
        raise RuntimeError("Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
                           f"prod(self.shape[:other.ndim]), but got {math.prod(result)} != {math.prod(A.shape[: B.dim()])}")
    return solve(A.reshape(B.numel(), -1), B.reshape(-1)).reshape(result)


# --- determinants
@also_named(input="A")
def det(A):
    """The determinant; its gradient holds for singular matrices too."""
    return wrap(ops.det(square(A, "linalg.det")))


def slogdet(A):
    """(sign, log|det|), which neither overflows nor underflows."""
    return return_types.linalg_slogdet(*_slogdet(A, "linalg.slogdet"))


def _slogdet(A, call: str) -> tuple[Tensor, Tensor]:
    node = square(A, call)
    both = ops.slogdet(node)
    sign, size = (ops.reshape(ops.slice_along(both, len(both.shape) - 1, i, i + 1), both.shape[:-1]) for i in range(2))
    return wrap(sign), wrap(real(size))


def torch_slogdet(input):
    """linalg.slogdet under its older name."""
    return return_types.slogdet(*_slogdet(input, "slogdet"))


def logdet(input):
    """The logarithm of the determinant; nan where it is negative, -inf where it is 0."""
    sign, size = _slogdet(input, "logdet")
    if sign.is_complex():
        return sign.log() + size
    return wrap(ops.where(ops.lt(sign.node, ops.number(0, sign.node)), ops.number(math.nan, size.node), size.node))


# --- pseudo-inverse, rank, least squares
def _limit(value, node: Node, fallback: float) -> Node:
    """A tolerance as one number a matrix, of the matrices' real type."""
    kind = real(node).dtype
    batch = node.shape[:-2]
    if isinstance(value, Box):
        return ops.expand(ops.cast(value.detach().node, kind), broadcast(value.node.shape, batch))
    return full(batch, fallback if value is None else value, dtype=kind).node


def _tolerances(node: Node, atol, rtol) -> tuple[Node, Node]:
    """atol 0 unless given; rtol eps max(rows, columns) unless either is."""
    default = 0.0 if atol is not None and (not is_number(atol) or atol > 0) else finfo(node.dtype).eps * max(node.shape[-2:])
    return _limit(atol, node, 0.0), _limit(rtol, node, default)


@raised
def pinv(A, *, atol=None, rtol=None, hermitian: bool = False):
    """Moore and Penrose's inverse; singular values up to max(atol, rtol * largest) count as 0."""
    node = square(A, "linalg.pinv") if hermitian else matrix(A, "linalg.pinv")
    limits = _tolerances(node, atol, rtol)
    return wrap(ops.pinv(node, *limits, hermitian))


def torch_pinverse(input, rcond: float = 1e-15):
    """linalg.pinv under its older name."""
    return pinv(input, rtol=rcond)


@raised
def matrix_rank(A, tol=None, *, atol=None, rtol=None, hermitian: bool = False):
    """How many singular values exceed max(atol, rtol * largest)."""
    node = square(A, "linalg.matrix_rank") if hermitian else matrix(A, "linalg.matrix_rank")
    if tol is not None:
        atol, rtol = tol, 0.0
    absolute, relative = (wrap(n) for n in _tolerances(node, atol, rtol))
    if 0 in node.shape[-2:]:
        return zeros(node.shape[:-2], dtype=eye(1).long().dtype)
    values = abs(eigvalsh(A.detach())) if hermitian else _svd(A.detach(), False, "linalg.matrix_rank").S
    limit = absolute.maximum(relative * values.amax(-1))
    return (values > limit.unsqueeze(-1)).sum(-1)


@raised
def lstsq(A, B, rcond=None, *, driver: str | None = None):
    """(solution, residuals, rank, singular values) of min |A X - B|, by the pseudo-inverse: of the solutions the one of
    least length. Residuals are empty unless A has more rows than columns and full rank."""
    a, b = matrix(A, "linalg.lstsq"), require_tensor(B, "linalg.lstsq").node
    same_type("linalg.lstsq", a, b)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got {driver}")
    vector = _is_vector_of_rows(a, b)
    rows = b.shape[-1] if vector else b.shape[-2] if len(b.shape) > 1 else b.shape[0]
    if rows != a.shape[-2]:
        raise RuntimeError(f"linalg.lstsq: input.size(-2) should match other.size({'-1' if vector else '-2'}), got {a.shape[-2]} "
                           f"and {rows}")
    right = B.unsqueeze(-1) if vector else B
    solution = matmul(pinv(A, rtol=finfo(a.dtype).eps * max(a.shape[-2:]) if rcond is None else rcond), right)
    rank, values = _rank_and_values(A, driver, rcond)
    residuals = _residuals(A, right, solution, driver, rank)
    return return_types.linalg_lstsq(solution.squeeze(-1) if vector else solution, residuals, rank, values)


def _is_vector_of_rows(a: Node, b: Node) -> bool:
    return len(b.shape) == 1 or (len(a.shape) - 1 == len(b.shape) and a.shape[:-1] == b.shape)


def _rank_and_values(A, driver, rcond):
    empty = zeros(0, dtype=real(A.node).dtype)
    if driver == "gels":
        return zeros(0, dtype=eye(1).long().dtype), empty
    values = _svd(A.detach(), False, "linalg.lstsq").S if driver in ("gelsd", "gelss") else empty
    return matrix_rank(A, rtol=rcond), values


def _residuals(A, B, solution, driver, rank):
    rows, columns = A.shape[-2:]
    none = zeros(0, dtype=real(A.node).dtype)
    if rows <= columns or driver == "gelsy" or (driver is None) or (rank.numel() and bool((rank < columns).any())):
        return none
    left = matmul(A, solution) - B
    return (left * left).sum(-2) if not left.is_complex() else (left.abs() ** 2).sum(-2)
