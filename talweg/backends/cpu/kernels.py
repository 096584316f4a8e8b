"""Which operations oneDNN computes. Each kernel answers None for what it leaves to the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...core.dtypes import bfloat16, float32
from ...graph import ops
from ...graph.node import Node, Op
from .bindings import Unsupported
from .convolution import convolution, convolution_input_gradient, convolution_plan, convolution_weight_gradient
from .library import available
from .llvm.expression import Place
from .loops import Loop, recurrent_loop
from .matmul import matmul, matmul_plan
from .plans import Plan
from .pooling import avg_pool, avg_pool_input_gradient, can_pool, pooling_plan
from .recurrent import recurrence, recurrence_grad

SMALL_PRODUCT = 4096
"""Multiplications below which a call of oneDNN costs more than NumPy takes for the whole product."""


def _takes(node: Node) -> bool:
    return node.dtype in (float32, bfloat16) and available()


def _declining(function):
    """A kernel that leaves to the reference what oneDNN cannot do."""

    def run(node: Node, *arrays):
        if not _takes(node):
            return None
        try:
            return function(node, *arrays)
        except Unsupported:
            return None

    return run


def _matmul(node: Node, x, y):
    small = x.shape[-1] * y.shape[-1] * x.size // max(x.shape[-1], 1) < SMALL_PRODUCT
    return None if small and node.dtype is float32 else matmul(x, y)


def _conv(node: Node, x, w):
    return convolution(x, w, *node.attrs)


def _conv_input_grad(node: Node, g, w):
    return convolution_input_gradient(g, w, *node.attrs)


def _conv_weight_grad(node: Node, x, g):
    return convolution_weight_gradient(x, g, *node.attrs)


def _avg_pool(node: Node, x):
    kernel, stride, padding, ceil_mode, count_pad, divisor = node.attrs
    if divisor is not None or not can_pool("avg", x.shape, kernel, stride, padding, None, ceil_mode, count_pad):
        return None
    return avg_pool(x, kernel, stride, padding, ceil_mode, count_pad)


def _avg_pool_grad(node: Node, g):
    shape, kernel, stride, padding, ceil_mode, count_pad, divisor = node.attrs
    if divisor is not None or not can_pool("avg", shape, kernel, stride, padding, None, ceil_mode, count_pad):
        return None
    return avg_pool_input_gradient(g, shape, kernel, stride, padding, ceil_mode, count_pad)


KERNELS = {
    ops.matmul: _declining(_matmul),
    ops.conv: _declining(_conv),
    ops.conv_input_grad: _declining(_conv_input_grad),
    ops.conv_weight_grad: _declining(_conv_weight_grad),
    ops.avg_pool: _declining(_avg_pool),
    ops.avg_pool_grad: _declining(_avg_pool_grad),
    ops.recurrence: _declining(recurrence),
    ops.recurrence_grad: _declining(recurrence_grad),
}


# --- into a given array
def _matmul_into(node: Node, arrays, out) -> bool:
    if not _takes(node):
        return False
    x, y = arrays
    matmul(x, y, out=out)
    return True


def _convolution_into(function, row_major: bool):
    def run(node: Node, arrays, out) -> bool:
        if not _takes(node) or not out.size:
            return False
        expected = out.flags.c_contiguous if row_major else _is_channels_last(out)
        if not expected:
            return False
        try:
            return function(*arrays, *node.attrs, out=out) is out
        except Unsupported:
            return False

    return run


def _is_channels_last(array) -> bool:
    return array.transpose((0, *range(2, array.ndim), 1)).flags.c_contiguous


INTO = {
    ops.matmul: _matmul_into,
    ops.conv: _convolution_into(convolution, False),
    ops.conv_input_grad: _convolution_into(convolution_input_gradient, False),
    ops.conv_weight_grad: _convolution_into(convolution_weight_gradient, True),
}
"""Kernels (node, arrays, out) that write to `out` and answer True, or decline with False."""


# --- as a plan, for programs
def _conv_plan(node: Node, x, w, out) -> Plan | None:
    return convolution_plan("y", x, w, None, *node.attrs) if _is_channels_last(out) else None


def _conv_input_grad_plan(node: Node, g, w, out) -> Plan | None:
    return convolution_plan("x", g, w, *node.attrs) if _is_channels_last(out) else None


def _conv_weight_grad_plan(node: Node, x, g, out) -> Plan | None:
    return convolution_plan("w", x, g, *node.attrs) if out.flags.c_contiguous else None


def _avg_pool_plan(node: Node, x, out) -> Plan | None:
    kernel, stride, padding, ceil_mode, count_pad, divisor = node.attrs
    if divisor is not None or not can_pool("avg", x.shape, kernel, stride, padding, None, ceil_mode, count_pad):
        return None
    return pooling_plan(x, None, kernel, stride, padding, ceil_mode, count_pad) if _is_channels_last(out) else None


def _avg_pool_grad_plan(node: Node, g, out) -> Plan | None:
    shape, kernel, stride, padding, ceil_mode, count_pad, divisor = node.attrs
    if divisor is not None or not can_pool("avg", shape, kernel, stride, padding, None, ceil_mode, count_pad):
        return None
    return pooling_plan(g, shape, kernel, stride, padding, ceil_mode, count_pad) if _is_channels_last(out) else None


_PLANS: dict[Op, Callable[..., Plan | None]] = {
    ops.matmul: lambda node, x, y, out: matmul_plan(x, y, out),
    ops.conv: _conv_plan,
    ops.conv_input_grad: _conv_input_grad_plan,
    ops.conv_weight_grad: _conv_weight_grad_plan,
    ops.avg_pool: _avg_pool_plan,
    ops.avg_pool_grad: _avg_pool_grad_plan,
}


def plan_of(node: Node, arrays, out) -> Plan | None:
    """What computes the node from operands that lie like `arrays` into something that lies like `out`: a plan that is
    the caller's alone, run on (operands, result). None where the library has none that needs no copy."""
    make = _PLANS.get(node.op)
    if make is None or not _takes(node) or not out.size:
        return None
    try:
        return make(node, *arrays, out)
    except Unsupported:
        return None


def loop_of(node: Node, places: Sequence[Place], scratch: Place) -> Loop | None:
    """Primitives and kernels in turns that compute a recurrent layer's node, given where its operands and the result lie
    and where working memory begins. None for other nodes, and where the library declines."""
    if node.op not in (ops.recurrence, ops.recurrence_grad) or not _takes(node):
        return None
    try:
        return recurrent_loop(node, places, scratch)
    except Unsupported:
        return None
