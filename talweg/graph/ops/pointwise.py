"""Pointwise operations: each with its gradient, one rule an input, beside its declaration.

Operands broadcast; the reverse pass sums a gradient back to its input's shape, once for all of them.
"""

from __future__ import annotations

import math

from ...core.dtypes import bool_
from ...core.shapes import broadcast_all
from ..declare import NO_GRADIENT, Op, binary, comparison, predicate, same_dtype, unary
from ..declare import cast as cast
from ..leaves import constant
from ..node import Node


def number(value, like: Node) -> Node:
    """A constant of another node's dtype."""
    return constant(value, like.dtype)


def scaled(x: Node, factor) -> Node:
    return mul(x, number(factor, x))


# --- arithmetic
add = binary("add", lambda g, out, x, y: g, lambda g, out, x, y: g)
sub = binary("sub", lambda g, out, x, y: g, lambda g, out, x, y: neg(g))
mul = binary("mul", lambda g, out, x, y: mul(g, y), lambda g, out, x, y: mul(g, x))
div = binary("div", lambda g, out, x, y: div(g, y), lambda g, out, x, y: neg(mul(g, div(div(x, y), y))))
neg = unary("neg", lambda g, out, x: neg(g))
reciprocal = unary("reciprocal", lambda g, out, x: neg(mul(g, square(out))))
square = unary("square", lambda g, out, x: mul(g, scaled(x, 2)))
abs_ = unary("abs", lambda g, out, x: mul(g, sign(x)))
sign = unary("sign", lambda g, out, x: mul(g, number(0, g)))
floor = unary("floor", lambda g, out, x: mul(g, number(0, g)))
ceil = unary("ceil", lambda g, out, x: mul(g, number(0, g)))
round_ = unary("round", lambda g, out, x: mul(g, number(0, g)))
trunc = unary("trunc", lambda g, out, x: mul(g, number(0, g)))
floor_divide = binary("floor_divide", lambda g, out, x, y: mul(g, number(0, g)), lambda g, out, x, y: mul(g, number(0, g)))
fmod = binary("fmod", lambda g, out, x, y: g, lambda g, out, x, y: neg(mul(g, trunc(div(x, y)))))
remainder = binary("remainder", lambda g, out, x, y: g, lambda g, out, x, y: neg(mul(g, floor(div(x, y)))))

# --- powers, exponentials, logarithms
sqrt = unary("sqrt", lambda g, out, x: div(g, scaled(out, 2)))
rsqrt = unary("rsqrt", lambda g, out, x: mul(g, scaled(mul(out, square(out)), -0.5)))
exp = unary("exp", lambda g, out, x: mul(g, out))
exp2 = unary("exp2", lambda g, out, x: mul(g, scaled(out, math.log(2))))
expm1 = unary("expm1", lambda g, out, x: mul(g, add(out, number(1, out))))
log = unary("log", lambda g, out, x: div(g, x))
log2 = unary("log2", lambda g, out, x: div(g, scaled(x, math.log(2))))
log10 = unary("log10", lambda g, out, x: div(g, scaled(x, math.log(10))))
log1p = unary("log1p", lambda g, out, x: div(g, add(x, number(1, x))))
pow_ = binary(
    "pow",
    # x^(y-1) at y = 0 would be infinite at x = 0, where the derivative is 0
    lambda g, out, x, y: where(eq(y, number(0, y)), number(0, g), mul(g, mul(y, pow_(x, sub(y, number(1, y)))))),
    # 0^y is 0 for every y >= 0, so its derivative there is 0 and not 0 * log(0)
    lambda g, out, x, y: where(
        logical_and(eq(x, number(0, x)), ge(y, number(0, y))), number(0, g), mul(g, mul(out, log(x)))
    ),
)

# --- trigonometric and hyperbolic
sin = unary("sin", lambda g, out, x: mul(g, cos(x)))
cos = unary("cos", lambda g, out, x: neg(mul(g, sin(x))))
tan = unary("tan", lambda g, out, x: mul(g, add(square(out), number(1, out))))
asin = unary("asin", lambda g, out, x: mul(g, rsqrt(sub(number(1, x), square(x)))))
acos = unary("acos", lambda g, out, x: neg(mul(g, rsqrt(sub(number(1, x), square(x))))))
atan = unary("atan", lambda g, out, x: div(g, add(square(x), number(1, x))))
atan2 = binary(
    "atan2",
    lambda g, out, x, y: mul(g, div(y, add(square(x), square(y)))),
    lambda g, out, x, y: neg(mul(g, div(x, add(square(x), square(y))))),
)
sinh = unary("sinh", lambda g, out, x: mul(g, cosh(x)))
cosh = unary("cosh", lambda g, out, x: mul(g, sinh(x)))
tanh = unary("tanh", lambda g, out, x: mul(g, sub(number(1, out), square(out))))
asinh = unary("asinh", lambda g, out, x: mul(g, rsqrt(add(square(x), number(1, x)))))
acosh = unary("acosh", lambda g, out, x: mul(g, rsqrt(sub(square(x), number(1, x)))))
atanh = unary("atanh", lambda g, out, x: div(g, sub(number(1, x), square(x))))
erf = unary("erf", lambda g, out, x: mul(g, scaled(exp(neg(square(x))), 2 / math.sqrt(math.pi))))
erfc = unary("erfc", lambda g, out, x: mul(g, scaled(exp(neg(square(x))), -2 / math.sqrt(math.pi))))

# --- activations that are primitives because their derivative is a function of their output
sigmoid = unary("sigmoid", lambda g, out, x: mul(g, mul(out, sub(number(1, out), out))))
relu = unary("relu", lambda g, out, x: where(gt(out, number(0, out)), g, number(0, g)))

# --- choice; where both inputs of maximum are equal each gets half, as in PyTorch
maximum = binary(
    "maximum",
    lambda g, out, x, y: mul(g, _share(x, y, gt)),
    lambda g, out, x, y: mul(g, _share(y, x, gt)),
)
minimum = binary(
    "minimum",
    lambda g, out, x, y: mul(g, _share(x, y, lt)),
    lambda g, out, x, y: mul(g, _share(y, x, lt)),
)


def _share(x: Node, y: Node, wins: Op) -> Node:
    """1 where x wins, 1/2 at a tie, 0 where it loses."""
    return where(eq(x, y), number(0.5, x), where(wins(x, y), number(1, x), number(0, x)))


def _infer_where(condition, x, y):
    if condition.dtype is not bool_:
        raise TypeError(f"where: the condition must be bool, got {condition.dtype.name}")
    return broadcast_all((condition.shape, x.shape, y.shape), "where"), same_dtype("where", x, y)


where = Op(
    "where", 3, "pointwise", _infer_where,
    (
        NO_GRADIENT,
        lambda g, out, c, x, y: where(c, g, number(0, g)),
        lambda g, out, c, x, y: where(c, number(0, g), g),
    ),
)

# --- tests and logic
eq, ne = comparison("eq"), comparison("ne")
lt, le, gt, ge = comparison("lt"), comparison("le"), comparison("gt"), comparison("ge")
isnan, isinf, isfinite = predicate("isnan"), predicate("isinf"), predicate("isfinite")
logical_not = predicate("logical_not")
logical_and, logical_or, logical_xor = comparison("logical_and"), comparison("logical_or"), comparison("logical_xor")
bitwise_not = unary("bitwise_not", NO_GRADIENT)
bitwise_and, bitwise_or, bitwise_xor = binary("bitwise_and"), binary("bitwise_or"), binary("bitwise_xor")
left_shift, right_shift = binary("left_shift"), binary("right_shift")
