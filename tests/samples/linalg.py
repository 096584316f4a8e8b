"""Samples of linear algebra. Factors that are unique up to signs are compared by what does not depend on them."""

from __future__ import annotations

import numpy as np

from .table import DTYPES, A, B, P, R, S, Z, each

_EYE = np.eye(3)
PAIR = np.array([[2.0, -1.0, 0.5], [0.3, 1.5, -0.7], [-0.4, 0.9, 3.0]])  # well conditioned, with distinct eigenvalues
SINGULAR = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.5, -1.0, 2.0]])
_FACTORS_OF_TWO = R(2, low=0.5, high=1.5)
STACK = np.stack([PAIR, PAIR.T + _EYE])


def near(*shape):
    """Random matrices shifted by 3 I: none is nearly singular."""
    return R(*shape, low=-0.6, high=0.6)


def _on_diagonal(T, x, value):
    return x + value * T.eye(x.shape[-1], dtype=x.dtype)


def shifted(name, *args, _value=3.0, **kwargs):
    """A sample whose first argument gets _value on the diagonal."""
    order, loose = kwargs.pop("_order", 2), kwargs.pop("_loose", 10.0)

    def call(T, x, *rest, **named):
        return _find(T, name)(_on_diagonal(T, x, _value), *rest, **named)

    return S(name, *args, _fn=call, _order=order, _loose=loose, **kwargs)


def positive(name, *args, **kwargs):
    """A sample whose first argument becomes x x^T + I."""
    order = kwargs.pop("_order", 2)

    def call(T, x, *rest, **named):
        return _find(T, name)(_on_diagonal(T, x @ x.mT, 1.0), *rest, **named)

    return S(name, *args, _fn=call, _order=order, _loose=20.0, **kwargs)


def _find(T, name):
    for part in name.split("."):
        T = getattr(T, part)
    return T


def _complex(name, take=lambda y: y, **kwargs):
    """A sample of a complex matrix, whose result is looked at by its parts."""

    def call(T, re, im, **named):
        return T.view_as_real(take(_find(T, name)(_on_diagonal(T, T.complex(re, im), 3.0), **named)))

    return S(name, near(3, 3), near(3, 3), _fn=call, _order=1, _dtypes=("float64", "float32"), _loose=20.0, **kwargs)


def _magnitudes(*factors):
    return tuple(f.abs() for f in factors)


