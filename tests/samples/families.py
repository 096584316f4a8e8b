"""Samples of the smaller families: Fourier transforms, special functions, statistics, sorted numbers, scans, joins, copies."""

from __future__ import annotations

import math

from .table import FLOATS, A, B, D, P, R, S, U, Z, each

REALS = ("float64", "float32")


# --- Fourier transforms: results are complex, and looked at by their parts
def _parts(name):
    def call(T, x, *rest, **named):
        found = getattr(T.fft, name)(x, *rest, **named)
        return T.view_as_real(found.resolve_conj()) if found.is_complex() else found

    return call


def _fft(name, *args, **kwargs):
    return S(f"fft.{name}", *args, _fn=_parts(name), _dtypes=REALS, **kwargs)


def _of_complex(name, *shape, **kwargs):
    return S(f"fft.{name}", R(*shape), R(*shape), _dtypes=REALS, **kwargs,
             _fn=lambda T, re, im, **how: _parts(name)(T, T.complex(re, im), **how))


ONE, SEVERAL = "fft ifft rfft irfft hfft ihfft", "fftn ifftn rfftn irfftn hfftn ihfftn"
FOURIER = [
    *[_fft(name, *args, **how) for name in ONE.split() for args, how in [
        ((R(4),), {}), ((R(2, 5), 3, 0), {}), ((R(3), 6), {"norm": "ortho"}), ((R(2, 4),), {"norm": "forward"})]],
    *[_of_complex(name, 2, 4) for name in "fft ifft irfft hfft fft2 irfft2 hfft2".split()],
    *[_fft(name, *args, **how) for name in SEVERAL.split() for args, how in [
        ((R(2, 3, 4),), {}), ((R(2, 3, 4), (3, 5), (0, 2)), {"norm": "ortho"}), ((R(3, 4), None, (0,)), {})]],
    *[_fft(name, R(2, 3, 4)) for name in "fft2 ifft2 rfft2 irfft2 hfft2 ihfft2".split()],
    *[_fft(name, R(5)) for name in "fftshift ifftshift".split()], *[_fft(name, R(2, 3), 1)
      for name in "fftshift ifftshift".split()],
    S("fft.fftfreq", 5), S("fft.fftfreq", 4, 0.5), S("fft.rfftfreq", 5),
    S("fft.rfftfreq", 4, d=2.0, dtype="dtype:float64"),
]


def _spectrogram(T, x, *args, **how):
    return T.view_as_real(T.stft(x, *args, return_complex=True, **how))


def _back_and_forth(T, x, n, hop, **how):
    window = T.hann_window(n, dtype=T.float64).to(x.dtype)
    spectrum = T.stft(x, n, hop, window=window, return_complex=True, **how)
    return T.istft(spectrum, n, hop, window=window, **how)


SIGNALS = [
    S("stft", R(12), 4, _fn=_spectrogram, _dtypes=REALS),
    S("stft", R(2, 12), 6, 3, 4, U(4), _fn=_spectrogram, _dtypes=REALS),
    S("stft", R(2, 9), 4, 2, center=False, normalized=True, onesided=False, _fn=_spectrogram, _dtypes=REALS),
    S("stft", R(8), 4, pad_mode="constant", return_complex=False, _dtypes=REALS),
    S("stft", R(8), 4, pad_mode="replicate", return_complex=False, _dtypes=REALS),
    S("istft", R(16), 8, 2, _fn=_back_and_forth, _dtypes=REALS, _order=1, _loose=5.0),
    S("istft", R(2, 16), 8, 4, normalized=True, _fn=_back_and_forth, _dtypes=REALS, _order=1, _loose=5.0),
    S("istft", R(6, 3), R(6, 3), _dtypes=REALS, _order=1, _fn=lambda T, a, b: T.istft(T.complex(a, b), 6, onesided=False)),
    S("stft", R(8), R(8), _dtypes=REALS, _order=1, _fn=lambda T, a, b: T.view_as_real(T.stft(T.complex(a, b), 4))),
    *[S(name, n, **how) for name in "bartlett_window blackman_window hann_window hamming_window kaiser_window".split()
      for n, how in [(6, {}), (1, {}), (0, {}), (5, {"periodic": False})]],
    *[S(f"signal.windows.{name}", n, sym=sym) for n in (1, 5) for sym in (True, False) for name in
      "bartlett blackman cosine exponential gaussian hamming hann kaiser nuttall general_hamming".split()],
    S("signal.windows.general_cosine", 6, a=[0.4, 0.3, 0.2, 0.1]),
]

