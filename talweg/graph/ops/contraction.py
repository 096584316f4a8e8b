"""Matrix products and convolutions: what the vendor's library computes. Closed under differentiation."""

from __future__ import annotations

from ...core.shapes import Shape, broadcast
from ..declare import Op, same_dtype
from .movement import swap_last


def _infer_matmul(x, y):
    dtype = same_dtype("matmul", x, y)
    if x.shape[-1] != y.shape[-2]:
        raise RuntimeError(
            f"matmul: mat1 and mat2 shapes cannot be multiplied ({_times(x.shape)} and {_times(y.shape)}): "
            f"the last dimension of the first ({x.shape[-1]}) must equal the last but one of the second ({y.shape[-2]})"
        )
    return (*broadcast(x.shape[:-2], y.shape[:-2], "matmul"), x.shape[-2], y.shape[-1]), dtype


def _times(shape: Shape) -> str:
    return "x".join(map(str, shape))


# (..., M, K) @ (..., K, N); leading dimensions broadcast.
matmul = Op(
    "matmul", 2, "contraction", _infer_matmul,
    (lambda g, out, x, y: matmul(g, swap_last(y)), lambda g, out, x, y: matmul(swap_last(x), g)),
)


def conv_output_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1 (L 4.2, N 5.2.7)."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _infer_conv(x, w, stride, padding, dilation, groups):
    dtype = same_dtype("conv", x, w)
    name = f"conv{len(stride)}d"
    if x.shape[1] != w.shape[1] * groups:
        raise RuntimeError(
            f"{name}: Given groups={groups}, weight of size {list(w.shape)}, expected input{list(x.shape)} to have "
            f"{w.shape[1] * groups} channels, but got {x.shape[1]} channels instead"
        )
    if groups < 1 or w.shape[0] % groups:
        raise RuntimeError(f"{name}: out channels {w.shape[0]} must be divisible by groups {groups}")
    spatial = tuple(map(conv_output_size, x.shape[2:], w.shape[2:], stride, padding, dilation))
    if any(s < 1 for s in spatial):
        padded = [s + 2 * p for s, p in zip(x.shape[2:], padding)]
        raise RuntimeError(
            f"{name}: Calculated padded input size per channel: {padded}. Kernel size: {list(w.shape[2:])} with "
            f"dilation {list(dilation)}. Kernel size can't be greater than actual input size"
        )
    return (x.shape[0], w.shape[0], *spatial), dtype


_CONV_ATTRS = ("stride", "padding", "dilation", "groups")

# Cross-correlation of x (N, C, *spatial) with w (O, C / groups, *kernel).
conv = Op(
    "conv", 2, "contraction", _infer_conv,
    (
        lambda g, out, x, w, *how: conv_input_grad(g, w, x.shape, *how),
        lambda g, out, x, w, *how: conv_weight_grad(x, g, w.shape, *how),
    ),
    attr_names=_CONV_ATTRS,
)
# The adjoint of conv in x: a transposed convolution of g (N, O, *out) to `shape`.
conv_input_grad = Op(
    "conv_input_grad", 2, "contraction", lambda g, w, shape, *how: (shape, same_dtype("conv_transpose", g, w)),
    (
        lambda gg, out, g, w, shape, *how: conv(gg, w, *how),
        lambda gg, out, g, w, shape, *how: conv_weight_grad(gg, g, w.shape, *how),
    ),
    attr_names=("shape", *_CONV_ATTRS),
)
# The adjoint of conv in w.
conv_weight_grad = Op(
    "conv_weight_grad", 2, "contraction", lambda x, g, shape, *how: (shape, same_dtype("conv", x, g)),
    (
        lambda gg, out, x, g, shape, *how: conv_input_grad(g, gg, x.shape, *how),
        lambda gg, out, x, g, shape, *how: conv(x, gg, *how),
    ),
    attr_names=("shape", *_CONV_ATTRS),
)
