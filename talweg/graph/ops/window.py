"""Pooling over windows of the trailing dimensions: x is (N, C, *spatial).

`kernel`, `stride`, `padding`, `dilation` have one entry a spatial dimension (L 4.4, N 5.3).
"""

from __future__ import annotations

from ...core.dtypes import int64
from ..declare import NO_GRADIENT, Op
from .indexing import gather, scatter_add
from .movement import full, reshape


def pooled_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """floor or ceil of (size + 2 padding - dilation (kernel - 1) - 1) / stride, plus 1; with ceil_mode the last
    window must start inside the input or its left padding."""
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (-(-span // stride) if ceil_mode else span // stride) + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1
    return count


def _pooled_shape(name, x, kernel, stride, padding, dilation, ceil_mode):
    for k, p in zip(kernel, padding):
        if p > k // 2:
            raise RuntimeError(f"{name}: pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k}")
    spatial = tuple(pooled_size(*sizes, ceil_mode) for sizes in zip(x.shape[2:], kernel, stride, padding, dilation))
    if any(s < 1 for s in spatial):
        raise RuntimeError(f"{name}: Given input size {list(x.shape[1:])}, calculated output size {list(spatial)}: "
                           "Output size is too small; use a smaller kernel_size or a larger input")
    return (*x.shape[:2], *spatial)


_MAX_ATTRS = ("kernel", "stride", "padding", "dilation", "ceil_mode")

max_pool = Op(
    "max_pool", 1, "window", lambda x, *how: (_pooled_shape("max_pool", x, *how), x.dtype),
    (lambda g, out, x, *how: max_pool_grad(g, x, *how),), attr_names=_MAX_ATTRS,
)
# Where each maximum stands, counted through the input's flattened spatial dimensions; the first of equal ones.
max_pool_indices = Op(
    "max_pool_indices", 1, "window", lambda x, *how: (_pooled_shape("max_pool", x, *how), int64),
    NO_GRADIENT, attr_names=_MAX_ATTRS,
)


def _flat(x):
    count = 1
    for size in x.shape[2:]:
        count *= size
    return reshape(x, (*x.shape[:2], count))


def _read_maxima(gg, out, g, x, *how):
    """The adjoint of sending g to the maxima: reading there."""
    where = max_pool_indices(x, *how)
    return reshape(gather(_flat(gg), _flat(where), 2), g.shape)


# g sent to the place of each maximum of x, where places that overlap add up.
max_pool_grad = Op(
    "max_pool_grad", 2, "window", lambda g, x, *how: (x.shape, x.dtype),
    (_read_maxima, NO_GRADIENT), attr_names=_MAX_ATTRS,
)


def max_unpool(g, where, shape):
    """Each element of g at the flattened spatial position that `where` names; zero elsewhere."""
    rows = _flat(full(0, shape, g))
    return reshape(scatter_add(rows, _flat(where), _flat(g), 2), shape)


def _infer_avg(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor):
    return _pooled_shape("avg_pool", x, kernel, stride, padding, (1,) * len(kernel), ceil_mode), x.dtype


_AVG_ATTRS = ("kernel", "stride", "padding", "ceil_mode", "count_include_pad", "divisor")

# The mean of each window; divided by `divisor` where that is not None.
avg_pool = Op(
    "avg_pool", 1, "window", _infer_avg,
    (lambda g, out, x, *how: avg_pool_grad(g, x.shape, *how),), attr_names=_AVG_ATTRS,
)
avg_pool_grad = Op(
    "avg_pool_grad", 1, "window", lambda g, shape, *how: (shape, g.dtype),
    (lambda gg, out, g, shape, *how: avg_pool(gg, *how),), attr_names=("shape", *_AVG_ATTRS),
)
