"""Factorisations of matrices: Cholesky, LU, QR, eigenvalues, singular values (talweg.linalg; LAPACK's)."""

from __future__ import annotations

from ...core.dtypes import int32, int64
from ...core.shapes import broadcast
from ...graph import ops
from ...graph.node import Node
from .. import return_types
from ..autocast import raised
from ..keywords import also_named
from ..operands import require_tensor
from ..tensor import Tensor, wrap
from .creation import eye, zeros
from .indexing import gather
from .matrices import at_once, matrix, real, square


# --- Cholesky
def _adjoint(x: Tensor) -> Tensor:
    return wrap(ops.conj(ops.swap_last(x.node)))


@raised
def cholesky(A, *, upper: bool = False):
    """L with A = L L^H, lower triangular (or U = L^H). Raises LinAlgError unless A is positive definite."""
    found = at_once(ops.cholesky(square(A, "linalg.cholesky"), True))
    return _adjoint(found) if upper else found


@raised
def cholesky_ex(A, *, upper: bool = False, check_errors: bool = False):
    """(L, info): info is 0, or the order of the first leading minor that is not positive."""
    node = square(A, "linalg.cholesky_ex")
    found = at_once(ops.cholesky(node, True)) if check_errors else wrap(ops.cholesky(node, False))
    return return_types.linalg_cholesky_ex(_adjoint(found) if upper else found, wrap(ops.cholesky_info(node)))


def torch_cholesky(input, upper: bool = False):
    """linalg.cholesky under its older name."""
    return cholesky(input, upper=upper)


# --- LU
def _lu_parts(node: Node) -> tuple[Tensor, Tensor]:
    """(both triangles in one matrix, row exchanges counted from 1)"""
    rows, columns = node.shape[-2:]
    both, pivots = ops.unpacked(ops.lu(node), ((rows, columns), (min(rows, columns),)))
    return wrap(both), wrap(ops.cast(real(pivots), int32))


def _no_pivoting(pivot: bool, call: str) -> None:
    if not pivot:
        raise RuntimeError(f"{call}: LU without pivoting is not implemented on the CPU")


def lu_factor(A, *, pivot: bool = True):
    """(LU, pivots): L (its diagonal of ones left out) and U in one matrix."""
    _no_pivoting(pivot, "linalg.lu_factor")
    return return_types.linalg_lu_factor(*_lu_parts(matrix(A, "linalg.lu_factor")))


def lu_factor_ex(A, *, pivot: bool = True, check_errors: bool = False):
    """(LU, pivots, info): info is 0, or the place from 1 of the first zero on U's diagonal."""
    _no_pivoting(pivot, "linalg.lu_factor_ex")
    both, pivots = _lu_parts(matrix(A, "linalg.lu_factor_ex"))
    zero = both.detach().diagonal(0, -2, -1) == 0
    places = zero.long().argmax(-1) + 1 if zero.shape[-1] else zeros(zero.shape[:-1], dtype=int64)
    info = (places * zero.any(-1).long()).to(int32)
    if check_errors and bool(info.any()):
        raise RuntimeError("linalg.lu_factor_ex: U has a zero on its diagonal: using it to solve systems would divide by 0")
    return return_types.linalg_lu_factor_ex(both, pivots, info)


def _triangles(both: Tensor) -> tuple[Tensor, Tensor]:
    rows, columns = both.shape[-2:]
    k = min(rows, columns)
    lower = both.narrow(-1, 0, k).tril(-1) + eye(rows, k, dtype=both.dtype)
    return lower, both.narrow(-2, 0, k).triu()


def _permutation(pivots: Tensor, rows: int, like: Tensor) -> Tensor:
    order = wrap(ops.row_order(ops.cast(pivots.node, int32), rows))
    return eye(rows, dtype=like.dtype)[order].transpose(-2, -1)


def lu(A, *, pivot: bool = True):
    """(P, L, U) with A = P L U."""
    _no_pivoting(pivot, "linalg.lu")
    node = matrix(A, "linalg.lu")
    both, pivots = _lu_parts(node)
    return return_types.linalg_lu(_permutation(pivots, node.shape[-2], both), *_triangles(both))


