"""Elementary functions and random numbers for kernels, as LLVM IR text: scalar, branch-free, inlined.

    @tw_<name>_<type>(x[, y])                        name: see UNARY and BINARY; type: float or double
    @tw_philox_word(element, seed, call, stream)     the i32 word of that number; all four are i64
    @tw_philox_block(block, seed, call, stream)      {i32, i32, i32, i32}, words 4 * block to 4 * block + 3
    @tw_uniform_<type>(element, seed, ...)           uniform on [0, 1); for half and bfloat it returns a float
    @tw_uniform_block_<type>(block, seed, ...)       all that one block makes: {float x 4}, {double, double}

Special values are those of C's library: nan, infinities, signed zeros, denormals in and out. Each function's docstring
states its error in units of the last place, which tests/test_elementary.py measures. No fast-math flag is set inside.

float32's sin, cos, tan, pow and remainders compute in float64 inside; a loop over floats keeps its number of lanes.
Without fused multiply-add in the processor every `fma` would be a library call: kernels need FMA3 (x86 since 2013) or
NEON.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from .functions import arc, division, error_function, exponential, logarithm, philox, power, trigonometric
from .functions.formula import Formula, Value, symbol

Write = Callable[..., Value | list[Value]]
Key = tuple[str, str]  # name and type

_FAMILIES = {
    exponential: "exp exp2 expm1 sigmoid tanh sinh cosh",
    logarithm: "log log2 log10 log1p asinh acosh atanh",
    trigonometric: "sin cos tan",
    arc: "atan asin acos",
    error_function: "erf erfc",
    division: "rsqrt",
}
UNARY: dict[str, Write] = {name: getattr(family, name) for family, names in _FAMILIES.items() for name in names.split()}
BINARY: dict[str, Write] = {
    "pow": power.pow, "atan2": arc.atan2, "fmod": division.fmod, "remainder": division.remainder,
    "floor_divide": division.floor_divide,
}
REAL = ("float", "double")
RANDOM: dict[Key, Write] = {
    ("philox_word", "i32"): philox.word,
    ("philox_block", "i32"): philox.block,
    **{("uniform", type): philox.uniform for type in (*REAL, "half", "bfloat")},
    **{("uniform_block", type): philox.uniform_block for type in (*REAL, "half", "bfloat")},
}


def _parameters(name: str, type: str) -> list[Value]:
    if (name, type) in RANDOM:
        first = "block" if name.endswith("block") else "element"
        return [Value(f"%{word}", "i64") for word in (first, "seed", "call", "stream")]
    return [Value(f"%{word}", type) for word in ("x", "y")[: 1 + (name in BINARY)]]


def _writer(name: str, type: str) -> Write:
    if (name, type) in RANDOM:
        return RANDOM[name, type]
    found = UNARY.get(name) or BINARY.get(name)
    if found is None or type not in REAL:
        raise KeyError(f"elementary: there is no {symbol(name, type)}; functions of float and double: "
                       f"{', '.join([*UNARY, *BINARY])}; random: {', '.join(symbol(*key) for key in RANDOM)}")
    return found


def _returned(ir: Formula, result: Value | list[Value]) -> Value:
    """Several results as one structure."""
    if isinstance(result, Value):
        return result
    type = "{" + ", ".join(v.type for v in result) + "}"
    whole = Value("poison", type)
    for i, v in enumerate(result):
        whole = ir.emit(f"insertvalue {type} {whole.text}, {v.type} {v.text}, {i}", type)
    return whole


@functools.cache
def _written(name: str, type: str, scaling: bool) -> tuple[str, tuple[Key, ...]]:
    parameters = _parameters(name, type)
    ir = Formula(type, scaling)
    result = _returned(ir, _writer(name, type)(ir, *parameters))
    head = f"define internal {result.type} {symbol(name, type)}({', '.join(f'{p.type} {p.text}' for p in parameters)})"
    lines = [f"{head} alwaysinline nounwind memory(none) {{", *ir.lines, f"  ret {result.type} {result.text}", "}"]
    return "\n".join(lines), tuple(dict.fromkeys(ir.calls))


def definition(name: str, type: str, scaling: bool = False) -> str:
    """The IR text of one function.

    scaling: whether the processor has AVX-512F, where multiplying by a power of 2 is one instruction. The results are
        the same to the bit; elsewhere LLVM would make a library call of it for each element.

    Raises:
        KeyError: for a name or type that is not in the list above.
    """
    return _written(name, type, scaling)[0]


def requires(name: str, type: str) -> tuple[Key, ...]:
    """Which other definitions its text calls: (name, type) pairs."""
    return _written(name, type, False)[1]


def definitions(needed: Iterable[Key], scaling: bool = False) -> str:
    """The text of these functions and of all that they call, each once, in an order that depends on the set alone."""
    found: dict[Key, str] = {}
    waiting = list(needed)
    while waiting:
        key = waiting.pop()
        if key not in found:
            found[key] = definition(*key, scaling)
            waiting += requires(*key)
    return "\n\n".join(found[key] for key in sorted(found))
