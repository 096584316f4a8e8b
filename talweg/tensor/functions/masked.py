"""Reductions of the elements that a mask lets through (talweg.masked).

`mask` is a bool tensor that broadcasts to the input, or None. What it hides does not count; of nothing at all the result
is what the reduction gives for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ...core.dtypes import bool_, iinfo
from ..operands import require_tensor
from ..tensor import Tensor
from . import pointwise, reduce
from .arithmetic import logaddexp as _logaddexp
from .joining import broadcast_shapes
from .norms import vector_norm
from .pointwise import where


def _shown(input, mask, value, dtype, call: str) -> Tensor:
    """The input with `value` where the mask hides it."""
    x = require_tensor(input, f"masked.{call}")
    x = x if dtype is None else x.to(dtype)
    if mask is None:
        return x
    if mask.dim() > x.dim():
        raise IndexError(f"masked.{call}: expected a mask that broadcasts to the input: it has {mask.dim()} dimensions, the "
                         f"input {x.dim()}")
    if tuple(broadcast_shapes(mask.shape, x.shape)) != tuple(x.shape):
        raise RuntimeError(f"masked.{call}: The expanded size of the mask must match the input: the mask is {list(mask.shape)}, "
                           f"the input {list(x.shape)}")
    if mask.dtype is not bool_:
        mask = mask != 0
    return where(mask, x, x.new_full((), value))


def _lowest(x: Tensor):
    return -math.inf if x.is_floating_point() else False if x.dtype is bool_ else iinfo(x.dtype).min


def _highest(x: Tensor):
    return math.inf if x.is_floating_point() else True if x.dtype is bool_ else iinfo(x.dtype).max


def _counted(input, mask, dim, keepdim: bool) -> Tensor:
    ones = require_tensor(input, "masked").new_ones(input.shape).detach()
    return reduce.sum(_shown(ones, mask, 0, None, "mean"), dim, keepdim)


def _dims(input, dim):
    return tuple(range(input.dim())) if dim is None or dim == () else dim


def _reducing(name: str, neutral: Callable, function: Callable) -> Callable:
    def call(input, dim=None, *, keepdim: bool = False, dtype=None, mask=None):
        x = _shown(input, mask, neutral(input), dtype, name)
        return function(x, _dims(x, dim), keepdim)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{name} over dim of what the mask lets through."
    return call


def _product(x: Tensor, dims, keepdim: bool) -> Tensor:
    for d in sorted((d % max(x.dim(), 1) for d in ((dims,) if isinstance(dims, int) else dims)), reverse=True):
        x = reduce.prod(x, d, True)
    if keepdim:
        return x
    return x.squeeze(dims) if dims != () else x


sum = _reducing("sum", lambda x: 0, reduce.sum)
prod = _reducing("prod", lambda x: 1, _product)
amax = _reducing("amax", _lowest, reduce.amax)
amin = _reducing("amin", _highest, reduce.amin)
logsumexp = _reducing("logsumexp", _lowest, reduce.logsumexp)


def mean(input, dim=None, *, keepdim: bool = False, dtype=None, mask=None):
    """The average over dim of what the mask lets through; nan where that is nothing."""
    x = _shown(input, mask, 0, dtype, "mean")
    if not (x.is_floating_point() or x.is_complex()):
        raise RuntimeError(f"masked.mean: expected floating point values, got {x.dtype.name}; say dtype= to convert them")
    dims = _dims(x, dim)
    return reduce.sum(x, dims, keepdim) / _counted(x, mask, dims, keepdim)


def median(input, dim: int = -1, *, keepdim: bool = False, dtype=None, mask=None):
    """The middle element (the lower of two) along dim of what the mask lets through; nan where that is nothing."""
    x = _shown(input, mask, math.nan, dtype, "median")
    if not x.is_floating_point():
        raise RuntimeError(f"masked.median: expected floating point values, got {x.dtype.name}")
    if mask is None:
        return reduce.median(x, dim, keepdim).values
    if bool((require_tensor(input, "masked.median").isnan() & (mask if mask.dtype is bool_ else mask != 0)).any()):
        raise ValueError("masked median expects no nan among the elements that the mask lets through")
    order = x.sort(dim).values
    last = (_counted(x, mask, dim, True) - 1).clamp(min=0)
    middle = (last / 2).floor().long()
    found = order.gather(dim, middle) if x.dim() else order
    return found if keepdim or not x.dim() else found.squeeze(dim)


def var(input, dim=None, unbiased: bool | None = None, *, correction=None, keepdim: bool = False, dtype=None, mask=None):
    """sum (x - mean)^2 / (n - correction) over dim of the n elements that the mask lets through."""
    x = require_tensor(input, "masked.var")
    x = x if dtype is None else x.to(dtype)
    x = x if x.is_floating_point() or x.is_complex() else x.float()
    dims = _dims(x, dim)
    less = 1 if correction is None and unbiased in (None, True) else 0 if correction is None else correction
    centred = x - mean(x, dims, keepdim=True, mask=mask)
    squares = reduce.sum(_shown(centred * centred, mask, 0, None, "var"), dims, keepdim)
    return squares / (_counted(x, mask, dims, keepdim) - less).clamp(min=0)


def std(input, dim=None, unbiased: bool | None = None, *, correction=None, keepdim: bool = False, dtype=None, mask=None):
    """The square root of var."""
    return var(input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask).sqrt()


def norm(input, ord=2.0, dim=None, *, keepdim: bool = False, dtype=None, mask=None):
    """The vector norm over dim of what the mask lets through."""
    hidden = math.inf if ord < 0 else 0
    return vector_norm(_shown(input, mask, hidden, dtype, "norm"), ord, _dims(input, dim), keepdim)


def argmax(input, dim: int | None = None, *, keepdim: bool = False, dtype=None, mask=None):
    """Where the largest of what the mask lets through is, in the input's dtype as PyTorch has it."""
    x = _shown(input, mask, _lowest(input), dtype, "argmax")
    return reduce.argmax(x, dim, keepdim).to(x.dtype)


