"""Division and its remainders: fmod, remainder, floor_divide, rsqrt.

The remainder of x by y is what is left when whole multiples of y are taken away. Each step takes away nearly 2**50 times
too little at most: q = rint(r / (2**k y)) is off by less than 1, and r - q 2**k y is exact, since it is a multiple of the
smaller of the two last bits and no longer than the type. Six steps cover every quotient of float32 (below 2**277), worked
in float64. Three cover quotients up to 2**150 in float64; beyond that the result is nan.
"""

from __future__ import annotations

from .formula import NAN, Formula, Value

STEP = 50  # bits of the quotient a step takes
STEPS = {"float": 6, "double": 3}


def _reduced(ir: Formula, r: Value, y: Value, steps: int) -> Value:
    """r modulo y in (-y, y), for positive float64 numbers."""
    inverse = ir.div(1.0, y)
    for k in reversed(range(0, steps * STEP, STEP)):
        quotient = ir.rint(ir.mul(r, ir.mul(inverse, 2.0**-k)))
        r = ir.fma(ir.neg(quotient), ir.mul(y, 2.0**k), r)
    return r


def _remainder_of_sizes(ir: Formula, a: Value, b: Value) -> Value:
    """a modulo b in [0, b), in float64. float64's own are brought where neither 2**100 b nor 1 / b overflows."""
    if ir.type == "float":
        r = _reduced(ir, a, b, STEPS["float"])
        return ir.select(ir.less(r, 0.0), ir.add(r, b), r)
    large, small = ir.greater(b, 1.0), ir.less(b, 2.0**-800)
    there = ir.select(large, 2.0**-200, ir.select(small, 2.0**200, 1.0))
    back = ir.select(large, 2.0**200, ir.select(small, 2.0**-200, 1.0))
    a, b = ir.mul(a, there), ir.mul(b, there)
    r = _reduced(ir, a, b, STEPS["double"])
    r = ir.mul(ir.select(ir.less(r, 0.0), ir.add(r, b), r), back)
    return ir.select(ir.greater(a, ir.mul(b, 2.0**150)), NAN, r)


def fmod(ir: Formula, x: Value, y: Value) -> Value:
    """x - y trunc(x / y), exactly, with the sign of x; nan for infinite x or y = 0. float64: nan beyond |x / y| = 2**150."""
    a, b = ir.widen(ir.abs(x)), ir.widen(ir.abs(y))
    r = ir.narrow(_remainder_of_sizes(ir, a, b), x.type)
    return ir.select(ir.less(ir.abs(x), ir.abs(y)), x, ir.copysign(r, x))


def _signs_differ(ir: Formula, r: Value, y: Value) -> Value:
    """Of a remainder that is not 0 and the divisor."""
    nonzero = ir.compare("one", r, 0.0)
    return ir.both(nonzero, ir.differ(ir.less(r, 0.0), ir.less(y, 0.0)))


def remainder(ir: Formula, x: Value, y: Value) -> Value:
    """x - y floor(x / y), with the sign of y, as Python's %: fmod, and y more where the signs differ."""
    r = ir.call("fmod", x, y)
    result = ir.select(_signs_differ(ir, r, y), ir.add(r, y), r)
    return ir.select(ir.equal(r, 0.0), ir.copysign(0.0, y), result)


def floor_divide(ir: Formula, x: Value, y: Value) -> Value:
    """floor(x / y) of the exact quotient, as Python's //: (x - fmod(x, y)) / y is whole but for its last rounding."""
    r = ir.call("fmod", x, y)
    plain = ir.div(x, y)
    quotient = ir.div(ir.sub(x, r), y)
    quotient = ir.select(_signs_differ(ir, r, y), ir.sub(quotient, 1.0), quotient)
    low = ir.floor(quotient)
    low = ir.select(ir.greater(ir.sub(quotient, low), 0.5), ir.add(low, 1.0), low)
    low = ir.select(ir.equal(quotient, 0.0), ir.copysign(0.0, plain), low)
    return ir.select(ir.equal(y, 0.0), plain, low)


def rsqrt(ir: Formula, x: Value) -> Value:
    """1 / sqrt(x), both steps rounded as IEEE 754 has them; nan below 0, inf at 0, -inf at -0. At most 2 ulp."""
    return ir.div(1.0, ir.sqrt(x))