# --- special functions
SPECIAL = [
    *each("lgamma digamma special.gammaln special.psi", P(2, 3), _dtypes=REALS),
    S("lgamma", A([-0.5, -1.5, 2.5]), _dtypes=REALS),
    *each("special.digamma special.erf special.erfc special.exp2 special.expm1 special.expit special.sinc "
          "special.i0 special.log1p", P(2, 3), _dtypes=REALS),
    S("special.logit", U(3), _dtypes=REALS), S("special.xlogy", R(3), P(3), _dtypes=REALS), S("special.round", R(4)),
    S("special.polygamma", 1, P(3), _dtypes=REALS), S("special.multigammaln", P(3, low=2.0, high=4.0), 2, _dtypes=REALS),
    *each("special.softmax special.log_softmax special.logsumexp", R(2, 3), 1, _dtypes=FLOATS),
    *each("special.gammainc special.gammaincc", P(3).no_grad, P(3), _dtypes=REALS, _loose=5.0),
    *[S("polygamma", n, P(3), _dtypes=REALS) for n in (0, 1, 3)],
    S("mvlgamma", P(3, low=2.0, high=4.0), 3, _dtypes=REALS),
    *each("erfinv special.erfinv", U(3), _dtypes=REALS), S("special.erfcx", R(3), _dtypes=REALS),
    S("special.ndtri", U(3), _dtypes=REALS),
    *each("special.log_ndtr special.ndtr sinc i0 special.i0e special.i1 special.i1e", R(2, 3), _dtypes=REALS),
    *each("sinc i0 special.i1 special.i1e", A([0.0]), _order=1, _dtypes=REALS), S("special.entr", P(3), _dtypes=REALS),
    S("special.entr", A([0.0, -1.0, math.nan]), _order=0),
    S("special.zeta", A([2.5, 3.0]), P(2), _dtypes=REALS, _order=0),
    S("special.zeta", 2.5, P(3), _dtypes=REALS), *each("igamma igammac", P(3).no_grad, P(3), _dtypes=REALS, _loose=5.0),
    *each("xlogy special.xlog1py", R(3), P(3), _dtypes=REALS),
    *each("xlogy special.xlog1py", R(2, 1), P(3), _dtypes=REALS),
    S("xlogy", A([0.0, 0.0]), P(2)), S("xlogy", R(2), 3), S("xlogy", 2.0, P(2), _dtypes=REALS),
    S("xlogy", A([0.0, 0.0]), A([0.0, math.nan]), _order=0),
    *each("special.bessel_j0 special.bessel_j1 special.modified_bessel_i0 special.modified_bessel_i1 "
          "special.airy_ai special.spherical_bessel_j0", R(3),
          _order=0, _dtypes=REALS, _loose=5.0),
    *each("special.bessel_y0 special.bessel_y1 special.modified_bessel_k0 special.modified_bessel_k1 "
          "special.scaled_modified_bessel_k0 special.scaled_modified_bessel_k1", P(3), _order=0, _dtypes=REALS, _loose=5.0),
    *[S(f"special.{name}", R(2, 1), A([0, 1, 2, 5]), _order=0, _dtypes=REALS, _loose=20.0) for name in
      """chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v chebyshev_polynomial_w
      shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v
      shifted_chebyshev_polynomial_w hermite_polynomial_h hermite_polynomial_he laguerre_polynomial_l
      legendre_polynomial_p""".split()],
    *each("copysign fmax fmin", R(2, 3), R(3)), S("copysign", R(3), -1.0),
    S("copysign", A([0.0, -0.0]), A([-1.0, 1.0]), _order=0),
    *each("fmax fmin", A([math.nan, 1.0, 2.0]), A([0.5, math.nan, 3.0]), _order=1),
    *each("hypot logaddexp logaddexp2", R(2, 3), R(3), _dtypes=REALS),
    S("hypot", A([0.0, math.inf]), A([0.0, math.nan]), _order=0),
    S("logaddexp", A([-math.inf, 1000.0]), A([-math.inf, 999.0]), _order=0),
    S("frac", R(3), _dtypes=FLOATS), S("heaviside", A([-1.0, 0.0, 2.0]), A([0.5]), _order=0), S("ldexp", R(3), Z(3, low=0)),
    S("frexp", A([0.0, 1.0, -3.5, 1e-40, math.inf, 1023.9]), _order=0), S("frexp", R(3), _order=1, _dtypes=REALS),
    *each("gcd lcm", Z(3, low=-12, high=13), Z(2, 3, low=-12, high=13)),
    S("nextafter", R(3), R(3), _order=0, _dtypes=REALS),
    *each("signbit isposinf isneginf", A([0.0, -0.0, math.inf, -math.inf, -2.0])),
    *each("signbit isposinf", Z(3)),
]