def torch_lu(A, pivot: bool = True, get_infos: bool = False):
    """lu_factor under its older name; with get_infos, a third result."""
    _no_pivoting(pivot, "lu")
    found = lu_factor_ex(A)
    return tuple(found) if get_infos else (found.LU, found.pivots)


def lu_unpack(LU_data, LU_pivots, unpack_data: bool = True, unpack_pivots: bool = True):
    """(P, L, U) of what lu_factor gives; parts not wanted are empty."""
    if unpack_pivots and require_tensor(LU_pivots, "lu_unpack").dtype is not int32:
        raise RuntimeError("torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\n"
                           "Note: this function is intended to be used with the output produced by torch.linalg.lu_factor")
    matrix(LU_data, "lu_unpack")
    none = zeros(0, dtype=LU_data.dtype)
    P = _permutation(LU_pivots, LU_data.shape[-2], LU_data) if unpack_pivots else none
    return return_types.lu_unpack(P, *(_triangles(LU_data) if unpack_data else (none, none)))


@raised
def lu_solve(LU, pivots, B, *, left: bool = True, adjoint: bool = False):
    """X with A X = B (X A = B unless left; A^H for A if adjoint), for A as lu_factor gives it."""
    if not left:
        flipped = lu_solve(LU, pivots, _adjoint(B), adjoint=not adjoint)
        return _adjoint(flipped)
    if LU.dtype is not B.dtype:
        raise RuntimeError(f"linalg.lu_solve: Expected LU and B to have the same dtype, but got {LU.dtype.name} and "
                           f"{B.dtype.name}")
    lower, upper = LU.tril(-1) + eye(LU.shape[-1], dtype=LU.dtype), LU.triu()
    order = wrap(ops.row_order(ops.cast(pivots.node, int32), LU.shape[-2]))
    if adjoint:
        inner = _solved(_adjoint(lower), _solved(_adjoint(upper), B, False), True)
        return _rows(inner, order.argsort(-1))
    return _solved(upper, _solved(lower, _rows(B, order), False), True)


@also_named(input="b")
def torch_lu_solve(b, LU_data, LU_pivots):
    """linalg.lu_solve under its older name."""
    return lu_solve(LU_data, LU_pivots, b)


def _solved(triangle: Tensor, b: Tensor, upper: bool) -> Tensor:
    return wrap(ops.triangular_solve(triangle.node, b.node, upper, False))


def _rows(x: Tensor, order: Tensor) -> Tensor:
    batch = broadcast(tuple(x.shape[:-2]), tuple(order.shape[:-1]), "linalg.lu_solve")
    return gather(x.expand(*batch, *x.shape[-2:]), -2, order.unsqueeze(-1).expand(*batch, *x.shape[-2:]))


# --- QR
@raised
def qr(A, mode: str = "reduced"):
    """(Q, R) with A = Q R, Q of orthonormal columns. mode: "reduced", "complete", or "r", which leaves Q empty."""
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'")
    node = matrix(A, "linalg.qr")
    q, r = ops.unpacked(ops.qr(node, mode), ops.qr_shapes(node, mode))
    return return_types.linalg_qr(zeros(0, dtype=A.dtype) if mode == "r" else wrap(q), wrap(r))


def torch_qr(input, some: bool = True):
    """linalg.qr under its older name."""
    return return_types.qr(*qr(input, "reduced" if some else "complete"))


def geqrf(input):
    """(a, tau): R above, and the reflections that make up Q below the diagonal, as LAPACK leaves them."""
    node = matrix(input, "geqrf")
    a, tau = ops.unpacked(ops.geqrf(node), (node.shape[-2:], (min(node.shape[-2:]),)))
    return return_types.geqrf(wrap(a), wrap(tau))


