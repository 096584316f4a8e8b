"""sin, cos and tan.

x is brought within half a turn (a quarter for tan) of a zero. What that leaves must be exact however close x is to a
multiple of pi, so the quotient's whole part is taken away with more digits than the type has:

- float32 in float64 arithmetic, for every finite x: x / pi is wanted modulo 2 only, and a large x is a whole number, so
  that the digits of 1 / pi that give whole multiples of 2 are left out beforehand. Four ranges of |x| choose among four
  such constants (the idea of Payne and Hanek 1983, with selects for the table).
- float64 by Cody and Waite's subtraction of n pi in three parts, for |x| <= 2**44 (1.7e13). Beyond that the result is
  nan, rather than a number with no right digit in it: the digits of 1 / pi for exponents up to 1023 would need a table
  look-up for each element.
"""

from __future__ import annotations

import math

from .coefficients import INVERSE_PI, PI, SIN, TAN
from .formula import NAN, Formula, Operand, Value, constant

RANGES = (2.0**50, 2.0**77, 2.0**102)
LIMIT = 2.0**44  # of |x| in float64


def _parts_of_inverse(ir: Formula, x: Value, factor: float) -> list[Operand]:
    """The two parts of factor / pi that suit the size of a float32."""
    size = ir.abs(x)
    found: list[Operand] = [constant(part * factor, "double") for part in INVERSE_PI[0]]
    for bound, parts in zip(RANGES, INVERSE_PI[1:]):
        below = ir.less(size, bound)
        found = [ir.select(below, old, part * factor) for old, part in zip(found, parts)]
    return found


def _reduced_in_double(ir: Formula, x: Value, halves: float, shift: float) -> tuple[Value, Value]:
    """Of a float32, in float64: r = (t - n) * pi / halves for t = halves * x / pi + shift and an integer n near t.

    n is the nearest to the product with 1 / pi's first part alone, so |t - n| <= 0.5 + 0.054 * halves.
    """
    high, low = _parts_of_inverse(ir, x, halves)
    wide = ir.widen(x)
    product = ir.mul(wide, high)
    error = ir.fma(wide, high, ir.neg(product))
    n, whole = ir.nearest(ir.add(product, shift) if shift else product)
    near = ir.sub(product, ir.sub(n, shift) if shift else n)
    return ir.mul(ir.add(near, ir.fma(wide, low, error)), math.pi / halves), whole


def _reduced_in_parts(ir: Formula, x: Value, halves: float, shift: float) -> tuple[Value, Value, Value]:
    """Of a float64: the same r as the sum of two numbers. x - m * first is exact; what the rest rounds off is kept."""
    first, second, third = (part / halves for part in PI["double"])
    n, whole = ir.nearest(ir.fma(x, halves / math.pi, shift))
    m = ir.sub(n, shift) if shift else n
    minus = ir.neg(m)
    exact = ir.fma(minus, first, x)
    product = ir.mul(m, second)
    product_error = ir.fma(m, second, ir.neg(product))
    r = ir.sub(exact, product)
    taken = ir.sub(exact, r)
    sum_error = ir.sub(ir.sub(exact, ir.add(r, taken)), ir.sub(product, taken))
    low = ir.sub(ir.fma(minus, third, sum_error), product_error)
    return ir.select(ir.greater(ir.abs(x), LIMIT), NAN, r), low, whole


def _sine_curve(ir: Formula, r: Value, low: Value) -> Value:
    """sin(r + low) = sin(r) + low cos(r) for |r| <= pi / 2; a parabola will do for the cosine."""
    square = ir.mul(r, r)
    part = ir.mul(low, ir.fma(square, -4 / math.pi**2, 1.0))
    return ir.add(r, ir.fma(ir.mul(r, square), ir.polynomial(SIN[r.type], square), part))


def _wave(ir: Formula, x: Value, shift: float) -> Value:
    """sin(x + shift * pi), never beyond 1: the sign goes with the parity of the half turns taken away."""
    if x.type == "float":
        wide, whole = _reduced_in_double(ir, x, 1.0, shift)
        r = ir.narrow(ir.apply_sign(wide, whole), "float")
        square = ir.mul(r, r)
        value = ir.fma(ir.mul(r, square), ir.polynomial(SIN["float"], square), r)
    else:
        r, low, whole = _reduced_in_parts(ir, x, 1.0, shift)
        value = ir.apply_sign(_sine_curve(ir, r, low), whole)
    return ir.clamp(value, -1.0, 1.0)


def sin(ir: Formula, x: Value) -> Value:
    """Sine; nan at infinity, and in float64 beyond 2**44. At most 2 ulp."""
    return ir.select(ir.equal(x, 0.0), x, _wave(ir, x, 0.0))


def cos(ir: Formula, x: Value) -> Value:
    """Cosine; nan at infinity, and in float64 beyond 2**44. At most 2 ulp."""
    return _wave(ir, x, 0.5)


def tan(ir: Formula, x: Value) -> Value:
    """Tangent; nan at infinity, and in float64 beyond 2**44. At most 3 ulp. -1 / tan(r) after an odd quarter turn."""
    if x.type == "float":
        wide, whole = _reduced_in_double(ir, x, 2.0, 0.0)
        r = ir.narrow(wide, "float")
        odd = ir.is_odd(whole)
        square = ir.mul(r, r)
        t = ir.fma(ir.mul(r, square), ir.polynomial(TAN["float"], square), r)
    else:
        r, low, whole = _reduced_in_parts(ir, x, 2.0, 0.0)
        odd = ir.is_odd(whole)
        square = ir.mul(r, r)
        curve = ir.polynomial(TAN["double"], square)
        t = ir.add(r, ir.fma(ir.mul(r, square), curve, ir.fma(low, square, low)))
    quotient = ir.div(ir.select(odd, -1.0, t), ir.select(odd, t, 1.0))
    return ir.select(ir.equal(x, 0.0), x, quotient)