# --- complex numbers
def _complex_of(name, take=lambda T, y: y):
    def call(T, re, im):
        found = take(T, getattr(T, name)(T.complex(re, im)))
        return T.view_as_real(found.resolve_conj()) if found.is_complex() else found

    return S(name, R(2, 3), R(2, 3), _fn=call, _dtypes=REALS)


COMPLEX = [
    S("complex", R(3), R(3), _fn=lambda T, a, b: T.view_as_real(T.complex(a, b)), _dtypes=REALS),
    S("polar", P(3), R(3), _fn=lambda T, a, b: T.view_as_real(T.polar(a, b)), _dtypes=REALS),
    *[_complex_of(name) for name in """real imag angle conj conj_physical resolve_conj resolve_neg sgn abs exp sin cosh log
      sqrt square reciprocal tanh sum mean var std isreal""".split()],
    S("isclose", R(2), R(2), _order=0, _fn=lambda T, a, b: T.isclose(T.complex(a, b), T.complex(a, b + 1e-9))),
    S("float_power", P(2), R(2), _order=0, _dtypes=REALS, _fn=lambda T, a, b: T.float_power(T.complex(a, b), 2.0).abs()),
    *[S(name, R(3), R(3), R(3), R(3), _dtypes=REALS,
        _fn=lambda T, a, b, c, d, name=name: T.view_as_real(getattr(T, name)(T.complex(a, b), T.complex(c, d))))
      for name in "mul div add sub".split()],
    S("matmul", R(2, 3), R(2, 3), R(3, 2), _dtypes=REALS,
      _fn=lambda T, a, b, c: T.view_as_real(T.complex(a, b) @ T.complex(c, c))),
    S("view_as_complex", R(3, 2), _fn=lambda T, x: T.view_as_complex(x).abs(), _dtypes=REALS),
    S("view_as_complex_copy", R(3, 2), _fn=lambda T, x: T.view_as_complex_copy(x).abs(), _dtypes=REALS),
    S("view_as_real_copy", R(3), _fn=lambda T, x: T.view_as_real_copy(T.complex(x, x * 2)), _dtypes=REALS),
    S("view_as_real", R(3), _fn=lambda T, x: T.view_as_real(T.complex(x, x * 2)), _dtypes=REALS),
    *each("real conj resolve_conj resolve_neg sgn isreal", R(3)), S("angle", A([-1.0, 0.0, 2.0]), _order=0),
    *each("is_conj is_neg", R(2), _order=0),
    S("Tensor.view", R(2, 2).no_grad, _order=0, _dtypes=("float32",), _fn=lambda T, x: x.view(T.int32)),
]

