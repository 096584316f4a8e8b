"""Factorisations of matrices (LAPACK's). A node has one value, so the factors lie packed behind one another in the last
dimension of one array and are taken out by slices: a factorisation is computed once, whichever factors are used.

Gradient rules of this kind conjugate by themselves (see graph/reverse.py).
"""

from __future__ import annotations

from typing import Any

from ...core.dtypes import complex_of, int32, int64
from ...core.shapes import Shape
from ..declare import NO_GRADIENT, Op
from ..node import Node
from .complex import conj, real
from .contraction import matmul
from .indexing import gather
from .matrices import (
    adjoint,
    as_column,
    as_row,
    diagonal_matrix,
    diagonal_of,
    halved_diagonal,
    lower,
    on_diagonal,
    packed_shape,
    product,
    skew,
    symmetric,
    unpacked,
    upper,
)
from .movement import cat, expand, slice_along
from .pointwise import add, cast, div, eq, mul, number, scaled, square, sub, where
from .reduce import argsort
from .solve import check_square, solve, triangular_solve


def _packed(name: str, shapes, gradient, attr_names=(), dtype=lambda d: d) -> Op:
    """A factorisation whose factors have `shapes(x, attributes)`; `gradient(g, out, x, attributes)`, all unpacked."""

    def infer(x, *attrs):
        return packed_shape(x, shapes(x, *attrs)), dtype(x.dtype)

    def rule(g, out, x, *attrs):
        sizes = shapes(x, *attrs)
        return gradient(unpacked(g, sizes), unpacked(out, sizes), x, *attrs)

    return Op(name, 1, "linalg", infer, gradient and (rule,), attr_names=attr_names)


# --- Cholesky: A = L L^H
def _infer_cholesky(a, checked):
    check_square("linalg.cholesky", a)
    return a.shape, a.dtype


def _cholesky_gradient(g, out, a, checked):
    """L^-H Phi(L^H g) L^-1, where Phi takes the lower triangle with half the diagonal (Murray, 2016)."""
    inner = halved_diagonal(lower(matmul(adjoint(out), g)))
    left = triangular_solve(adjoint(out), inner, True, False)
    return symmetric(adjoint(triangular_solve(adjoint(out), adjoint(left), True, False)))


cholesky = Op("cholesky", 1, "linalg", _infer_cholesky, (_cholesky_gradient,), attr_names=("checked",))
# 0, or the size of the first leading block that is not positive definite.
cholesky_info = Op("cholesky_info", 1, "linalg", lambda a: (a.shape[:-2], int32), NO_GRADIENT)


# --- LU with row exchanges: A = P L U. Both triangles in one matrix, then the exchanges as numbers from 1.
def _lu_shapes(a) -> tuple[Shape, ...]:
    rows, columns = a.shape[-2:]
    return (rows, columns), (min(rows, columns),)


def exchanged(x: Node, order: Node) -> Node:
    """Rows of x in an order that is one for each matrix."""
    return gather(x, expand(as_column(order), x.shape), len(x.shape) - 2)


# The exchanges as the order of rows that they lead to: (P^T A)[i] = A[order[i]].
row_order = Op("row_order", 1, "index", lambda pivots, rows: ((*pivots.shape[:-1], rows), int64), NO_GRADIENT,
               attr_names=("rows",))