SYSTEMS = [
    shifted("linalg.solve", near(3, 3), R(3, 2)), shifted("linalg.solve", near(3, 3), R(3)),
    shifted("linalg.solve", near(2, 3, 3), R(2, 3)), shifted("linalg.solve", near(2, 1, 3, 3), R(3, 3, 2)),
    shifted("linalg.solve", near(3, 3), R(2, 3), left=False), shifted("linalg.solve", near(0, 0), R(0, 2)),
    shifted("linalg.solve_ex", near(3, 3), R(3, 2)), shifted("linalg.inv", near(3, 3)),
    shifted("linalg.inv", near(2, 2, 2)), shifted("linalg.inv_ex", near(3, 3)), shifted("inverse", near(2, 2)),
    shifted("linalg.solve_triangular", near(3, 3), R(3, 2), upper=True),
    shifted("linalg.solve_triangular", near(2, 3, 3), R(3, 2), upper=False),
    shifted("linalg.solve_triangular", near(3, 3), R(2, 3), upper=True, left=False),
    shifted("linalg.solve_triangular", near(3, 3), R(3, 2), upper=False, unitriangular=True),
    S("triangular_solve", R(3, 2), near(3, 3), _loose=20.0,
      _fn=lambda T, b, a: T.triangular_solve(b, _on_diagonal(T, a, 3.0), upper=False, transpose=True).solution),
    S("linalg.tensorinv", near(6, 6), _fn=lambda T, x: T.linalg.tensorinv(_on_diagonal(T, x, 3.0).reshape(2, 3, 6)),
      _loose=20.0),
    S("linalg.tensorsolve", near(6, 6), R(2, 3), _loose=20.0,
      _fn=lambda T, x, b: T.linalg.tensorsolve(_on_diagonal(T, x, 3.0).reshape(2, 3, 2, 3), b)),
    shifted("linalg.det", near(3, 3)), shifted("linalg.det", near(2, 2, 2)), S("linalg.det", A(SINGULAR), _order=1),
    shifted("det", near(2, 2)), S("linalg.det", A(np.zeros((3, 3))), _order=1), S("linalg.det", R(0, 0)),
    shifted("linalg.slogdet", near(3, 3)), shifted("linalg.slogdet", near(2, 2, 2), _value=-2.0),
    shifted("slogdet", near(2, 2)), shifted("logdet", near(3, 3)), shifted("logdet", near(1, 1), _value=-3.0),
    S("linalg.pinv", R(4, 2), _loose=50.0), S("linalg.pinv", R(2, 3), _loose=50.0), S("pinverse", R(3, 2), _loose=50.0),
    S("linalg.pinv", A(SINGULAR), _order=1, _loose=50.0, rtol=1e-4), S("linalg.pinv", R(0, 3)),
    S("linalg.matrix_rank", A(SINGULAR)), S("linalg.matrix_rank", A(STACK)), S("linalg.matrix_rank", R(2, 3), atol=0.5),
    S("linalg.matrix_rank", A(PAIR + PAIR.T), hermitian=True),
    S("linalg.lstsq", R(4, 2), R(4, 3), _fn=lambda T, a, b: T.linalg.lstsq(a, b).solution, _loose=50.0),
    S("linalg.lstsq", R(2, 3), R(2), _fn=lambda T, a, b: T.linalg.lstsq(a, b, driver="gelsd").solution, _loose=50.0, _order=1),
    S("linalg.lstsq", A(STACK), _fn=lambda T, a: T.linalg.lstsq(a, a[..., :1], driver="gelsd")[1:], _order=0, _loose=10.0),
]
FACTORS = [
    positive("linalg.cholesky", R(3, 3)), positive("linalg.cholesky", R(2, 2, 2), upper=True),
    positive("cholesky", R(2, 2)),
    positive("linalg.cholesky_ex", R(3, 3)),
    S("linalg.cholesky_ex", A(-PAIR), _fn=lambda T, x: T.linalg.cholesky_ex(x).info, _order=0),
    shifted("cholesky_inverse", near(3, 3), _order=0), shifted("cholesky_inverse", near(3, 3), upper=True, _order=0),
    S("cholesky_solve", R(3, 2), near(3, 3), _loose=20.0,
      _fn=lambda T, b, x: T.cholesky_solve(b, _on_diagonal(T, x, 3.0).tril())),
    S("cholesky_solve", R(2, 3, 2), near(3, 3), _loose=20.0,
      _fn=lambda T, b, x: T.cholesky_solve(b, _on_diagonal(T, x, 3.0).triu(), upper=True)),
    shifted("linalg.lu_factor", near(3, 3)), shifted("linalg.lu_factor", near(2, 2, 2)),
    S("linalg.lu", R(3, 2), _loose=20.0),
    S("linalg.lu", R(2, 3), _loose=20.0), S("linalg.lu", R(2, 2, 2), _loose=20.0),
    S("linalg.lu_factor_ex", A(SINGULAR), _order=0),
    shifted("lu", near(2, 2)),
    S("lu_unpack", R(3, 3), _fn=lambda T, x: T.lu_unpack(*T.linalg.lu_factor(x)), _loose=20.0),
    *[S("linalg.lu_solve", near(2, 3, 3), R(3, 3), _loose=20.0, adjoint=adjoint, left=left,
        _fn=lambda T, x, b, **how: T.linalg.lu_solve(*T.linalg.lu_factor(_on_diagonal(T, x, 3.0)), b, **how))
      for adjoint in (False, True) for left in (False, True)],
    S("lu_solve", R(3, 2), near(3, 3),
      _fn=lambda T, b, x: T.lu_solve(b, *T.linalg.lu_factor(_on_diagonal(T, x, 3.0))), _loose=20.0),
    *[S("linalg.qr", *args, _loose=50.0, _fn=lambda T, x, *mode: _magnitudes(*T.linalg.qr(x, *mode)))
      for args in [(R(3, 2),), (R(2, 3),), (R(2, 2, 2),), (R(2, 3), "complete")]],
    S("linalg.qr", R(3, 2), "r", _order=0, _loose=50.0, _fn=lambda T, x, mode: _magnitudes(*T.linalg.qr(x, mode))),
    S("linalg.qr", R(3, 2), "complete", _order=0, _loose=50.0, _fn=lambda T, x, mode: _magnitudes(*T.linalg.qr(x, mode))),
    S("qr", R(3, 2), _loose=50.0, _fn=lambda T, x: _magnitudes(*T.qr(x))),
    S("geqrf", R(3, 2), _order=0, _loose=50.0), S("geqrf", R(2, 2, 2), _order=0, _loose=50.0),
    S("linalg.householder_product", R(3, 2), _FACTORS_OF_TWO), S("orgqr", R(3, 2), _FACTORS_OF_TWO),
    S("linalg.householder_product", R(2, 3, 2), R(2, 1)), S("ormqr", R(3, 2), _FACTORS_OF_TWO, R(3, 2)),
    S("ormqr", R(3, 2), _FACTORS_OF_TWO, R(2, 3), False, True),
    *[S("linalg.eigh", R(*shape), _loose=50.0, _fn=lambda T, x: (lambda w, v: (w, v.abs()))(*T.linalg.eigh(x + x.mT)))
      for shape in [(3, 3), (2, 2, 2), (0, 0)]],
    S("linalg.eigh", R(3, 3), _loose=50.0, _order=1, _fn=lambda T, x: T.linalg.eigvalsh(x, UPLO="U")),
    S("linalg.eigvalsh", R(3, 3), _loose=20.0, _order=1),
    S("linalg.eig", A(PAIR), _loose=50.0, _fn=lambda T, x: T.linalg.eig(x).eigenvectors.abs(), _order=1),
    S("linalg.eigvals", A(PAIR), _loose=50.0, _fn=lambda T, x: T.view_as_real(T.linalg.eigvals(x)), _order=1),
    *[S("linalg.svd", R(*shape), _loose=50.0, _fn=lambda T, x: _magnitudes(*T.linalg.svd(x, full_matrices=False)))
      for shape in [(3, 2), (2, 3), (2, 2, 2), (0, 2)]],
    S("linalg.svd", R(3, 2), _order=0, _loose=50.0, _fn=lambda T, x: _magnitudes(*T.linalg.svd(x))),
    S("svd", R(3, 2), _loose=50.0, _fn=lambda T, x: _magnitudes(*T.svd(x))), S("linalg.svdvals", R(3, 2), _loose=20.0),
    S("linalg.ldl_factor", R(3, 3), _order=0, _loose=20.0, _fn=lambda T, x: T.linalg.ldl_factor(x + x.mT)),
    S("linalg.ldl_factor_ex", R(3, 3), _order=0, _loose=20.0, _fn=lambda T, x: T.linalg.ldl_factor_ex(x + x.mT)),
    S("linalg.ldl_solve", R(3, 3), R(3, 2), _order=0, _loose=100.0,
      _fn=lambda T, x, b: T.linalg.ldl_solve(*T.linalg.ldl_factor(x + x.mT + 3 * T.eye(3, dtype=x.dtype)), b)),
    *[S(name, R(6, 4), _order=0, _dtypes=("float64",), _loose=1e4,
        _fn=lambda T, x, name=name, how=how: getattr(T, name)(x, q=4, niter=4, **how)[1])
      for name, how in [("svd_lowrank", {}), ("pca_lowrank", {"center": False})]],
    _complex("linalg.inv"), _complex("linalg.det"), _complex("linalg.slogdet", take=lambda y: y.sign),
    _complex("linalg.eigvals"), _complex("linalg.pinv"), _complex("matrix_exp"),
    _complex("linalg.lu_factor", lambda y: y.LU),
    _complex("linalg.svd", take=lambda y: (y.U * y.S) @ y.Vh), _complex("linalg.qr", take=lambda y: y.Q @ y.R),
    S("linalg.eigvalsh", near(3, 3), near(3, 3), _order=1, _dtypes=("float64",),
      _fn=lambda T, a, b: T.linalg.eigvalsh(T.complex(a, b) @ T.complex(a, b).mH)),
]
NORMS = [
    *[S("linalg.vector_norm", R(2, 3), p, **how) for p in (2, 1, 0.5, 3, 0, float("inf"), float("-inf"), -1)
      for how in ({}, {"dim": 1, "keepdim": True})],
    S("linalg.vector_norm", R()), S("linalg.vector_norm", A(np.zeros(3)), _order=1), S("linalg.vector_norm", R(0)),
    S("linalg.vector_norm", R(3), dtype="dtype:float64"),
    *[S("linalg.matrix_norm", R(2, 3), p, _loose=20.0) for p in ("fro", "nuc", 2, -2, 1, -1, float("inf"), float("-inf"))],
    S("linalg.matrix_norm", R(2, 3, 2), 1, (0, 2), True),
    S("linalg.matrix_norm", R(2, 2, 2), "nuc", (2, 0), True, _loose=20.0),
    S("linalg.norm", R(3)), S("linalg.norm", R(2, 2), "nuc", _loose=20.0), S("linalg.norm", R(2, 3), 1),
    S("linalg.norm", R(2, 3), 3, 0), *each("frobenius_norm", R(2, 3), (0, 1)), S("nuclear_norm", R(2, 2), _loose=20.0),
    S("norm", R(2, 3), "nuc", _loose=20.0),
    *[shifted("linalg.cond", near(3, 3), *p) for p in ((), (-2,))],
    *[shifted("linalg.cond", near(3, 3), p, _order=0) for p in ("fro", 1, float("inf"))],  # PyTorch fails to differentiate
]
PRODUCTS = [
    S("linalg.matmul", R(2, 3), R(3, 2)),
    S("linalg.vecdot", R(2, 3), R(3)), S("linalg.vecdot", R(2, 3), R(2, 1), dim=0), S("vdot", R(3), R(3)),
    S("inner", R(2, 3), R(4, 3)), S("inner", R(2), R()), S("trace", R(2, 3)), S("trace", Z(2, 2)),
    S("tensordot", R(2, 3, 2), R(3, 2, 2)), S("tensordot", R(2, 3), R(3, 2), ([0, 1], [1, 0])),
    S("tensordot", R(2), R(3), 0),
    S("tensordot", R(2, 3), R(1, 3), ([0], [0])), S("kron", R(2, 2), R(1, 3)), S("kron", R(2), R(2, 2)),
    S("kron", R(), R(2)),
    S("cross", R(2, 3), R(2, 3)), S("cross", R(3, 2), R(3, 2)), S("linalg.cross", R(1, 3), R(2, 3)),
    S("linalg.cross", R(3, 2), R(3, 2), dim=0), *[S("matrix_power", R(2, 2), n) for n in (0, 1, 2, 5)],
    shifted("linalg.matrix_power", near(2, 2, 2), -2), S("matrix_exp", R(3, 3), _loose=10.0),
    S("linalg.matrix_exp", R(2, 2, 2), _loose=10.0),
    S("matrix_exp", R(0, 0)), S("linalg.multi_dot", [R(2, 3), R(3, 1), R(1, 4)]),
    S("linalg.multi_dot", [R(3), R(3, 2), R(2)]),
    S("chain_matmul", R(2, 3), R(3, 2), R(2, 2)), S("linalg.vander", R(3)), S("linalg.vander", R(2, 2), N=4),
    S("vander", R(3), _order=0),
    S("vander", Z(3), 2, True), *[S("cdist", R(3, 2), R(2, 2), p) for p in (2.0, 1.0, 3.0, 0.0, float("inf"))],
    S("cdist", R(2, 2, 3), R(2, 1, 3)), S("cdist", R(2, 0), R(3, 0)), S("renorm", R(3, 2), 2, 0, 1.0),
    S("renorm", R(2, 2, 2), 1, 1, 0.5),
    S("linalg.diagonal", R(2, 3, 3)), S("adjoint", R(2, 3)), S("diagflat", R(2)), S("diagflat", R(2, 2), 1),
    S("block_diag", R(2, 1), R(2), R(1, 2)), S("Tensor.mH", R(2, 3), _fn=lambda T, x: x.mH), S("tril_indices", 3, 4, 1),
    S("triu_indices", 3, 2, -1), S("unravel_index", A([0, 5, 11]), (3, 4)), S("isin", A([1, 2, 3]), A([2, 5])),
    S("isin", R(2), R(3), invert=True, _order=0), S("isin", A([1, 2]), 2), 
]
_TWO_OF_THREE = A([[True, False, True], [True, True, False]])
MASKED = [
    *[S(f"masked.{name}", R(2, 3), 1, mask=_TWO_OF_THREE)
      for name in ("sum", "mean", "amax", "amin", "prod", "var", "std", "logsumexp")],
    *[S(f"masked.{name}", R(2, 3), 1, mask=_TWO_OF_THREE) for name in ("argmax", "argmin", "cumprod", "log_softmax", "softmin")],
    S("masked.normalize", R(2, 3), 2.0, 1, mask=_TWO_OF_THREE),
    S("masked.logaddexp", R(3), R(3), input_mask=A([True, False, True]), other_mask=A([True, True, False])),
    S("masked.softmax", R(2, 3), 1, mask=_TWO_OF_THREE), S("masked.norm", R(2, 3), 2.0, 1, mask=B(3)),
    S("masked.cumsum", R(2, 3), 1, mask=B(2, 3)), S("masked.mean", P(3)),
    S("masked.median", R(3), 0, mask=A([True, False, True])),
]
SAMPLES = SYSTEMS + FACTORS + NORMS + PRODUCTS + MASKED

for _sample in SAMPLES:  # LAPACK knows two real types; low precision and whole numbers are refused
    if _sample.dtypes == DTYPES and (_sample.name.startswith(("linalg.", "masked.",
      "matrix_exp")) or _sample in FACTORS + SYSTEMS):
        _sample.dtypes = ("float64", "float32")
