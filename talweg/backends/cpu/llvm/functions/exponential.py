"""Exponentials and what is made of them: exp, exp2, expm1, sigmoid, tanh, sinh, cosh.

All reduce to x = n ln 2 + r with |r| <= ln(2) / 2 and a polynomial in r. 2**n is multiplied in as two factors, so that
the result passes into the denormals with one rounding and into infinity only when it must.
"""

from __future__ import annotations

import math

from .coefficients import EXP, EXP2, LN2, SINH
from .formula import BIAS, MANTISSA, Formula, Value


def multiplied_by_power(ir: Formula, a: Value, n: Value, offset: int = 0) -> Value:
    """a * 2**(n + offset), right also where 2**n alone is no normal number, for n from -2 to +2 times the bias."""
    if ir.scaling:
        return ir.ldexp(a, ir.integer("add", n, offset) if offset else n)
    mantissa = MANTISSA[a.type]
    both = ir.integer("add", n, 2 * BIAS[a.type] + offset)
    first = ir.integer("lshr", both, 1)
    second = ir.integer("sub", both, first)
    for exponent in (first, second):
        a = ir.mul(a, ir.from_bits(ir.integer("shl", exponent, mantissa)))
    return a


def power_of_two(ir: Formula, n: Value, offset: int = 0) -> Value:
    """2**(n + offset), which must be a normal number."""
    type = {"i32": "float", "i64": "double"}[n.type]
    return ir.from_bits(ir.integer("shl", ir.integer("add", n, BIAS[type] + offset), MANTISSA[type]))


def _reduced(ir: Formula, x: Value) -> tuple[Value, Value]:
    """r = x - n ln 2 and the integer n."""
    high, low, *_ = LN2[x.type]
    n, whole = ir.nearest(ir.mul(x, 1 / math.log(2)))
    minus = ir.neg(n)
    return ir.fma(minus, low, ir.fma(minus, high, x)), whole


def _expm1_of_reduced(ir: Formula, r: Value) -> Value:
    return ir.fma(ir.mul(r, r), ir.polynomial(EXP[r.type], r), r)


def exp_parts(ir: Formula, x: Value) -> tuple[Value, Value]:
    """p and the integer n with exp(x) = (1 + p) * 2**n, for |x| small enough for n to be a whole number of its type."""
    r, n = _reduced(ir, x)
    return _expm1_of_reduced(ir, r), n


def _exp(ir: Formula, x: Value, offset: int = 0) -> Value:
    """2**offset * exp(x); x is within the range of `exp` and a little more."""
    p, n = exp_parts(ir, x)
    return multiplied_by_power(ir, ir.add(p, 1.0), n, offset)


LOWEST = {"float": -104.0, "double": -746.0}  # exp is 0 from here on down
HIGHEST = {"float": 89.0, "double": 710.0}  # exp is inf from here on up


def exp(ir: Formula, x: Value) -> Value:
    """e**x. At most 1.1 ulp."""
    return _exp(ir, ir.clamp(x, LOWEST[x.type], HIGHEST[x.type]))


def exp2(ir: Formula, x: Value) -> Value:
    """2**x, exact for whole x. At most 1 ulp."""
    low, high = {"float": (-151.0, 129.0), "double": (-1076.0, 1025.0)}[x.type]
    x = ir.clamp(x, low, high)
    n, whole = ir.nearest(x)
    r = ir.sub(x, n)
    return multiplied_by_power(ir, ir.fma(r, ir.polynomial(EXP2[x.type], r), 1.0), whole)


def expm1(ir: Formula, x: Value) -> Value:
    """e**x - 1, with full relative accuracy around 0. At most 2.2 ulp.

    2**n (e**r - 1) + (2**n - 1), halved until the end so that 2**n does not overflow before the result does. Arguments
    below the type's resolution are their own result; among them are -0 and the denormals, which halving would round.
    """
    low, tiny = {"float": (-20.0, 2.0**-25), "double": (-40.0, 2.0**-54)}[x.type]
    r, n = _reduced(ir, ir.clamp(x, low, HIGHEST[x.type]))
    half_power = power_of_two(ir, n, -1)
    half = ir.fma(_expm1_of_reduced(ir, r), half_power, ir.sub(half_power, 0.5))
    return ir.select(ir.less(ir.abs(x), tiny), x, ir.add(half, half))


def _quotient(ir: Formula, a: Value, large: float, small: Value) -> Value:
    """a / (large + small) with the sum's and the quotient's roundings made good, for large >= |small|, or near enough."""
    sum = ir.add(small, large)
    left = ir.sub(small, ir.sub(sum, large))
    inverse = ir.div(1.0, sum)
    quotient = ir.mul(a, inverse)
    missing = ir.fma(ir.neg(quotient), left, ir.fma(ir.neg(quotient), sum, a))
    return ir.fma(missing, inverse, quotient)


def sigmoid(ir: Formula, x: Value) -> Value:
    """1 / (1 + e**-x). At most 2 ulp, the denormal results of very negative x included.

    From e = exp(-|x|), which cannot overflow: 1 / (1 + e) for x >= 0, e / (1 + e) below.
    """
    e = _exp(ir, ir.clamp(ir.neg(ir.abs(x)), LOWEST[x.type], None))
    return _quotient(ir, ir.select(ir.less(x, 0.0), e, 1.0), 1.0, e)


def tanh(ir: Formula, x: Value) -> Value:
    """(e**2x - 1) / (e**2x + 1). At most 2 ulp; 1 where that is nearest."""
    a = ir.clamp(ir.abs(x), None, {"float": 10.0, "double": 20.0}[x.type])
    r, n = _reduced(ir, ir.add(a, a))
    power = power_of_two(ir, n)
    e = ir.fma(_expm1_of_reduced(ir, r), power, ir.sub(power, 1.0))
    return ir.copysign(_quotient(ir, e, 2.0, e), x)


def _half_exp(ir: Formula, a: Value) -> tuple[Value, Value]:
    """exp(a) / 2 and exp(-a) / 2, for a >= 0."""
    half = _exp(ir, ir.clamp(a, None, HIGHEST[a.type] + 1.0), offset=-1)
    return half, ir.div(0.25, half)


def sinh(ir: Formula, x: Value) -> Value:
    """(e**x - e**-x) / 2; an odd polynomial up to 1. At most 2 ulp."""
    a = ir.abs(x)
    half, other = _half_exp(ir, a)
    square = ir.mul(a, a)
    near = ir.fma(ir.mul(a, square), ir.polynomial(SINH[x.type], square), a)
    return ir.copysign(ir.select(ir.less(a, 1.0), near, ir.sub(half, other)), x)


def cosh(ir: Formula, x: Value) -> Value:
    """(e**x + e**-x) / 2. At most 2 ulp."""
    half, other = _half_exp(ir, ir.abs(x))
    return ir.add(half, other)