# --- statistics, sorted numbers, counts
ORDER = [
    S("nanmean", A([[1.0, math.nan], [2.0, 4.0]]), 0, _order=1), S("nanmean", R(2, 3), _dtypes=FLOATS),
    S("nanmedian", A([[1.0, math.nan, 3.0], [2.0, 4.0, -1.0]]), 1, _order=1), S("nanmedian", D(5)),
    S("nanmedian", R(), _dtypes=REALS),
    S("mode", A([[1.0, 2.0, 2.0, 1.0], [3.0, 3.0, 0.0, 3.0]]), _order=1), S("mode", Z(3, 4), 0, True, _order=0),
    S("mode", R(), _order=0),
    *[S("quantile", D(3, 4), q, _dtypes=REALS, **how) for q in (0.3, A([0.0, 0.5, 1.0]).no_grad) for how in
      ({}, {"dim": 1}, {"dim": 0, "keepdim": True}, {"dim": 1, "interpolation": "nearest"}, {"interpolation": "midpoint"})
      if isinstance(q, float)],
    *[S("quantile", D(5), 0.4, interpolation=how, _dtypes=REALS) for how in ("lower", "higher")],
    S("quantile", D(3, 4), A([0.1, 0.5, 1.0]).no_grad, 1, _dtypes=("float64",)),
    S("nanquantile", A([1.0, math.nan, 3.0, 2.0]), 0.25, _order=1, _dtypes=REALS),
    S("cov", R(3, 4), _dtypes=REALS), S("cov", R(4), correction=0, _dtypes=REALS),
    S("cov", R(2, 4), fweights=A([1, 2, 1, 3]), aweights=A([0.5, 1.0, 2.0, 1.0]).no_grad, _dtypes=("float64",)),
    S("corrcoef", D(3, 4), _dtypes=REALS, _loose=5.0), S("corrcoef", R(4), _dtypes=REALS, _order=0),
    *[S("unique", A([3, 1, 2, 1, 3]), **how) for how in ({}, {"return_inverse": True, "return_counts": True})],
    S("unique", A([[1, 2], [0, 1], [1, 2]]), dim=0, return_inverse=True, return_counts=True),
    S("unique", A([1.5, 0.5, 1.5]), _order=0),
    *[S("unique_consecutive", A([1, 1, 2, 2, 1]), **how) for how in ({}, {"return_inverse": True, "return_counts": True})],
    S("unique_consecutive", A([[1, 1], [1, 1], [2, 0]]), return_counts=True, dim=0), S("unique_consecutive", Z(0)),
    S("searchsorted", A([1.0, 3.0, 5.0]), R(2, 3, low=0.0, high=6.0), _dtypes=("float64",), _order=0),
    S("searchsorted", A([[1, 3, 5], [0, 2, 9]]), A([[3, 9], [0, 1]]), right=True), S("searchsorted", A([1, 3]), 2),
    S("searchsorted", A([5, 1, 3]), A([2, 4]), sorter=A([1, 2, 0])),
    S("searchsorted", A([1, 3]), A([1]), side="right", out_int32=True),
    S("bucketize", A([[3, 6], [9, 1]]), A([1, 3, 5, 7])), S("bucketize", A([3, 1]), A([1, 3]), right=True),
    S("bucketize", 2, A([1, 3])),
    S("msort", D(3, 2)), S("histc", R(7), 4, -2, 2, _order=0, _dtypes=REALS),
    S("histc", A([1.0, 2.0, 1.0]), 3, _order=0),
    S("bincount", A([0, 3, 1, 3])), S("bincount", A([1, 2]), minlength=5),
    S("bincount", A([1, 1, 0]), A([0.5, 1.0, 2.0]), _order=0),
    S("histogram", R(7), 4, range=(-2.0, 2.0), _order=0, _dtypes=REALS),
    S("histogram", A([1.0, 2.0, 4.0]), A([0.0, 1.5, 5.0]), density=True, _order=0),
    S("histogramdd", R(6, 2), [2, 3], range=[-2.0, 2.0, -2.0, 2.0], _order=0, _dtypes=REALS),
    *each("cummax cummin", D(2, 4), 1), *each("cummax cummin", A([1.0, 3.0, 3.0, math.nan, 2.0]), 0, _order=1),
    *each("cummax cummin", R(), 0),
    S("logcumsumexp", R(2, 3), 1, _dtypes=REALS), S("logcumsumexp", A([-1000.0, 0.0, 1000.0]), 0, _order=1),
    S("logcumsumexp", R(), 0, _dtypes=REALS),
    S("diff", R(4)), S("diff", R(2, 4), 2, 1), S("diff", R(3), prepend=R(1), append=R(2)), S("diff", B(4)),
    S("diff", R(2), 3), S("diff", R(3), 0),
    S("gradient", R(5), _dtypes=REALS), S("gradient", R(3, 4), spacing=0.5, _dtypes=REALS),
    S("gradient", R(4, 3), dim=0, edge_order=2, _dtypes=REALS),
    S("gradient", R(5), spacing=(A([0.0, 1.0, 1.5, 3.0, 4.0]).no_grad,), _dtypes=("float64",)),
    S("gradient", R(5), spacing=(A([0.0, 1.0, 1.5, 3.0, 4.0]).no_grad,), edge_order=2, _dtypes=("float64",)),
    *each("trapezoid trapz cumulative_trapezoid", R(2, 4)),
    *each("trapezoid cumulative_trapezoid", R(2, 4), R(4), _dtypes=REALS),
    S("trapezoid", R(3, 2), dx=0.5, dim=0), S("trapezoid", R(2, 3), R(2, 3)),
    *[S("scatter_reduce", R(3, 2), 0, A([[0, 1], [2, 1]]), R(2, 2), how, include_self=own,
      _order=2 if how == "sum" else 1) for own in (True, False)
      for how in ("sum", "mean", "prod", "amax", "amin")],
    S("scatter_reduce", A([2.0, 3.0]), 0, A([0, 0, 1]), A([0.0, 4.0, 5.0]), "prod", _order=1),
    S("scatter_reduce", A([1.0, 1.0]), 0, A([0, 0, 1]), A([1.0, 1.0, 0.0]), "amax", _order=1),
    *[S("index_reduce", R(3, 2), 0, A([0, 2, 0]), R(3, 2), how, _order=1, include_self=own)
      for own in (True, False) for how in ("mean", "prod", "amax", "amin")],
    S("put", R(2, 3), A([0, 4]), R(2)), S("put", R(4), A([1, 1]), R(2), True), S("repeat_interleave", R(2, 2), 2),
    S("repeat_interleave", R(3, 2), A([1, 0, 2]), 0), S("repeat_interleave", R(2, 2), 3, 1),
    S("repeat_interleave", A([1, 0, 2])),
    S("nonzero_static", A([0, 1, 1]), size=3), S("nonzero_static", A([[1, 1], [1, 0]]), size=2),
]

