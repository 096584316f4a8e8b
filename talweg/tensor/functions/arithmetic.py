"""Less common pointwise arithmetic: signs, parts of floats, extrema that pass over nan, sums of exponentials."""

from __future__ import annotations

import math

from ...core.dtypes import bool_, int32
from ...graph import ops
from ...graph.node import Node
from .. import return_types
from ..operands import float_pair, pair, refuse, require_tensor, require_tensors, to_float
from ..tensor import wrap
from .pointwise import isinf, sign, trunc


def copysign(input, other):
    """|x| with the sign of y, that of a zero too."""
    require_tensors("copysign", input)
    a, b = float_pair(input, other, "copysign")
    refuse("copysign", a.dtype, "complex")
    return wrap(ops.copysign(a, b))


def signbit(input):
    """Whether x is negative, or the zero -0."""
    node = require_tensor(input, "signbit").node
    if node.dtype.is_complex:
        raise RuntimeError("signbit is not implemented for complex tensors.")
    zero = ops.number(0 if node.dtype is not bool_ else False, node)
    if not node.dtype.is_floating_point:
        return wrap(ops.lt(node, zero))
    one = ops.number(1, node)
    return wrap(ops.lt(ops.copysign(one, ops.detach(node)), zero))


def nextafter(input, other):
    """The next number after x on the way to y."""
    require_tensors("nextafter", input, other)
    a, b = pair(input, other, "nextafter")
    if not a.dtype.is_floating_point:
        raise NotImplementedError(f"nextafter: not implemented for '{a.dtype.name}'")
    return wrap(ops.nextafter(a, b))


def hypot(input, other):
    """sqrt(x^2 + y^2) without overflow; its gradient at the origin is 0."""
    require_tensors("hypot", input, other)
    a, b = pair(input, other, "hypot")
    if not a.dtype.is_floating_point:
        raise NotImplementedError(f"hypot: not implemented for '{a.dtype.name}'")
    top = ops.detach(ops.maximum(ops.abs_(a), ops.abs_(b)))
    usable = ops.logical_and(ops.gt(top, ops.number(0, top)), ops.isfinite(top))
    scale = ops.where(usable, top, ops.number(1, top))
    total = ops.add(ops.square(ops.div(a, scale)), ops.square(ops.div(b, scale)))
    zero = ops.eq(total, ops.number(0, total))
    root = ops.mul(ops.sqrt(ops.where(zero, ops.number(1, total), total)), scale)
    infinite = ops.logical_or(ops.isinf(a), ops.isinf(b))
    return wrap(ops.where(infinite, ops.number(math.inf, root), ops.where(zero, ops.number(0, root), root)))


def _passing_over_nan(input, other, call: str, op):
    """The extremum of the two; where one is nan, the other."""
    require_tensors(call, input, other)
    a, b = pair(input, other, call)
    refuse(call, a.dtype, "complex", error=RuntimeError)
    if not a.dtype.is_floating_point:
        return wrap(op(a, b))
    chosen = (ops.ge if call == "fmax" else ops.le)(a, b)
    first = ops.logical_or(ops.isnan(b), chosen)
    return wrap(ops.where(first, a, b))


def fmax(input, other):
    """The larger of x and y; the other one where one is nan."""
    return _passing_over_nan(input, other, "fmax", ops.maximum)


def fmin(input, other):
    """The smaller of x and y; the other one where one is nan."""
    return _passing_over_nan(input, other, "fmin", ops.minimum)


def frac(input):
    """x - trunc(x)"""
    node = require_tensor(input, "frac").node
    if not node.dtype.is_floating_point:
        raise NotImplementedError(f"frac: not implemented for '{node.dtype.name}'; it takes floats")
    return input - trunc(input)


def heaviside(input, values):
    """0 below 0, 1 above, `values` at 0."""
    require_tensors("heaviside", input, values)
    if input.dtype is not values.dtype:
        raise RuntimeError(f"heaviside is not yet implemented for tensors with different dtypes: {input.dtype.name} and "
                           f"{values.dtype.name}")
    if input.is_complex():
        raise RuntimeError("heaviside is not yet implemented for complex tensors.")
    x, v = input.node, ops.detach(values.node)
    zero, one = ops.number(0, x), ops.number(1, x)
    step = ops.where(ops.eq(x, zero), v, ops.where(ops.lt(x, zero), zero, one))
    return wrap(ops.detach(step))


