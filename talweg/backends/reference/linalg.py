"""Linear systems and factorisations by LAPACK, through NumPy and, for what it has not, SciPy. Batches lead."""

from __future__ import annotations

import math

import numpy as np

from ...core.errors import LinAlgError
from ...graph import ops
from ...graph.node import Node
from .lazy import scipy
from .table import kernel


def _each(batch: tuple[int, ...]):
    return np.ndindex(*batch)


def _matrices(x: np.ndarray, batch: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(x, (*batch, *x.shape[-2:]))


def _where(place: tuple[int, ...]) -> str:
    return f"(Batch element {place[0] if len(place) == 1 else place}): " if place else ""


def _packed(*parts: np.ndarray, batch: tuple[int, ...], dtype) -> np.ndarray:
    """Factors behind one another in the last dimension, as ops.unpacked takes them out."""
    flat = [np.asarray(p).reshape(*batch, math.prod(p.shape[len(batch) :])) for p in parts]
    return np.concatenate([f.astype(dtype, copy=False) for f in flat], axis=-1)


def _typed(node: Node, x) -> np.ndarray:
    return np.asarray(x).astype(node.dtype.numpy, copy=False)


# --- systems
@kernel(ops.solve)
def solve(node: Node, a, b):
    if a.shape[-1] == 0 or b.size == 0:
        return np.zeros(node.shape, node.dtype.numpy)
    try:
        return _typed(node, np.linalg.solve(a, b if b.ndim > 1 else b[..., None]))
    except np.linalg.LinAlgError:
        return _solve_each(node, a, b)


def _solve_each(node: Node, a, b) -> np.ndarray:
    """One by one: to name the singular one, or to go on without it."""
    batch = node.shape[:-2]
    a, b = _matrices(a, batch), _matrices(b, batch)
    result = np.full(node.shape, np.inf, node.dtype.numpy)
    for place in _each(batch):
        try:
            result[place] = np.linalg.solve(a[place], b[place])
        except np.linalg.LinAlgError:
            if node.attrs[0]:
                raise LinAlgError(f"{node.attrs[0]}: {_where(place)}The solver failed because the input matrix is "
                                  "singular.") from None
    return result


@kernel(ops.triangular_solve)
def triangular_solve(node: Node, a, b):
    upper, unit = node.attrs
    result = np.zeros(node.shape, node.dtype.numpy)
    if result.size:
        trsm = scipy("linalg").get_blas_funcs("trsm", (result,))
        a, b = (_matrices(x, node.shape[:-2]) for x in (a, b))
        for place in _each(node.shape[:-2]):
            result[place] = trsm(1.0, a[place], b[place], lower=not upper, diag=unit)
    return result


@kernel(ops.cholesky_solve)
def cholesky_solve(node: Node, b, factor):
    result = np.zeros(node.shape, node.dtype.numpy)
    if result.size:
        trsm = scipy("linalg").get_blas_funcs("trsm", (result,))
        b, factor = (_matrices(x, node.shape[:-2]) for x in (b, factor))
        for place in _each(node.shape[:-2]):
            half = trsm(1.0, factor[place], b[place], lower=True)
            result[place] = trsm(1.0, factor[place], half, lower=True, trans_a=2)
    return result


@kernel(ops.det)
def det(node: Node, a):
    with np.errstate(all="ignore"):
        return _typed(node, np.linalg.det(a))


@kernel(ops.slogdet)
def slogdet(node: Node, a):
    sign, logarithm = np.linalg.slogdet(a)
    return np.stack([_typed(node, sign), _typed(node, logarithm)], axis=-1)


@kernel(ops.cofactors)
def cofactors(node: Node, a):
    """By the singular values: det(U V^H) U diag(product of the other singular values) V^H, conjugated where complex."""
    if a.size == 0:
        return np.zeros(a.shape, a.dtype)
    u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)
    turn = np.conj(np.linalg.det(u) * np.linalg.det(vh))
    return _typed(node, turn[..., None, None] * (u * others[..., None, :]) @ vh)


@kernel(ops.pinv)
def pinv(node: Node, a, atol, rtol):
    if a.size == 0:
        return np.zeros(node.shape, node.dtype.numpy)
    if node.attrs[0]:
        a = np.tril(a) + np.conj(np.swapaxes(np.tril(a, -1), -1, -2))
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    limit = np.maximum(atol, rtol * s[..., 0])[..., None]
    inverse = np.where(s > limit, 1 / np.where(s > limit, s, 1), 0)
    return _typed(node, np.swapaxes(vh.conj(), -1, -2) @ (inverse[..., None] * np.swapaxes(u.conj(), -1, -2)))


@kernel(ops.matrix_exp)
def matrix_exp(node: Node, a):
    wide = a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)
    return _typed(node, scipy("linalg").expm(wide)) if a.size else a


# --- factorisations
@kernel(ops.cholesky)
def cholesky(node: Node, a):
    try:
        return _typed(node, np.linalg.cholesky(a))
    except np.linalg.LinAlgError:
        pass
    result = np.zeros(node.shape, node.dtype.numpy)
    for place in _each(node.shape[:-2]):
        info = _first_failure(a[place])
        if info and node.attrs[0]:
            raise LinAlgError(f"linalg.cholesky: {_where(place)}The factorization could not be completed because the input is "
                              f"not positive-definite (the leading minor of order {info} is not positive-definite).")
        result[place] = np.full(a.shape[-2:], np.nan) if info else np.linalg.cholesky(a[place])
    return result


