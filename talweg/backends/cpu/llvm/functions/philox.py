"""Random words and uniform numbers: Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, SC 2011), as the reference has it.

Equal bit for bit to `words` and `uniform` of backends/reference/philox.py. Words are held in 64-bit lanes, where the
product of two of them is one instruction. A block makes four words: the form by element computes a block for each
element and keeps one word of it (two for float64), the block form uses all four.

Measured with AVX-512 (bench/elementary.py), in the cache: a copy of a word takes 0.16 ns, a word in the block form 0.6 ns,
in the form by element 2 to 2.6 ns. From memory the block form costs 0.70 ns and a copy 0.56 to 0.71. LLVM leaves it
scalar for NEON, which has no product of 64-bit lanes.
"""

from __future__ import annotations

from .formula import Formula, Value

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
LOW = 0xFFFFFFFF
ROUNDS = 10
BITS = {"float": 24, "half": 11, "bfloat": 8}  # random bits of an element


def _low(ir: Formula, a: Value) -> Value:
    return ir.integer("and", a, LOW)


def _high(ir: Formula, a: Value) -> Value:
    return ir.integer("lshr", a, 32)


def _round(ir: Formula, counter: list[Value], key: list[Value]) -> list[Value]:
    c0, c1, c2, c3 = counter
    p0 = ir.integer("mul", c0, MULTIPLIERS[0])
    p1 = ir.integer("mul", c2, MULTIPLIERS[1])
    first = ir.integer("xor", ir.integer("xor", _high(ir, p1), c1), key[0])
    third = ir.integer("xor", ir.integer("xor", _high(ir, p0), c3), key[1])
    return [first, _low(ir, p1), third, _low(ir, p0)]


def words(ir: Formula, block: Value, seed: Value, call: Value, stream: Value) -> list[Value]:
    """The four words of a block, 32 bits each in an i64."""
    second = ir.integer("or", _low(ir, ir.integer("shl", stream, 8)), _high(ir, block))
    counter = [_low(ir, block), second, _low(ir, call), _high(ir, call)]
    start = [_low(ir, seed), _high(ir, seed)]
    for i in range(ROUNDS):
        key = [_low(ir, ir.integer("add", k, i * w & LOW)) for k, w in zip(start, WEYL)] if i else start
        counter = _round(ir, counter, key)
    return counter


def _chosen(ir: Formula, element: Value, found: list[Value]) -> Value:
    """The word of a block that an element's two lowest bits name."""
    odd = ir.is_odd(element)
    upper = ir.is_odd(ir.integer("lshr", element, 1))
    first, second = (ir.select(odd, found[i + 1], found[i]) for i in (0, 2))
    return ir.select(upper, second, first)


def word(ir: Formula, element: Value, *where: Value) -> Value:
    """Word number `element` of (seed, call, stream), an i32."""
    found = words(ir, ir.integer("lshr", element, 2), *where)
    return ir.convert("trunc", _chosen(ir, element, found), "i32")


def block(ir: Formula, number: Value, *where: Value) -> list[Value]:
    """Words 4 * number to 4 * number + 3, each an i32."""
    return [ir.convert("trunc", w, "i32") for w in words(ir, number, *where)]


def _fraction(ir: Formula, word: Value, bits: int) -> Value:
    """The highest bits of a word as a float32 in [0, 1)."""
    top = ir.convert("trunc", ir.integer("lshr", _low(ir, word), 32 - bits), "i32")
    return ir.mul(ir.convert("sitofp", top, "float"), 2.0**-bits)


def _long_fraction(ir: Formula, high: Value, low: Value) -> Value:
    """53 bits of two words as a float64 in [0, 1)."""
    upper = ir.convert("uitofp", ir.convert("trunc", high, "i32"), "double")
    lower = ir.convert("sitofp", ir.convert("trunc", ir.integer("lshr", _low(ir, low), 11), "i32"), "double")
    return ir.fma(upper, 2.0**-32, ir.mul(lower, 2.0**-53))


def uniform(ir: Formula, element: Value, *where: Value) -> Value:
    """Uniform on [0, 1): 24 random bits in float, 53 in double; for half and bfloat a float with as many as they hold."""
    if ir.type == "double":  # a pair of words an element
        first, second, third, fourth = words(ir, ir.integer("lshr", element, 1), *where)
        odd = ir.is_odd(element)
        return _long_fraction(ir, ir.select(odd, third, first), ir.select(odd, fourth, second))
    found = words(ir, ir.integer("lshr", element, 2), *where)
    return _fraction(ir, _chosen(ir, element, found), BITS[ir.type])


def uniform_block(ir: Formula, number: Value, *where: Value) -> list[Value]:
    """The uniform numbers that one block makes: four, two in double."""
    found = words(ir, number, *where)
    if ir.type == "double":
        return [_long_fraction(ir, *found[:2]), _long_fraction(ir, *found[2:])]
    return [_fraction(ir, w, BITS[ir.type]) for w in found]
