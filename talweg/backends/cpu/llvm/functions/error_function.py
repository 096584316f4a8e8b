"""The error function and its complement (the Gaussian's integral, in the exact GELU)."""

from __future__ import annotations

from .coefficients import ERF, ERF_TAIL, ERFCX
from .exponential import exp_parts, multiplied_by_power, power_of_two
from .formula import Formula, Value


def erf(ir: Formula, x: Value) -> Value:
    """(2 / sqrt(pi)) times the integral of exp(-t**2) from 0 to x. At most 1 ulp.

    An odd polynomial up to 1; above, 1 - exp(-q) with q a polynomial for -log(erfc), until 1 is the nearest number.
    """
    a = ir.clamp(ir.abs(x), None, {"float": 4.0, "double": 6.0}[x.type])
    near = ir.fma(a, ir.polynomial(ERF[x.type], ir.mul(a, a)), a)
    p, n = exp_parts(ir, ir.neg(ir.polynomial(ERF_TAIL[x.type], ir.sub(a, 1.0))))
    far = ir.fma(ir.neg(ir.add(p, 1.0)), power_of_two(ir, n), 1.0)
    return ir.copysign(ir.select(ir.less(a, 1.0), near, far), x)


def erfc(ir: Formula, x: Value) -> Value:
    """1 - erf(x), with full relative accuracy for large x, down to the last denormal. At most 4 ulp.

    For a = |x|, exp(-a**2) g(t) / (a + 4) with t = (a - 4) / (a + 4) = 1 - 8 / (a + 4), after Shepherd and Laframboise
    (1981), whose g is another; what a**2 and the quotient round off is made good. 2 minus that for negative x.
    """
    a = ir.clamp(ir.abs(x), None, {"float": 11.0, "double": 28.0}[x.type])
    inverse, error = _inverse_of_sum(ir, a, 4.0)
    eighth = ir.mul(inverse, 8.0)
    t = ir.fma(ir.neg(eighth), error, ir.sub(1.0, eighth))
    g = ir.mul(ir.polynomial(ERFCX[x.type], t), inverse)
    square = ir.mul(a, a)
    missing = ir.sub(error, ir.fma(a, a, ir.neg(square)))  # of 1 / (a + 4), and of exp(-a**2) for the square's rounding
    p, n = exp_parts(ir, ir.neg(square))
    p = ir.fma(missing, ir.add(p, 1.0), p)
    upper = multiplied_by_power(ir, ir.fma(g, p, g), n)
    return ir.select(ir.less(x, 0.0), ir.sub(2.0, upper), upper)


def _inverse_of_sum(ir: Formula, a: Value, b: float) -> tuple[Value, Value]:
    """About 1 / (a + b), and the relative error to make good: 1 / (a + b) = inverse * (1 + error)."""
    sum = ir.add(a, b)
    lost = ir.sub(a, ir.sub(sum, b))
    inverse = ir.div(1.0, sum)
    minus = ir.neg(inverse)
    return inverse, ir.fma(minus, lost, ir.fma(minus, sum, 1.0))
