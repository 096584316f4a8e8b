"""Singular values and principal components of large matrices, from random projections (Halko et al., 2009)."""

from __future__ import annotations

from ...core.dtypes import get_default_dtype
from ...graph import ops
from .. import return_types
from ..operands import require_tensor
from ..tensor import Tensor, wrap
from .factor import qr, svd
from .matrix import matmul
from .random import randn


def _adjoint(x: Tensor) -> Tensor:
    return wrap(ops.conj(ops.swap_last(x.node)))


def _range_basis(A: Tensor, q: int, niter: int, M: Tensor | None) -> Tensor:
    """Q whose columns span nearly what A's first q singular vectors span (algorithm 4.4)."""

    def shifted(x: Tensor, of: Tensor, mean: Tensor | None) -> Tensor:
        return matmul(of, x) if mean is None else matmul(of, x) - matmul(mean, x)

    back = None if M is None else _adjoint(M)
    draws = randn(A.shape[-1], q, dtype=A.dtype if A.is_floating_point() else get_default_dtype()).to(A.dtype)
    Q = qr(shifted(draws, A, M)).Q
    for _ in range(niter):
        Q = qr(shifted(Q, _adjoint(A), back)).Q
        Q = qr(shifted(Q, A, M)).Q
    return Q


def svd_lowrank(A, q: int | None = 6, niter: int | None = 2, M=None):
    """(U, S, V): nearly the q largest singular values of A (of A - M), with their vectors. Random: it draws a projection."""
    x = require_tensor(A, "svd_lowrank")
    q = 6 if q is None else q
    mean = None if M is None else M.expand(*x.shape)
    tall = x.shape[-2] >= x.shape[-1]
    a, m = (x, mean) if tall else (_adjoint(x), None if mean is None else _adjoint(mean))
    Q = _range_basis(a, q, 2 if niter is None else niter, m)
    B = matmul(_adjoint(Q), a) if m is None else matmul(_adjoint(Q), a - m)
    u, s, vh = svd(B, full_matrices=False)
    U, V = matmul(Q, u), _adjoint(vh)
    return return_types.svd(*((U, s, V) if tall else (V, s, U)))


def pca_lowrank(A, q: int | None = None, center: bool = True, niter: int = 2):
    """(U, S, V): nearly the first q principal components of the rows of A, which are centred first."""
    x = require_tensor(A, "pca_lowrank")
    rows, columns = x.shape[-2:]
    q = min(6, rows, columns) if q is None else q
    if not 0 <= q <= min(rows, columns):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(rows, columns)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(x - x.mean(-2, keepdim=True) if center else x, q, niter)