def _lu_gradient(grads, outs, a):
    """P L^-H (tril(L^H gL, -1) + triu(gU U^H)) U^-H, and what the rows or columns beyond the square add."""
    g, both = grads[0], outs[0]
    rows, columns = a.shape[-2:]
    k = min(rows, columns)
    rank = len(a.shape)
    square_part, g_square = (_corner(x, k) for x in (both, g))
    g_l, g_u = lower(g_square, -1), upper(g_square)
    u = upper(square_part)
    below, above = matmul(_unit(square_part), g_l), matmul(g_u, adjoint(u))
    beyond: Any = None
    if columns > rows:
        g2, u2 = (slice_along(x, rank - 1, k, columns) for x in (g, both))
        below = sub(below, matmul(g2, adjoint(u2)))
        beyond = g2
    elif rows > columns:
        g2, l2 = (slice_along(x, rank - 2, k, rows) for x in (g, both))
        above = sub(above, matmul(adjoint(l2), g2))
        beyond = g2
    inner = _from_right(add(lower(below, -1), upper(above)), u)
    if columns > rows:
        inner = cat((inner, beyond), rank - 1)
    inner = triangular_solve(adjoint(square_part), inner, True, True)
    if rows > columns:
        inner = cat((inner, _from_right(beyond, u)), rank - 2)
    order = row_order(cast(real(outs[1]) if outs[1].dtype.is_complex else outs[1], int32), rows)
    return exchanged(inner, argsort(order, rank - 2, False))


def _corner(x: Node, k: int) -> Node:
    rank = len(x.shape)
    return slice_along(slice_along(x, rank - 2, 0, k), rank - 1, 0, k)


def _unit(x: Node) -> Node:
    """L^H of a packed square."""
    return adjoint(where(on_diagonal(x), number(1, x), lower(x, -1)))


def _from_right(x: Node, u: Node) -> Node:
    """x U^-H"""
    return adjoint(triangular_solve(u, adjoint(x), True, False))


lu = _packed("lu", _lu_shapes, _lu_gradient)


# --- QR
def qr_shapes(a, mode: str) -> tuple[Shape, ...]:
    rows, columns = a.shape[-2:]
    k = rows if mode == "complete" else min(rows, columns)
    return (rows, k), (k, columns)


def _qr_gradient(grads, outs, a, mode):
    """(gQ + Q copyltu(triu(gR R^H - Q^H gQ))) R^-H (Walter and Lehmann, 2018); of a wide matrix through its square part."""
    if mode == "r":
        raise RuntimeError("linalg.qr: The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
                           "linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr.")
    if mode == "complete" and a.shape[-2] > a.shape[-1]:
        raise RuntimeError("linalg.qr: the derivative of linalg.qr depends on Q being unique, which it is not for "
                           "mode='complete' of a tall matrix; use mode='reduced'")
    (g_q, g_r), (q, r) = grads, outs
    k, columns = r.shape[-2:]
    last = len(a.shape) - 1
    if columns == k:
        return _square_qr_gradient(g_q, g_r, q, r)
    g_r2, a2 = slice_along(g_r, last, k, columns), slice_along(a, last, k, columns)
    first = _square_qr_gradient(add(g_q, matmul(a2, adjoint(g_r2))), slice_along(g_r, last, 0, k), q,
                                slice_along(r, last, 0, k))
    return cat((first, matmul(q, g_r2)), last)


def _square_qr_gradient(g_q, g_r, q, r):
    m = upper(sub(matmul(g_r, adjoint(r)), matmul(adjoint(q), g_q)))
    full = halved_diagonal(add(m, adjoint(m)))
    return _from_right(add(g_q, matmul(q, full)), r)


qr = _packed("qr", qr_shapes, _qr_gradient, ("mode",))


# --- eigenvalues
def eigh_shapes(a, *_) -> tuple[Shape, ...]:
    n = a.shape[-1]
    return (n,), (n, n)


def _gaps(values: Node) -> Node:
    """w_j - w_i, with 1 where it is 0: a shared eigenvalue has no vectors of its own to turn."""
    gap = sub(as_row(values), as_column(values))
    return where(eq(gap, number(0, gap)), number(1, gap), gap)


def _eigh_gradient(grads, outs, a, above):
    """The Hermitian part of V (diag(gw) + (V^H gV) / (w_j - w_i)) V^H"""
    (g_w, g_v), (w, v) = grads, outs
    turned = div(matmul(adjoint(v), g_v), _gaps(w))
    inner = where(on_diagonal(turned), diagonal_matrix(g_w), turned)
    return symmetric(product(v, inner, adjoint(v)))