# --- eigenvalues
@raised
def eigh(A, UPLO: str = "L"):
    """(eigenvalues in ascending order, eigenvectors as columns) of a symmetric or Hermitian matrix, of which one
    triangle is read. The vectors are unique up to a sign (a phase), and for equal eigenvalues not at all."""
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"linalg.eigh: Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    node = square(A, "linalg.eigh")
    packed = at_once(ops.eigh(node, UPLO.upper() == "U")).node
    values, vectors = ops.unpacked(packed, ops.eigh_shapes(node))
    return return_types.linalg_eigh(wrap(real(values)), wrap(vectors))


@raised
def eigvalsh(A, UPLO: str = "L"):
    """The eigenvalues of a symmetric or Hermitian matrix, ascending."""
    return eigh(A, UPLO).eigenvalues


@raised
def eig(A):
    """(eigenvalues, eigenvectors of length 1 as columns) of a square matrix, complex."""
    node = square(A, "linalg.eig")
    packed = at_once(ops.eig(node)).node
    values, vectors = ops.unpacked(packed, ops.eigh_shapes(node))
    return return_types.linalg_eig(wrap(values), wrap(vectors))


@raised
def eigvals(A):
    """The eigenvalues of a square matrix, complex, in no order."""
    return eig(A).eigenvalues


# --- singular values
@raised
def svd(A, full_matrices: bool = True, *, driver=None):
    """(U, S, Vh) with A = U diag(S) Vh, S descending. Its vectors are unique up to signs."""
    return _svd(A, full_matrices, "linalg.svd")


def _svd(A, full_matrices: bool, call: str):
    node = matrix(A, call)
    packed = at_once(ops.svd(node, full_matrices)).node
    u, s, vh = ops.unpacked(packed, ops.svd_shapes(node, full_matrices))
    return return_types.linalg_svd(wrap(u), wrap(real(s)), wrap(vh))


@raised
def svdvals(A, *, driver=None):
    """The singular values, descending."""
    return _svd(A, False, "linalg.svdvals").S


def torch_svd(input, some: bool = True, compute_uv: bool = True):
    """(U, S, V) with input = U diag(S) V^H: linalg.svd under its older name, and V not transposed."""
    u, s, vh = _svd(input, not some, "svd")
    if not compute_uv:
        rows, columns = input.shape[-2:]
        batch = input.shape[:-2]
        u, vh = zeros(*batch, rows, rows, dtype=input.dtype), zeros(*batch, columns, columns, dtype=input.dtype)
    return return_types.svd(u, s, _adjoint(vh))


# --- L D L^T
def ldl_factor(A, *, hermitian: bool = False):
    """(LD, pivots) of a symmetric (Hermitian) matrix, as LAPACK's sytrf (hetrf) leaves them. Without gradient."""
    return return_types.linalg_ldl_factor(*ldl_factor_ex(A, hermitian=hermitian)[:2])


def ldl_factor_ex(A, *, hermitian: bool = False, check_errors: bool = False):
    """(LD, pivots, info); info is 0."""
    node = square(A, "linalg.ldl_factor_ex")
    both, pivots = ops.unpacked(ops.ldl(node, hermitian), (node.shape[-2:], (node.shape[-1],)))
    whole = wrap(ops.cast(real(pivots), int32))
    return return_types.linalg_ldl_factor_ex(wrap(both), whole, zeros(node.shape[:-2], dtype=int32))


def ldl_solve(LD, pivots, B, *, hermitian: bool = False):
    """X with A X = B for A as ldl_factor gives it."""
    factors, b = square(LD, "linalg.ldl_solve"), matrix(B, "linalg.ldl_solve")
    if pivots.dtype is not int32:
        raise RuntimeError(f"linalg.ldl_solve: Expected pivots to be integers. Got {pivots.dtype.name}")
    batch = broadcast(factors.shape[:-2], b.shape[:-2], "linalg.ldl_solve")
    n = factors.shape[-1]
    places = ops.expand(pivots.node, (*batch, n))
    wide = [ops.expand(x, (*batch, *x.shape[-2:])) for x in (factors, b)]
    return wrap(ops.ldl_solve(wide[0], places, wide[1], hermitian))