def _first_failure(a: np.ndarray) -> int:
    potrf = scipy("linalg").get_lapack_funcs("potrf", (a,))
    return int(potrf(a, lower=True)[1])


@kernel(ops.cholesky_info)
def cholesky_info(node: Node, a):
    result = np.zeros(node.shape, np.int32)
    for place in _each(node.shape):
        result[place] = _first_failure(a[place]) if a.size else 0
    return result


@kernel(ops.lu)
def lu(node: Node, a):
    batch, k = a.shape[:-2], min(a.shape[-2:])
    both, pivots = np.array(a), np.zeros((*batch, k), np.int32)
    if a.size:
        getrf = scipy("linalg").get_lapack_funcs("getrf", (a,))
        for place in _each(batch):
            both[place], found, _ = getrf(a[place])
            pivots[place] = found + 1
    return _packed(both, pivots, batch=batch, dtype=a.dtype)


@kernel(ops.row_order)
def row_order(node: Node, pivots):
    order = np.broadcast_to(np.arange(node.shape[-1]), node.shape).copy()
    for place in _each(node.shape[:-1]):
        for i, p in enumerate(pivots[place]):
            order[place][[i, p - 1]] = order[place][[p - 1, i]]
    return order.astype(np.int64)


@kernel(ops.qr)
def qr(node: Node, a):
    q, r = np.linalg.qr(a, mode="complete" if node.attrs[0] == "complete" else "reduced")
    return _packed(q, r, batch=a.shape[:-2], dtype=a.dtype)


@kernel(ops.eigh)
def eigh(node: Node, a):
    whole = np.isfinite(a).all((-1, -2))  # of a matrix with a nan, everything is nan
    usable = np.where(whole[..., None, None], a, np.eye(a.shape[-1], dtype=a.dtype))
    values, vectors = _converged("linalg.eigh", np.linalg.eigh, usable, UPLO="U" if node.attrs[0] else "L")
    values[~whole], vectors[~whole] = np.nan, np.nan
    return _packed(values, vectors, batch=a.shape[:-2], dtype=a.dtype)


@kernel(ops.eig)
def eig(node: Node, a):
    if not np.isfinite(a).all():
        raise RuntimeError("linalg.eig: input tensor should not contain infs or NaNs.")
    values, vectors = _converged("linalg.eig", np.linalg.eig, a)
    return _packed(values, vectors, batch=a.shape[:-2], dtype=node.dtype.numpy)


@kernel(ops.svd)
def svd(node: Node, a):
    rows, columns = a.shape[-2:]
    full = node.attrs[0]
    batch, k = a.shape[:-2], min(rows, columns)
    if a.size == 0:
        left, right = (rows, rows if full else k), (columns if full else k, columns)
        u, vh = (np.broadcast_to(np.eye(*s, dtype=a.dtype), (*batch, *s)) for s in (left, right))
        return _packed(u, np.zeros((*batch, k), a.dtype), vh, batch=batch, dtype=a.dtype)
    u, s, vh = _converged("linalg.svd", np.linalg.svd, a, full_matrices=full)
    return _packed(u, s, vh, batch=batch, dtype=a.dtype)


def _converged(call: str, function, a, **how):
    if not np.isfinite(a).all():
        raise LinAlgError(f"{call}: The algorithm failed to converge because the input matrix contained non-finite values.")
    try:
        return function(a, **how)
    except np.linalg.LinAlgError as error:
        raise LinAlgError(f"{call}: {error}") from None


@kernel(ops.geqrf)
def geqrf(node: Node, a):
    batch, k = a.shape[:-2], min(a.shape[-2:])
    both, factors = np.array(a), np.zeros((*batch, k), a.dtype)
    if a.size:
        run = scipy("linalg").get_lapack_funcs("geqrf", (a,))
        for place in _each(batch):
            both[place], factors[place], *_ = run(a[place])
    return _packed(both, factors, batch=batch, dtype=a.dtype)


@kernel(ops.ldl)
def ldl(node: Node, a):
    batch, n = a.shape[:-2], a.shape[-1]
    both, pivots = np.array(a), np.zeros((*batch, n), np.int32)
    if a.size:
        name = "hetrf" if node.attrs[0] and a.dtype.kind == "c" else "sytrf"
        run = scipy("linalg").get_lapack_funcs(name, (a,))
        for place in _each(batch):
            factors, found, _ = run(a[place], lower=True)
            both[place] = np.tril(factors)
            pivots[place] = found
    return _packed(both, pivots, batch=batch, dtype=a.dtype)


@kernel(ops.ldl_solve)
def ldl_solve(node: Node, factors, pivots, b):
    result = np.zeros(node.shape, node.dtype.numpy)
    if result.size:
        name = "hetrs" if node.attrs[0] and b.dtype.kind == "c" else "sytrs"
        run = scipy("linalg").get_lapack_funcs(name, (b,))
        for place in _each(node.shape[:-2]):
            result[place] = run(factors[place], pivots[place], b[place], lower=True)[0]
    return result