# Of a Hermitian matrix, of which one triangle is read: eigenvalues in ascending order (as complex numbers if the matrix
# is complex), and eigenvectors as columns.
eigh = _packed("eigh", eigh_shapes, _eigh_gradient, ("upper",))


def _eig_gradient(grads, outs, a):
    """V^-H (diag(gw) + (V^H gV - V^H V diag(Re V^H gV)) / conj(w_j - w_i)) V^H: the columns have length 1."""
    (g_w, g_v), (w, v) = grads, outs
    vh = adjoint(v)
    inner = matmul(vh, g_v)
    lengths = diagonal_of(inner)
    lengths = scaled(add(lengths, conj(lengths)), 0.5)
    inner = div(sub(inner, mul(matmul(vh, v), as_row(lengths))), conj(_gaps(w)))
    inner = where(on_diagonal(inner), diagonal_matrix(g_w), inner)
    result = solve(vh, matmul(inner, vh), "")
    return result if a.dtype.is_complex else real(result)


# Of any square matrix: eigenvalues, and eigenvectors of length 1 as columns, complex.
eig = _packed("eig", eigh_shapes, _eig_gradient, dtype=complex_of)


# --- singular values
def svd_shapes(a, full_matrices: bool) -> tuple[Shape, ...]:
    rows, columns = a.shape[-2:]
    k = min(rows, columns)
    return (rows, rows if full_matrices else k), (k,), (columns if full_matrices else k, columns)


def _svd_gradient(grads, outs, a, full_matrices):
    """U ((skew(U^H gU) / E) S + S (skew(V^H gV) / E) + diag(gS)) V^H with E_ij = s_j^2 - s_i^2, and what lies outside the
    spaces of U and V."""
    (g_u, g_s, g_vh), (u, s, vh) = grads, outs
    k = s.shape[-1]
    rank = len(a.shape)
    u, g_u = (slice_along(x, rank - 1, 0, k) for x in (u, g_u))
    vh, g_vh = (slice_along(x, rank - 2, 0, k) for x in (vh, g_vh))
    gaps = _gaps(square(s))
    from_u, from_v = matmul(adjoint(u), g_u), matmul(g_vh, adjoint(vh))
    inner = add(mul(div(skew(from_u), gaps), as_row(s)), mul(as_column(s), div(skew(adjoint(from_v)), gaps)))
    diagonal = diagonal_matrix(_svd_diagonal(g_s, from_u, s))
    result = product(u, where(on_diagonal(inner), diagonal, inner), vh)
    if a.shape[-2] > k:
        result = add(result, matmul(div(sub(g_u, matmul(u, from_u)), as_row(s)), vh))
    if a.shape[-1] > k:
        result = add(result, matmul(u, div(sub(g_vh, matmul(from_v, vh)), as_column(s))))
    return result


def _svd_diagonal(g_s, from_u, s):
    """gS, and for complex matrices the phase that U and V share."""
    if not g_s.dtype.is_complex:
        return g_s
    phase = diagonal_of(skew(from_u))
    return add(scaled(add(g_s, conj(g_s)), 0.5), div(phase, scaled(s, 2)))


svd = _packed("svd", svd_shapes, _svd_gradient, ("full_matrices",))


# --- without gradients: LAPACK's compact forms
geqrf = _packed("geqrf", lambda a: (a.shape[-2:], (min(a.shape[-2:]),)), NO_GRADIENT)


def _ldl_solve_gradient(g, out, factors, pivots, b, hermitian):
    if hermitian:
        return ldl_solve(factors, pivots, g, hermitian)
    return conj(ldl_solve(factors, pivots, conj(g), hermitian))


# X with A X = B for what ldl leaves of A, and its row exchanges.
ldl_solve = Op("ldl_solve", 3, "linalg", lambda factors, pivots, b, hermitian: (b.shape, b.dtype),
               (NO_GRADIENT, NO_GRADIENT, _ldl_solve_gradient), attr_names=("hermitian",))
ldl = _packed("ldl", lambda a, hermitian: (a.shape[-2:], (a.shape[-1],)), NO_GRADIENT, ("hermitian",))
