"""Systems of linear equations, inverses and determinants (LAPACK's). Leading dimensions are batches.

Gradient rules of this kind conjugate by themselves (see graph/reverse.py). `call`: the user's call
that raises LinAlgError for a singular matrix; where it is empty the result is inf there.
"""

from __future__ import annotations

from ...core.shapes import broadcast
from ..declare import NO_GRADIENT, Op, same_dtype
from .complex import conj
from .contraction import matmul
from .matrices import adjoint, lower, minus_outer, on_diagonal, product, upper
from .movement import cat, full, reshape, slice_along
from .pointwise import add, mul, neg, number, scaled, sub, where
from .reduce import sum_


def check_square(name: str, x) -> None:
    if len(x.shape) < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions, got shape {list(x.shape)}.")
    if x.shape[-1] != x.shape[-2]:
        raise RuntimeError(f"{name}: A must be batches of square matrices, but they are {x.shape[-2]} by {x.shape[-1]} matrices")


def _infer_solve(a, b, *_):
    dtype = same_dtype("linalg.solve", a, b)
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError(f"linalg.solve: Incompatible shapes of A and B for the equation AX = B ({a.shape[-2]}x{a.shape[-1]} "
                           f"and {b.shape[-2]}x{b.shape[-1]})")
    return (*broadcast(a.shape[:-2], b.shape[:-2], "linalg.solve"), *b.shape[-2:]), dtype


def _solve_matrix_gradient(g, out, a, b, call):
    return minus_outer(solve(adjoint(a), g, ""), out)


# X with A X = B; A is (..., n, n), B is (..., n, k).
solve = Op("solve", 2, "linalg", _infer_solve,
           (_solve_matrix_gradient, lambda g, out, a, b, call: solve(adjoint(a), g, "")), attr_names=("call",))


def _triangle_gradient(g, out, a, b, above, unit):
    full = minus_outer(triangular_solve(adjoint(a), g, not above, unit), out)
    return upper(full, int(unit)) if above else lower(full, -int(unit))


# The same for a triangular A, of which only that triangle is read; `unit`: its diagonal counts as ones.
triangular_solve = Op(
    "triangular_solve", 2, "linalg", _infer_solve,
    (
        _triangle_gradient,
        lambda g, out, a, b, above, unit: triangular_solve(adjoint(a), g, not above, unit),
    ),
    attr_names=("upper", "unit"),
)


def _cholesky_factor_gradient(g, out, b, factor):
    """-(G X^H + X G^H) L with G = A^-1 g, dense as in PyTorch, though only a triangle is read."""
    part = matmul(cholesky_solve(g, factor), adjoint(out))
    return neg(matmul(add(part, adjoint(part)), factor))


# X with L L^H X = B for a lower triangular L.
cholesky_solve = Op(
    "cholesky_solve", 2, "linalg", lambda b, factor: _infer_solve(factor, b),
    (lambda g, out, b, factor: cholesky_solve(g, factor), _cholesky_factor_gradient),
)


def _infer_square(name, matrix: bool):
    def infer(a, *_):
        check_square(name, a)
        return (a.shape if matrix else a.shape[:-2]), a.dtype

    return infer


def _det_gradient(g, out, a):
    return mul(reshape(g, (*g.shape, 1, 1)), cofactors(a))


det = Op("det", 1, "linalg", _infer_square("linalg.det", False), (_det_gradient,))


def _cofactor_gradient(g, out, a):
    """Of det(A) A^-H; only the second derivative of a determinant asks, and it has none at a singular matrix."""
    turned = solve(adjoint(a), _eye_like(a), "")
    inner = sum_(mul(g, conj(turned)), (len(a.shape) - 2, len(a.shape) - 1), True)
    parts = sub(mul(conj(inner), turned), product(turned, adjoint(g), turned))
    return mul(conj(reshape(det(a), inner.shape)), parts)


# The conjugate of the cofactor matrix, the derivative of det: det(A) A^-T, also where A is singular.
cofactors = Op("cofactors", 1, "linalg", _infer_square("linalg.det", True), (_cofactor_gradient,))


def _eye_like(a):
    return where(on_diagonal(a), number(1, a), full(0, a.shape, a))


def _infer_slogdet(a):
    check_square("linalg.slogdet", a)
    return (*a.shape[:-2], 2), a.dtype


def _slogdet_gradient(g, out, a):
    """Of log|det|: A^-H. A real sign is constant; a complex one turns, with det / |det| = e^(i phase)."""
    change = _slogdet_change(g, out)
    return mul(reshape(change, (*change.shape, 1, 1)), solve(adjoint(a), _eye_like(a), ""))


def _slogdet_change(g, out):
    last = len(g.shape) - 1
    g_sign, g_log, sign = (reshape(slice_along(x, last, i, i + 1), g.shape[:-1]) for x, i in ((g, 0), (g, 1), (out, 0)))
    if not g.dtype.is_complex:
        return g_log
    turning = mul(g_sign, conj(sign))
    return scaled(add(add(g_log, conj(g_log)), sub(turning, conj(turning))), 0.5)  # Re + i Im


# The sign of the determinant and the logarithm of its absolute value, side by side.
slogdet = Op("slogdet", 1, "linalg", _infer_slogdet, (_slogdet_gradient,))


def _pinv_gradient(g, out, a, atol, rtol, hermitian):
    """Golub and Pereyra (1973), in the order that keeps the products small."""
    gh, outh = adjoint(g), adjoint(out)
    if a.shape[-2] <= a.shape[-1]:
        k = matmul(gh, out)
        kouth = matmul(k, outh)
        first = sub(kouth, product(a, out, kouth))
        return add(sub(first, adjoint(matmul(out, k))), product(outh, out, sub(gh, matmul(k, a))))
    k = matmul(out, gh)
    outhk = matmul(outh, k)
    first = sub(outhk, product(outhk, out, a))
    return add(sub(first, adjoint(matmul(k, out))), product(sub(gh, matmul(a, k)), out, outh))


# The pseudo-inverse; singular values up to max(atol, rtol * largest) count as 0. atol and rtol are one number a matrix. Of a
# Hermitian one the lower triangle is read.
pinv = Op("pinv", 3, "linalg", lambda a, atol, rtol, hermitian: ((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype),
          (_pinv_gradient, NO_GRADIENT, NO_GRADIENT), attr_names=("hermitian",))


def _matrix_exp_gradient(g, out, a):
    """The corner of exp of the block matrix [[A^H, g], [0, A^H]] (Mathias, 1996)."""
    n = a.shape[-1]
    ah = adjoint(a)
    top = cat((ah, g), len(a.shape) - 1)
    bottom = cat((full(0, ah.shape, ah), ah), len(a.shape) - 1)
    block = matrix_exp(cat((top, bottom), len(a.shape) - 2))
    rank = len(a.shape)
    return slice_along(slice_along(block, rank - 2, 0, n), rank - 1, n, 2 * n)


matrix_exp = Op("matrix_exp", 1, "linalg", _infer_square("linalg.matrix_exp", True), (_matrix_exp_gradient,))