def argmin(input, dim: int | None = None, *, keepdim: bool = False, dtype=None, mask=None):
    """Where the smallest of what the mask lets through is, in the input's dtype as PyTorch has it."""
    x = _shown(input, mask, _highest(input), dtype, "argmin")
    return reduce.argmin(x, dim, keepdim).to(x.dtype)


def cumsum(input, dim: int, *, dtype=None, mask=None):
    """The running sum along dim, to which what the mask hides adds nothing."""
    return reduce.cumsum(_shown(input, mask, 0, dtype, "cumsum"), dim)


def cumprod(input, dim: int, *, dtype=None, mask=None):
    """The running product along dim, which what the mask hides leaves as it is."""
    return reduce.cumprod(_shown(input, mask, 1, dtype, "cumprod"), dim)


def softmax(input, dim: int, *, dtype=None, mask=None):
    """softmax along dim; what the mask hides gets 0."""
    return pointwise.softmax(_shown(input, mask, -math.inf, dtype, "softmax"), dim)


def log_softmax(input, dim: int, *, dtype=None, mask=None):
    """log softmax along dim; what the mask hides gets -inf."""
    return pointwise.log_softmax(_shown(input, mask, -math.inf, dtype, "log_softmax"), dim)


def softmin(input, dim: int, *, dtype=None, mask=None):
    """softmax of -x along dim."""
    return pointwise.softmax(_shown(-require_tensor(input, "masked.softmin"), mask, -math.inf, dtype, "softmin"), dim)


def normalize(input, ord: float, dim: int, *, eps: float = 1e-12, dtype=None, mask=None):
    """x over its norm along dim, which is held above eps."""
    x = _shown(input, mask, 0, dtype, "normalize")
    return x / norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask).clamp(min=eps)


def logaddexp(input, other, *, dtype=None, input_mask=None, other_mask=None):
    """log(e^x + e^y), where what a mask hides counts as -inf."""
    x, y = (_shown(v, m, -math.inf, dtype, "logaddexp") for v, m in ((input, input_mask), (other, other_mask)))
    return _logaddexp(x, y)
