"""Inverse trigonometric functions: atan, atan2, asin, acos."""

from __future__ import annotations

from .coefficients import ASIN, ATAN, PI
from .formula import Formula, Value


def _atan_curve(ir: Formula, a: Value) -> Value:
    """atan(a) for |a| <= 1."""
    square = ir.mul(a, a)
    return ir.fma(ir.mul(a, square), ir.polynomial(ATAN[a.type], square), a)


def _turned(ir: Formula, quarters: Value, angle: Value) -> Value:
    """quarters * pi / 2 + angle, with pi in two parts."""
    high, low, *_ = PI[angle.type]
    return ir.fma(quarters, high / 2, ir.fma(quarters, low / 2, angle))


def atan(ir: Formula, x: Value) -> Value:
    """Arc tangent; atan(a) = pi / 2 + atan(-1 / a) above 1. At most 2 ulp."""
    a = ir.abs(x)
    steep = ir.greater(a, 1.0)
    ratio = ir.div(ir.select(steep, -1.0, a), ir.select(steep, a, 1.0))
    return ir.copysign(_turned(ir, ir.select(steep, 1.0, 0.0), _atan_curve(ir, ratio)), x)


def atan2(ir: Formula, y: Value, x: Value) -> Value:
    """The angle of the point (x, y), in [-pi, pi], with C's values at zeros and infinities. At most 2 ulp.

    The smaller coordinate over the larger one gives an angle up to pi / 4; where it lies decides what it is added to.
    """
    height, width = ir.abs(y), ir.abs(x)
    steep, left = ir.greater(height, width), ir.is_negative(x)
    small, large = ir.select(steep, width, height), ir.select(steep, height, width)
    ratio = ir.select(ir.equal(small, large), 1.0, ir.div(small, large))  # also of two infinities
    ratio = ir.select(ir.equal(ir.add(small, large), 0.0), 0.0, ratio)
    angle = _atan_curve(ir, ratio)
    angle = ir.select(ir.differ(steep, left), ir.neg(angle), angle)
    quarters = ir.select(steep, 1.0, ir.select(left, 2.0, 0.0))
    return ir.copysign(_turned(ir, quarters, angle), y)


def _asin_curve(ir: Formula, a: Value) -> tuple[Value, Value]:
    """asin(a) for 0 <= a <= 1/2, else asin(sqrt((1 - a) / 2)); and which of the two. nan beyond 1."""
    large = ir.greater(a, 0.5)
    square = ir.select(large, ir.fma(a, -0.5, 0.5), ir.mul(a, a))
    z = ir.select(large, ir.sqrt(square), a)
    return ir.fma(ir.mul(z, square), ir.polynomial(ASIN[a.type], square), z), large


def asin(ir: Formula, x: Value) -> Value:
    """Arc sine; asin(a) = pi / 2 - 2 asin(sqrt((1 - a) / 2)) above 1/2. nan beyond 1. At most 3 ulp."""
    p, large = _asin_curve(ir, ir.abs(x))
    return ir.copysign(_turned(ir, ir.select(large, 1.0, 0.0), ir.mul(p, ir.select(large, -2.0, 1.0))), x)


def acos(ir: Formula, x: Value) -> Value:
    """Arc cosine, pi / 2 - asin(x), or 2 asin(sqrt((1 - a) / 2)) for a = |x| above 1/2. nan beyond 1. At most 2 ulp."""
    p, large = _asin_curve(ir, ir.abs(x))
    negative = ir.is_negative(x)
    part = ir.mul(p, ir.select(large, 2.0, -1.0))
    quarters = ir.select(large, ir.select(negative, 2.0, 0.0), 1.0)
    return _turned(ir, quarters, ir.select(negative, ir.neg(part), part))
