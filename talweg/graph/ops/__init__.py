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
from .contraction import conv, conv_input_grad, conv_output_size, conv_weight_grad, matmul
from .ctc import ctc, ctc_grad
from .identity import clone, detach, overwrite, substitute
from .indexing import gather, index, index_put, index_result_shape, scatter, scatter_add
from .movement import cat, expand, flip, full, pad, permute, reshape, slice_, slice_along, swap_last, write_slice
from .normalization import layer_norm, mean, rms_norm, standardize_channels, var
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
from .window import avg_pool, avg_pool_grad, max_pool, max_pool_grad, max_pool_indices, max_unpool, pooled_size

__all__ = [name for name in dir() if not name.startswith("_")]
