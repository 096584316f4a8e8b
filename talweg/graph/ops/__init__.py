"""The operations, as one table of contents: each with its shape rule and gradient beside its declaration."""

from ..declare import cast
from .activation import (
    binary_cross_entropy,
    elu,
    gelu,
    hardtanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    logsumexp,
    mish,
    silu,
    softmax,
    softplus,
)
from .assemble import assemble
from .bits import bits_as
from .complex import conj, conj_op, imag, join, magnitude, real
from .contraction import conv, conv_input_grad, conv_output_size, conv_weight_grad, matmul
from .ctc import ctc, ctc_grad
from .factor import (
    cholesky,
    cholesky_info,
    eig,
    eigh,
    eigh_shapes,
    exchanged,
    geqrf,
    ldl,
    ldl_solve,
    lu,
    qr,
    qr_shapes,
    row_order,
    svd,
    svd_shapes,
)
from .identity import clone, detach, overwrite, substitute
from .indexing import gather, index, index_put, index_result_shape, scatter, scatter_add
from .matrices import diagonal_matrix, unpacked
from .movement import cat, expand, flip, full, pad, permute, reshape, slice_, slice_along, swap_last, write_slice
from .normalization import group_norm, layer_norm, mean, rms_norm, standardize_channels, var
from .ordering import after
from .pointwise import (
    abs_,
    acos,
    acosh,
    add,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    bitwise_and,
    bitwise_not,
    bitwise_or,
    bitwise_xor,
    ceil,
    cos,
    cosh,
    div,
    eq,
    erf,
    erfc,
    exp,
    exp2,
    expm1,
    floor,
    floor_divide,
    fmod,
    ge,
    gt,
    isfinite,
    isinf,
    isnan,
    le,
    left_shift,
    log,
    log1p,
    log2,
    log10,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    lt,
    maximum,
    minimum,
    mul,
    ne,
    neg,
    number,
    pow_,
    reciprocal,
    relu,
    remainder,
    right_shift,
    round_,
    rsqrt,
    scaled,
    sigmoid,
    sign,
    sin,
    sinh,
    sqrt,
    square,
    sub,
    tan,
    tanh,
    trunc,
    where,
)
from .random import normal, uniform
from .recurrent import recurrence, recurrence_grad, recurrence_output
from .reduce import all_, amax, amin, any_, argmax, argmin, argsort, cumprod, cumsum, iota, prod, spread, sum_
from .scan import cummax_indices, cummin_indices, logcumsumexp
from .search import mode_index, scatter_reduce, searchsorted
from .solve import cholesky_solve, cofactors, det, matrix_exp, pinv, slogdet, solve, triangular_solve
from .special import (
    airy_ai,
    bessel_j0,
    bessel_j1,
    bessel_k0,
    bessel_k0e,
    bessel_k1,
    bessel_k1e,
    bessel_y0,
    bessel_y1,
    copysign,
    digamma,
    erfcx,
    erfinv,
    gcd,
    i0,
    i0e,
    i1,
    i1e,
    igamma,
    igammac,
    lcm,
    lgamma,
    log_ndtr,
    ndtri,
    nextafter,
    polygamma,
    polynomial,
    zeta,
)
from .spectral import as_complex, fft, irfft, rfft
from .window import avg_pool, avg_pool_grad, max_pool, max_pool_grad, max_pool_indices, max_unpool, pooled_size

__all__ = [name for name in dir() if not name.startswith("_")]