def _shifted_sum(a: Node, b: Node, power, logarithm) -> Node:
    """log(e^a + e^b) shifted by the larger; equal infinities are their own sum."""
    top = ops.detach(ops.maximum(a, b))
    shift = ops.where(ops.isfinite(top), top, ops.number(0, top))
    return ops.add(logarithm(ops.add(power(ops.sub(a, shift)), power(ops.sub(b, shift)))), shift)


def logaddexp(input, other):
    """log(e^x + e^y), without overflow."""
    require_tensors("logaddexp", input, other)
    return wrap(_shifted_sum(*_real_floats(input, other, "logaddexp"), ops.exp, ops.log))


def logaddexp2(input, other):
    """log2(2^x + 2^y), without overflow."""
    require_tensors("logaddexp2", input, other)
    return wrap(_shifted_sum(*_real_floats(input, other, "logaddexp2"), ops.exp2, ops.log2))


def _real_floats(x, y, call: str) -> tuple[Node, Node]:
    a, b = pair(x, y, call)
    if not a.dtype.is_floating_point:
        raise NotImplementedError(f"{call}: not implemented for '{a.dtype.name}'; it takes floats")
    return a, b


def ldexp(input, other):
    """x 2^y"""
    require_tensors("ldexp", input, other)
    kind = input.dtype if input.dtype.is_floating_point and other.dtype.category == "integer" else None
    exponent = ops.cast(other.node, kind) if kind else to_float(other.node)
    return input * wrap(ops.exp2(exponent))


def frexp(input):
    """(mantissa, exponent) with x = mantissa 2^exponent and 1/2 <= |mantissa| < 1."""
    node = require_tensor(input, "frexp").node
    if not node.dtype.is_floating_point:
        raise RuntimeError(f"torch.frexp() only supports floating-point dtypes, got {node.dtype.name}")
    plain = ops.detach(node)
    usable = ops.logical_and(ops.isfinite(plain), ops.ne(plain, ops.number(0, plain)))
    size = ops.where(usable, ops.abs_(plain), ops.number(0.5, plain))
    exponent = ops.add(ops.floor(ops.log2(size)), ops.number(1, size))
    # log2 may round up to the next power of two, or down from it
    small = ops.lt(ops.div(size, ops.exp2(exponent)), ops.number(0.5, size))
    large = ops.ge(ops.div(size, ops.exp2(exponent)), ops.number(1, size))
    exponent = ops.add(ops.sub(exponent, ops.cast(small, size.dtype)), ops.cast(large, size.dtype))
    mantissa = ops.where(usable, ops.div(node, ops.exp2(exponent)), node)
    return return_types.frexp(wrap(mantissa), wrap(ops.cast(ops.where(usable, exponent, ops.number(0, size)), int32)))


def _whole_pair(input, other, op, call: str):
    require_tensors(call, input, other)
    a, b = pair(input, other, call)
    if a.dtype.category != "integer":
        raise NotImplementedError(f"{call}: not implemented for '{a.dtype.name}'; it takes whole numbers")
    return wrap(op(a, b))


def gcd(input, other):
    """The greatest common divisor."""
    return _whole_pair(input, other, ops.gcd, "gcd")


def lcm(input, other):
    """The least common multiple."""
    return _whole_pair(input, other, ops.lcm, "lcm")


def isposinf(input):
    """Whether x is +inf."""
    return _infinite(input, 1, "isposinf")


def isneginf(input):
    """Whether x is -inf."""
    return _infinite(input, -1, "isneginf")


def _infinite(input, side: int, call: str):
    x = require_tensor(input, call)
    if x.is_complex():
        raise RuntimeError(f"{call} does not support complex inputs.")
    return isinf(x) & (sign(x) == side if x.dtype is not bool_ else x)