# --- joins, copies, shapes
JOINS = [
    *each("atleast_1d atleast_2d atleast_3d", R()), *each("atleast_1d atleast_2d atleast_3d", R(2)),
    *each("atleast_2d atleast_3d", R(2, 3)),
    S("atleast_2d", [R(), R(2)]), *each("dstack column_stack", [R(2), R(2)]),
    *each("dstack column_stack", [R(2, 2), R(2, 2)]),
    *each("hsplit vsplit", R(4, 2), 2), S("hsplit", R(4), (1, 3)), S("dsplit", R(2, 1, 4), [1]),
    S("cartesian_prod", R(2), R(3)),
    S("cartesian_prod", R(2)), S("combinations", R(3)), S("combinations", R(3), 2, True), S("combinations", R(1), 2),
    *[S("rot90", R(2, 3), k) for k in range(5)],
    S("rot90", R(2, 2, 2), 1, (1, 2)),
    S("broadcast_shapes", (2, 1), (3,), 1, _fn=lambda T, *s: tuple(T.broadcast_shapes(*s))),
    S("select_scatter", R(2, 3), R(3), 0, 1), S("slice_scatter", R(4), R(2), 0, 0, 4, 2),
    S("diagonal_scatter", R(2, 3), R(2)),
    S("as_strided_scatter", R(4), R(2), (2,), (2,), 1, _order=0), S("alias_copy", R(2)),
    S("as_strided_copy", R(4), (2, 2), (2, 1)),
    S("detach_copy", R(2).no_grad),
    S("diagonal_copy", R(2, 3)), S("expand_copy", R(1, 2), (2, 2)), S("narrow_copy", R(4), 0, 1, 2),
    S("permute_copy", R(2, 3), (1, 0)),
    S("select_copy", R(2, 3), 0, 1), S("slice_copy", R(5), 0, 1, 4, 2), *each("split_copy unsafe_split", R(4), 2),
    *each("split_with_sizes_copy unsafe_split_with_sizes", R(4), (1, 3)), S("squeeze_copy", R(1, 2)),
    S("t_copy", R(2, 3)), S("transpose_copy", R(2, 3), 0, 1),
    S("unbind_copy", R(2, 3)), S("unfold_copy", R(5), 0, 2, 1), S("unsafe_chunk", R(4), 2),
    S("unsqueeze_copy", R(2), 0), S("view_copy", R(4), (2, 2)),
    S("fill", R(2, 3), 1.5), S("fill", R(2), R()), S("Tensor.sum_to_size", R(2, 3), (1, 3)),
    S("Tensor.sum_to_size", R(2, 3), (3,)),
    S("empty_strided", (2, 3), (1, 2), _fn=lambda T, *a: (tuple(T.empty_strided(*a).shape), tuple(T.empty_strided(*a).stride()))),
    S("empty_permuted", (2, 3), (1, 0),
      _fn=lambda T, *a: (tuple(T.empty_permuted(*a).shape), tuple(T.empty_permuted(*a).stride()))),
    S("resize_as_", R(4), R(2, 2), _fn=lambda T, x, y: T.resize_as_(x.detach().clone(), y), _order=0),
    S("positive", R(2)), S("detach", R(2), _order=0),
    S("is_nonzero", A([1.0]), _order=0), S("is_signed", R(2), _order=0), S("is_same_size", R(2), R(2), _order=0),
    *each("arcsin arccos arctanh", U(3), _dtypes=FLOATS), *each("arctan arcsinh", R(3)),
    S("arccosh", P(3, low=1.1), _dtypes=FLOATS),
]
SAMPLES = FOURIER + SIGNALS + SPECIAL + COMPLEX + ORDER + JOINS
