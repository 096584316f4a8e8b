"""pow: 2**(y log2(x)), with the logarithm in twice the working precision."""

from __future__ import annotations

from .coefficients import EXP2, EXP2_SHORT, LOG2, LOG2_CUBIC, LOG2_LINEAR, LOG2_TAIL
from .exponential import multiplied_by_power, power_of_two
from .formula import INFINITY, NAN, Formula, Value
from .logarithm import split

Pair = tuple[Value, Value]  # a sum, the second far smaller than the first


def _product(ir: Formula, a: Value, b: Value | float) -> Pair:
    """a * b without error."""
    high = ir.mul(a, b)
    return high, ir.fma(a, b, ir.neg(high))


def _sum(ir: Formula, a: Value | float, b: Value) -> Pair:
    """a + b without error, for |a| >= |b| or a = 0 (Dekker 1971)."""
    high = ir.add(a, b)
    return high, ir.sub(b, ir.sub(high, a))


def _times(ir: Formula, a: Pair, b: Pair) -> Pair:
    high, low = _product(ir, a[0], b[0])
    return high, ir.add(low, ir.fma(a[0], b[1], ir.mul(a[1], b[0])))


def _plus(ir: Formula, parts: tuple[float, ...], b: tuple[Value, Value | None]) -> Pair:
    """A number in parts, larger than b, plus b."""
    high, low = _sum(ir, parts[0], b[0])
    return high, ir.add(low, ir.add(b[1], parts[1]) if b[1] else parts[1])


def _atanh_argument(ir: Formula, f: Value) -> Pair:
    """s = f / (2 + f), for which 1 + f = (1 + s) / (1 - s)."""
    below, below_error = _sum(ir, 2.0, f)
    inverse = ir.div(1.0, below)
    s = ir.mul(f, inverse)
    left = ir.fma(ir.neg(s), below_error, ir.fma(ir.neg(s), below, f))
    return s, ir.mul(left, inverse)


def _log2_pair(ir: Formula, a: Value) -> Pair:
    """log2 of a positive finite float64, to about 2**-64 of itself: k + s (2 / ln 2) (1 + s**2 / 3 + ...)."""
    k, part, _ = split(ir, a, denormals=True)
    s = _atanh_argument(ir, ir.sub(part, 1.0))
    square = _product(ir, s[0], s[0])
    square = square[0], ir.fma(ir.add(s[0], s[0]), s[1], square[1])
    tail = ir.mul(square[0], ir.polynomial(LOG2_TAIL["double"], square[0]))
    curve = _times(ir, square, _plus(ir, LOG2_CUBIC["double"], (tail, None)))
    small = _times(ir, s, _plus(ir, LOG2_LINEAR["double"], curve))
    high, low = _sum(ir, k, small[0])
    return high, ir.add(low, small[1])


def _size_of_double(ir: Formula, a: Value, y: Value) -> Value:
    """a**y for a > 0."""
    log_high, log_low = _log2_pair(ir, a)
    high, error = _product(ir, y, log_high)
    low = ir.fma(y, log_low, error)
    bounded = ir.clamp(high, -1100.0, 1100.0)
    low = ir.select(ir.equal(bounded, high), low, 0.0)
    n, whole = ir.nearest(bounded)
    r = ir.add(ir.sub(bounded, n), low)
    return multiplied_by_power(ir, ir.fma(r, ir.polynomial(EXP2["double"], r), 1.0), whole)


def _size_of_float(ir: Formula, a: Value, y: Value) -> Value:
    """a**y for a > 0, in float64 arithmetic."""
    wide, exponent = ir.widen(a), ir.widen(y)
    k, part, _ = split(ir, wide, denormals=False)
    f = ir.sub(part, 1.0)
    product = ir.mul(exponent, ir.fma(f, ir.polynomial(LOG2["double"], f), k))
    product = ir.clamp(product, -200.0, 200.0)
    n, whole = ir.nearest(product)
    r = ir.sub(product, n)
    size = ir.mul(ir.fma(r, ir.polynomial(EXP2_SHORT["double"], r), 1.0), power_of_two(ir, whole))
    return ir.narrow(size, "float")


def pow(ir: Formula, x: Value, y: Value) -> Value:
    """x**y with C's special values: 1 for y = 0 or x = 1 even with nan, nan for x < 0 and y not whole. At most 1.2 ulp."""
    a = ir.abs(x)
    bounded = ir.clamp(y, -(2.0**80), 2.0**80)  # enough to overflow from any a but 1, and y log2(a) stays finite
    size = _size_of_float(ir, a, bounded) if x.type == "float" else _size_of_double(ir, a, bounded)
    is_zero = ir.equal(a, 0.0)
    at_edge = ir.either(is_zero, ir.equal(a, INFINITY))
    falls = ir.differ(is_zero, ir.less(y, 0.0))
    size = ir.select(at_edge, ir.select(falls, 0.0, INFINITY), size)
    size = ir.select(ir.is_nan(x, y), ir.add(x, y), size)
    size = _with_sign(ir, x, y, size)
    return ir.select(ir.either(ir.equal(y, 0.0), ir.equal(x, 1.0)), 1.0, size)


def _with_sign(ir: Formula, x: Value, y: Value, size: Value) -> Value:
    """Negative for odd powers of negative x (-0 and -inf too); nan for a negative number to a power that is not whole."""
    half = ir.mul(y, 0.5)
    is_whole = ir.equal(ir.trunc(y), y)
    is_odd = ir.both(is_whole, ir.unequal(ir.trunc(half), half))
    size = ir.select(ir.both(is_odd, ir.is_negative(x)), ir.neg(size), size)
    negative = ir.both(ir.less(x, 0.0), ir.greater(x, -INFINITY))
    return ir.select(ir.both(negative, ir.negate_truth(is_whole)), NAN, size)
