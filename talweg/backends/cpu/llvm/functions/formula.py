"""One scalar function, written as LLVM IR text, one instruction a call.

No fast-math flag is ever set: nan, inf and -0 keep their meaning, and the error-free steps below (a difference that is
exact, a rounding by a large constant) are not optimised away. Fused multiply-adds are asked for by name. What is written
has no branch and no memory access, so LLVM's loop vectoriser takes it as it is.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

BITS = {"float": "i32", "double": "i64"}
MANTISSA = {"float": 23, "double": 52}
BIAS = {"float": 127, "double": 1023}
SMALLEST_NORMAL = {"float": 2.0**-126, "double": 2.0**-1022}
INFINITY = float("inf")
NAN = float("nan")
_OVERLOAD = {"float": "f32", "double": "f64"}


class Value(NamedTuple):
    """An operand: how the text names it, and its LLVM type."""

    text: str
    type: str


Operand = Value | float | int


def symbol(name: str, type: str) -> str:
    """The name by which IR calls a function of this library: @tw_exp_float; a 32-bit word's type goes without saying."""
    return f"@tw_{name}" if type == "i32" else f"@tw_{name}_{type}"


def constant(number: float, type: str) -> Value:
    """A literal, rounded to the type. LLVM wants a float's literal in the digits of a double."""
    if type not in BITS:
        return Value(str(int(number)), type)
    if type == "float":
        number = struct.unpack("f", struct.pack("f", number))[0]
    return Value(f"0x{struct.unpack('Q', struct.pack('d', number))[0]:016X}", type)


def bits_of(number: float, type: str) -> int:
    """The bits of a float of the type, as an unsigned integer."""
    real, whole = {"float": ("f", "I"), "double": ("d", "Q")}[type]
    return struct.unpack(whole, struct.pack(real, number))[0]


