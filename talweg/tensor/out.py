"""`out=`: the result written to a tensor that exists already, as PyTorch's functions offer it."""

from __future__ import annotations

import functools
from collections.abc import Callable

from ..core.dtypes import can_cast
from ..graph import ops
from ..graph.node import mode
from .box import Box
from .functions.storage import resize_

NAMES = frozenset("""
abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr all amax amin aminmax angle any arange arccos arccosh arcsin
arcsinh arctan arctan2 arctanh argmax argmin argsort asin asinh atan atan2 atanh baddbmm bernoulli bitwise_and bitwise_left_shift
bitwise_not bitwise_or bitwise_right_shift bitwise_xor bmm bucketize cat ceil cholesky cholesky_inverse cholesky_solve clamp
clamp_max clamp_min clip column_stack complex concat concatenate conj_physical copysign cos cosh cross cummax cummin cumprod
cumsum deg2rad diag diff digamma div divide dot dstack eq erf erfc erfinv exp exp2 expm1 eye fix float_power floor floor_divide
fmax fmin fmod frac frexp full gather gcd ge geqrf ger greater greater_equal gt heaviside histc histogram hstack hypot i0 igamma
igammac index_add index_copy index_select inner inverse isneginf isposinf kron kthvalue lcm ldexp le lerp less less_equal lgamma
linspace log log10 log1p log2 logaddexp logaddexp2 logcumsumexp logical_and logical_not logical_or logical_xor logit logspace
logsumexp lt masked_select matmul matrix_power max maximum mean median min minimum mm mode msort mul multinomial multiply mv
mvlgamma nan_to_num nanmean nanmedian nanquantile ne neg negative nextafter nonzero norm normal not_equal ones orgqr ormqr outer
pinverse polar polygamma pow prod qr quantile rad2deg rand randint randn randperm range reciprocal remainder renorm round
row_stack rsqrt scatter scatter_add scatter_reduce searchsorted sgn sigmoid sign signbit sin sinc sinh softmax log_softmax sort
sqrt square stack std sub subtract sum svd take take_along_dim tan tanh tensordot topk triangular_solve tril triu true_divide
trunc var vdot vstack where xlogy zeros empty
chain_matmul frobenius_norm nuclear_norm index_reduce isin lu_solve lu_unpack nansum nonzero_static slice_copy slice_scatter
slogdet
""".split())

IN_NAMESPACES = frozenset("""
cholesky cholesky_ex cond cross det eig eigh eigvals eigvalsh householder_product inv inv_ex ldl_factor ldl_factor_ex ldl_solve lu
lu_factor lu_factor_ex lu_solve matmul matrix_norm matrix_power matrix_rank multi_dot norm pinv qr slogdet solve solve_ex
solve_triangular svd svdvals tensorinv tensorsolve vecdot vector_norm
fft fft2 fftfreq fftn hfft hfft2 hfftn ifft ifft2 ifftn ihfft ihfft2 ihfftn irfft irfft2 irfftn rfft rfft2 rfftfreq rfftn
airy_ai bessel_j0 bessel_j1 bessel_y0 bessel_y1 digamma entr erf erfc erfcx erfinv exp2 expit expm1 gammainc gammaincc gammaln i0
i0e i1 i1e log1p log_ndtr logit logsumexp ndtr ndtri polygamma psi round sinc xlog1py xlogy zeta
chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v chebyshev_polynomial_w hermite_polynomial_h
hermite_polynomial_he laguerre_polynomial_l legendre_polynomial_p multigammaln shifted_chebyshev_polynomial_t
shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v shifted_chebyshev_polynomial_w
modified_bessel_i0 modified_bessel_i1 modified_bessel_k0 modified_bessel_k1 scaled_modified_bessel_k0 scaled_modified_bessel_k1
spherical_bessel_j0
""".split())

OF_LAYERS = frozenset(("hardshrink", "threshold"))  # activations that PyTorch has at its top as well, and there with `out`

EXACT = frozenset("""
addbmm addmm addmv amax amin aminmax argmax argmin argsort baddbmm bmm bucketize complex cross cummax cummin diag diff dot gather
hardshrink heaviside histc histogram index_add index_copy index_select inner kthvalue log_softmax logcumsumexp masked_select
matmul mm mode msort multinomial mv nan_to_num nanquantile nonzero norm orgqr ormqr polar qr quantile renorm scatter scatter_add
scatter_reduce searchsorted slice_copy softmax sort svd take take_along_dim tensordot topk triangular_solve tril triu vdot where
cholesky cholesky_ex det eigh eigvalsh inv inv_ex ldl_factor ldl_factor_ex ldl_solve lu lu_factor lu_factor_ex lu_solve
matrix_norm multi_dot slogdet solve solve_ex solve_triangular svdvals vecdot vector_norm
""".split())
"""Those whose `out` must have the result's dtype, as in PyTorch; the others convert where promotion allows it."""


def accepting_out(function: Callable) -> Callable:
    """The function with `out=`: a tensor (or as many as there are results) that takes the result and is returned."""

    @functools.wraps(function)
    def call(*args, out=None, **kwargs):
        result = function(*args, **kwargs)
        return result if out is None else _written(result, out, function.__name__)

    return call


def accept_out(names: dict, which: frozenset[str]) -> None:
    """Give `out=` to the functions of those names in a module's dictionary."""
    for name in which & names.keys():
        names[name] = accepting_out(names[name])


def _written(result, out, call: str):
    if isinstance(result, Box):
        if isinstance(out, (tuple, list)) and len(out) == 1:
            out = out[0]
        if not isinstance(out, Box):
            raise TypeError(f"{call}(): argument 'out' must be Tensor, not {type(out).__name__}")
        _write(out, result, call)
        return out
    if not isinstance(out, (tuple, list)) or len(out) != len(result):
        raise TypeError(f"{call}(): argument 'out' must be a tuple of {len(result)} Tensors")
    for target, part in zip(out, result):
        _write(target, part, call, exact=True)
    return type(result)(*out) if hasattr(result, "_fields") else tuple(out)


def _write(out, result, call: str, exact: bool = False) -> None:
    node = result.node
    if mode.grad and (node.needs_grad or out.requires_grad):
        raise RuntimeError(f"{call}(): functions with out=... arguments don't support automatic differentiation, but one of the "
                           "arguments requires grad.")
    if (exact or call in EXACT) and node.dtype is not out.dtype:
        raise RuntimeError(f"{call}(): Expected out tensor to have dtype {node.dtype.name}, but got {out.dtype.name} instead")
    if not can_cast(node.dtype, out.dtype):
        raise RuntimeError(f"{call}: result type {node.dtype.name} can't be cast to the desired output type {out.dtype.name}")
    if out.node.shape != node.shape:
        resize_(out, *node.shape)
    out._write(ops.cast(node, out.dtype) if node.dtype is not out.dtype else ops.clone(node))
