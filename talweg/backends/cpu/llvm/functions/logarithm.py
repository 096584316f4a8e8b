"""Logarithms and what is made of them: log, log2, log10, log1p, asinh, acosh, atanh.

x = 2**k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), and log(1 + f) = f + f**2 Q(f): no division, exact at 1.
"""

from __future__ import annotations

import math

from .coefficients import LN2, LOG, LOG2_E, LOG10_2, LOG10_E
from .formula import BIAS, INFINITY, MANTISSA, NAN, SMALLEST_NORMAL, Formula, Value, bits_of


def split(ir: Formula, x: Value, denormals: bool) -> tuple[Value, Value, Value]:
    """k, the mantissa 1 + f, and the biased exponent k + bias as an integer, of a positive finite x.

    For other x they mean nothing. `denormals`: whether x may be one; they are first brought among the normal numbers.
    """
    mantissa, bias, root = MANTISSA[x.type], BIAS[x.type], bits_of(math.sqrt(0.5), x.type)
    whole = 2.0**mantissa  # or-ed with an integer below it: their sum
    offset = whole + bias
    if denormals:
        small = ir.less(x, SMALLEST_NORMAL[x.type])
        shift = mantissa + 1
        x = ir.select(small, ir.mul(x, 2.0**shift), x)
    moved = ir.integer("add", ir.bits(x), (bias << mantissa) - root)
    exponent = ir.integer("lshr", moved, mantissa)
    part = ir.from_bits(ir.integer("add", ir.integer("and", moved, (1 << mantissa) - 1), root))
    number = ir.from_bits(ir.integer("or", exponent, bits_of(whole, x.type)))
    k = ir.sub(number, ir.select(small, offset + shift, offset) if denormals else offset)
    return k, part, exponent


def _with_special_values(ir: Formula, x: Value, result: Value) -> Value:
    """nan below 0, -inf at 0, inf and nan as they come."""
    result = ir.select(ir.less(x, INFINITY), result, x)
    result = ir.select(ir.equal(x, 0.0), -INFINITY, result)
    return ir.select(ir.less(x, 0.0), NAN, result)


def _curve(ir: Formula, f: Value) -> Value:
    """log(1 + f) - f."""
    return ir.mul(ir.mul(f, f), ir.polynomial(LOG[f.type], f))


def _natural(ir: Formula, k: Value, f: Value) -> Value:
    """k ln 2 + log(1 + f)."""
    high, low, *_ = LN2[f.type]
    small = ir.fma(ir.mul(f, f), ir.polynomial(LOG[f.type], f), ir.mul(k, low))
    return ir.fma(k, high, ir.add(f, small))


def log(ir: Formula, x: Value) -> Value:
    """Natural logarithm. At most 1 ulp."""
    k, part, _ = split(ir, x, denormals=True)
    return _with_special_values(ir, x, _natural(ir, k, ir.sub(part, 1.0)))


def _scaled(ir: Formula, f: Value, factor: tuple[float, ...]) -> Value:
    """log(1 + f) times a factor given in parts."""
    high, low, *_ = factor
    return ir.fma(f, high, ir.fma(_curve(ir, f), high, ir.mul(f, low)))


def log2(ir: Formula, x: Value) -> Value:
    """Logarithm to base 2, exact for powers of 2. At most 2 ulp."""
    k, part, _ = split(ir, x, denormals=True)
    return _with_special_values(ir, x, ir.add(k, _scaled(ir, ir.sub(part, 1.0), LOG2_E[x.type])))


def log10(ir: Formula, x: Value) -> Value:
    """Logarithm to base 10. At most 2 ulp."""
    high, low, *_ = LOG10_2[x.type]
    k, part, _ = split(ir, x, denormals=True)
    near = ir.fma(k, low, _scaled(ir, ir.sub(part, 1.0), LOG10_E[x.type]))
    return _with_special_values(ir, x, ir.fma(k, high, near))


def log1p(ir: Formula, x: Value) -> Value:
    """log(1 + x), with full relative accuracy around 0. At most 2 ulp.

    k is that of the rounded 1 + x; f = x 2**-k + (2**-k - 1) is then as exact as x. Beyond 2**60 the 1 does not count.
    """
    mantissa, bias = MANTISSA[x.type], BIAS[x.type]
    sum = ir.add(x, 1.0)
    k, part, exponent = split(ir, sum, denormals=False)
    inverse = ir.from_bits(ir.integer("shl", ir.integer("sub", 2 * bias, exponent), mantissa))
    f = ir.select(ir.greater(x, 2.0**60), ir.sub(part, 1.0), ir.fma(x, inverse, ir.sub(inverse, 1.0)))
    return ir.copysign(_with_special_values(ir, sum, _natural(ir, k, f)), x)


LARGE = {"float": 2.0**30, "double": 2.0**60}  # from here on asinh(x) and acosh(x) are log(2x)


def _log_of_large_too(ir: Formula, a: Value, t: Value) -> Value:
    """log1p(t), or log(2a) where a is large."""
    large = ir.greater(a, LARGE[a.type])
    return ir.add(ir.call("log1p", ir.select(large, a, t)), ir.select(large, LN2[a.type][0], 0.0))


def asinh(ir: Formula, x: Value) -> Value:
    """log(x + sqrt(x**2 + 1)). At most 3 ulp."""
    a = ir.abs(x)
    square = ir.mul(a, a)
    t = ir.add(a, ir.div(square, ir.add(ir.sqrt(ir.add(square, 1.0)), 1.0)))
    return ir.copysign(_log_of_large_too(ir, a, t), x)


def acosh(ir: Formula, x: Value) -> Value:
    """log(x + sqrt(x**2 - 1)), nan below 1. At most 3 ulp."""
    d = ir.sub(x, 1.0)
    t = ir.add(d, ir.sqrt(ir.mul(d, ir.add(d, 2.0))))
    return ir.select(ir.less(x, 1.0), NAN, _log_of_large_too(ir, x, t))


def atanh(ir: Formula, x: Value) -> Value:
    """log((1 + x) / (1 - x)) / 2, infinite at -1 and 1, nan beyond. At most 3 ulp."""
    a = ir.abs(x)
    t = ir.div(ir.add(a, a), ir.sub(1.0, a))
    return ir.copysign(ir.mul(ir.call("log1p", t), 0.5), x)