class Formula:
    """Instructions in the order they are written; `calls` collects the functions of this library that they call.

    `scaling`: whether the processor multiplies by powers of 2 in one instruction, denormals and all (AVX-512 does).
    Python numbers among the operands become literals of the other operands' type.
    """

    def __init__(self, type: str, scaling: bool = False):
        self.type = type
        self.scaling = scaling
        self.lines: list[str] = []
        self.calls: list[tuple[str, str]] = []

    def emit(self, text: str, type: str) -> Value:
        value = Value(f"%v{len(self.lines)}", type)
        self.lines.append(f"  {value.text} = {text}")
        return value

    def typed(self, *operands: Operand) -> list[Value]:
        type = next(v.type for v in operands if isinstance(v, Value))
        return [v if isinstance(v, Value) else constant(v, type) for v in operands]

    def binary(self, name: str, left: Operand, right: Operand) -> Value:
        a, b = self.typed(left, right)
        return self.emit(f"{name} {a.type} {a.text}, {b.text}", a.type)

    def intrinsic(self, name: str, *operands: Operand) -> Value:
        values = self.typed(*operands)
        type = values[0].type
        arguments = ", ".join(f"{v.type} {v.text}" for v in values)
        return self.emit(f"call {type} @llvm.{name}.{_OVERLOAD.get(type, type)}({arguments})", type)

    def call(self, name: str, *operands: Operand) -> Value:
        """Another function of this library, of the operands' type."""
        values = self.typed(*operands)
        type = values[0].type
        self.calls.append((name, type))
        arguments = ", ".join(f"{v.type} {v.text}" for v in values)
        return self.emit(f"call {type} {symbol(name, type)}({arguments})", type)

    # Floating-point arithmetic

    def add(self, a: Operand, b: Operand) -> Value:
        return self.binary("fadd", a, b)

    def sub(self, a: Operand, b: Operand) -> Value:
        return self.binary("fsub", a, b)

    def mul(self, a: Operand, b: Operand) -> Value:
        return self.binary("fmul", a, b)

    def div(self, a: Operand, b: Operand) -> Value:
        return self.binary("fdiv", a, b)

    def neg(self, a: Value) -> Value:
        return self.emit(f"fneg {a.type} {a.text}", a.type)

    def fma(self, a: Operand, b: Operand, c: Operand) -> Value:
        """a * b + c, rounded once."""
        return self.intrinsic("fma", a, b, c)

    def abs(self, a: Value) -> Value:
        return self.intrinsic("fabs", a)

    def sqrt(self, a: Value) -> Value:
        return self.intrinsic("sqrt", a)

    def trunc(self, a: Value) -> Value:
        return self.intrinsic("trunc", a)

    def rint(self, a: Value) -> Value:
        return self.intrinsic("rint", a)

    def floor(self, a: Value) -> Value:
        return self.intrinsic("floor", a)

    def ldexp(self, a: Value, n: Value) -> Value:
        """a * 2**n, rounded once."""
        n = n if n.type == "i32" else self.convert("trunc", n, "i32")
        return self.emit(f"call {a.type} @llvm.ldexp.{_OVERLOAD[a.type]}.i32({a.type} {a.text}, i32 {n.text})", a.type)

    def copysign(self, size: Operand, sign: Value) -> Value:
        size = size if isinstance(size, Value) else constant(size, sign.type)
        return self.intrinsic("copysign", size, sign)

    def widen(self, a: Value) -> Value:
        """float32 to float64."""
        return a if a.type == "double" else self.emit(f"fpext float {a.text} to double", "double")

    def narrow(self, a: Value, type: str) -> Value:
        """float64 to `type`."""
        return a if a.type == type else self.emit(f"fptrunc double {a.text} to {type}", type)

    # Comparison: false wherever a nan is compared, but for `unequal`

    def compare(self, predicate: str, a: Operand, b: Operand) -> Value:
        x, y = self.typed(a, b)
        return self.emit(f"fcmp {predicate} {x.type} {x.text}, {y.text}", "i1")

    def less(self, a: Operand, b: Operand) -> Value:
        return self.compare("olt", a, b)

    def greater(self, a: Operand, b: Operand) -> Value:
        return self.compare("ogt", a, b)

    def equal(self, a: Operand, b: Operand) -> Value:
        return self.compare("oeq", a, b)

    def unequal(self, a: Operand, b: Operand) -> Value:
        return self.compare("une", a, b)

    def is_nan(self, a: Value, b: Value) -> Value:
        """Of either of the two."""
        return self.compare("uno", a, b)

    def is_negative(self, a: Value) -> Value:
        """By its sign bit: -0 and -nan too."""
        bits = self.bits(a)
        return self.emit(f"icmp slt {bits.type} {bits.text}, 0", "i1")

    def is_odd(self, whole: Value) -> Value:
        """The lowest bit of an integer."""
        return self.convert("trunc", whole, "i1")

    def both(self, a: Value, b: Value) -> Value:
        return self.binary("and", a, b)

    def either(self, a: Value, b: Value) -> Value:
        return self.binary("or", a, b)

    def differ(self, a: Value, b: Value) -> Value:
        return self.binary("xor", a, b)

    def negate_truth(self, a: Value) -> Value:
        return self.emit(f"xor i1 {a.text}, true", "i1")

    def select(self, condition: Value, a: Operand, b: Operand) -> Value:
        x, y = self.typed(a, b) if isinstance(a, Value) or isinstance(b, Value) else (
            constant(a, self.type), constant(b, self.type))
        return self.emit(f"select i1 {condition.text}, {x.type} {x.text}, {y.type} {y.text}", x.type)

    def clamp(self, a: Value, low: float | None, high: float | None) -> Value:
        """Within [low, high]; a nan stays."""
        if high is not None:
            a = self.select(self.greater(a, high), high, a)
        return a if low is None else self.select(self.less(a, low), low, a)

    # Bits and integers

    def bits(self, a: Value) -> Value:
        return self.emit(f"bitcast {a.type} {a.text} to {BITS[a.type]}", BITS[a.type])

    def from_bits(self, a: Value) -> Value:
        type = {"i32": "float", "i64": "double"}[a.type]
        return self.emit(f"bitcast {a.type} {a.text} to {type}", type)

    def integer(self, name: str, a: Operand, b: Operand) -> Value:
        """One of add, sub, mul, shl, lshr, and, or, xor, modulo the integers' size."""
        return self.binary(name, a, b)

    def convert(self, name: str, a: Value, type: str) -> Value:
        """One of zext, trunc, sitofp, uitofp."""
        return self.emit(f"{name} {a.type} {a.text} to {type}", type)

    # Idioms

    def polynomial(self, coefficients: tuple[float, ...], t: Value) -> Value:
        """Lowest power first. A long one's tail in two chains of half the length, which wait less for one another.

        The first coefficients are added last and singly: there the roundings count.
        """
        if len(coefficients) < 9:
            return self.horner(coefficients, t)
        tail, square = coefficients[2:], self.mul(t, t)
        whole = self.fma(self.horner(tail[1::2], square), t, self.horner(tail[0::2], square))
        return self.fma(self.fma(whole, t, coefficients[1]), t, coefficients[0])

    def horner(self, coefficients: tuple[float, ...], t: Value) -> Value:
        """One multiplication and addition a coefficient, each rounded once."""
        total: Operand = coefficients[-1]
        for c in reversed(coefficients[:-1]):
            total = self.fma(total, t, c)
        assert isinstance(total, Value)
        return total

    def nearest(self, a: Value) -> tuple[Value, Value]:
        """The nearest whole number of |a| < 2**22 (2**51 in float64): as a float, and as an integer modulo its size.

        Adding 1.5 * 2**23 (2**52) leaves no bits for a fraction. A conversion to integers would be poison for nan and
        inf, and AVX2 has none for 64 bits; here nan and inf give a float nan or inf and an integer without meaning.
        """
        large = 1.5 * 2.0 ** MANTISSA[a.type]
        shifted = self.add(a, large)
        return self.sub(shifted, large), self.integer("sub", self.bits(shifted), bits_of(large, a.type))

    def apply_sign(self, a: Value, whole: Value) -> Value:
        """-a where the integer `whole` is odd, else a."""
        flip = self.integer("shl", whole, MANTISSA[a.type] + {"float": 8, "double": 11}[a.type])
        return self.from_bits(self.integer("xor", self.bits(a), flip))
