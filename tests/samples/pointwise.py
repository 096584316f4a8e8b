"""Samples of pointwise functions."""

from __future__ import annotations

import math

from .table import FLOATS, A, B, D, P, R, S, U, Z, each

SPECIAL = A([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 1e-30, -1e30])
EVERYWHERE = ("exp exp2 expm1 sin cos tan atan sinh cosh tanh asinh erf erfc sigmoid square neg abs sign relu floor ceil trunc "
              "round deg2rad rad2deg nan_to_num")
POSITIVE = "log log2 log10 log1p sqrt rsqrt reciprocal"
INSIDE = "asin acos atanh logit"
TESTS = "isnan isinf isfinite logical_not"
ARITHMETIC = "add sub mul div maximum minimum atan2"
DIVISIONS = "remainder fmod floor_divide"
COMPARISONS = "eq ne lt le gt ge logical_and logical_or logical_xor isclose"
BITS = "bitwise_and bitwise_or bitwise_xor"
ALIASES = ("absolute arctan2 clip divide fix greater greater_equal less less_equal multiply negative not_equal subtract "
           "true_divide")

UNARY = [
    *each(f"{EVERYWHERE} {TESTS}", R(2, 3)),
    *each(f"{EVERYWHERE} {TESTS}", R()),
    *each(f"{EVERYWHERE} {TESTS}", R(0, 3)),
    *each(f"{EVERYWHERE} {TESTS}", R(3, 2).T),
    *each(f"{EVERYWHERE} {TESTS} {POSITIVE} {INSIDE} acosh", SPECIAL, _order=0, _dtypes=FLOATS),
    *each(POSITIVE, P(2, 3)),
    *each(POSITIVE, P(2, 2).T),
    *each(INSIDE, U(2, 3)),
    *each("acosh", P(2, 3, low=1.2, high=3.0)),
    *each(f"{EVERYWHERE} {TESTS} {POSITIVE} acosh", Z(2, 3, low=1)),
    *each("bitwise_not logical_not", Z(4)),
    *each("bitwise_not logical_not isnan isinf isfinite sign", B(4)),
    *each("relu sqrt sign abs rsqrt log", A([[0.0, -0.0, 2.0]]), _order=1, _dtypes=("float64",)),
    S("round", R(4), decimals=2),
    S("round", R(4, low=-2000, high=2000), decimals=-2),
    S("round", A([0.5, 1.5, 2.5, -0.5, -1.5])),
    S("logit", R(4), 0.2),
    S("nan_to_num", SPECIAL, nan=2.0, posinf=5.0, neginf=-7.0),
    S("clamp", R(2, 3), -0.5, 0.75),
    S("clamp", R(2, 3), min=0.25),
    S("clamp", R(2, 3), max=0.25),
    S("clamp", A([-0.5, 0.75, 0.0, 3.0]), -0.5, 0.75, _order=1),
    S("clamp", R(2, 3), R(3), P(2, 1)),
    S("clamp", R(2, 3), min=R(2, 3)),
    S("clamp", R(2, 3), 1.0, -1.0),
    S("clamp", A([math.nan, 1.0, 5.0]), 0.0, 2.0, _order=1),
    S("clamp", Z(5), -1, 2),
    S("clamp", Z(5), 0.5),
    S("clamp_min", R(4), 0.3),
    S("clamp_max", R(4), 0.3),
    S("softmax", R(2, 3), 1),
    S("softmax", R(2, 3), -2),
    S("softmax", R(3), 0, dtype="dtype:float64"),
    S("softmax", R(), 0),
    S("softmax", R(2, 0), 1, _dtypes=FLOATS),
    S("softmax", A([[1e4, 0.0, -1e4], [-math.inf, 0.0, 1.0]]), 1, _order=1),
    S("softmax", A([[-math.inf, -math.inf], [math.inf, 0.0]]), 1, _order=0),
    S("softmax", R(2, 3, 2).T, 1),
    S("log_softmax", R(2, 3), 1),
    S("log_softmax", R(0, 3), 1, _dtypes=FLOATS),
    S("log_softmax", R(3, 0), 1, _dtypes=FLOATS),
    S("log_softmax", A([[1e4, 0.0, -1e4]]), 1, _order=1),
    S("log_softmax", R(2, 2, 2), -1),
]
BINARY = [
    *each(f"{ARITHMETIC} {COMPARISONS} {DIVISIONS}", R(2, 3), P(2, 3)),
    *each(f"{ARITHMETIC} {COMPARISONS} {DIVISIONS}", R(2, 1), P(3)),
    *each(f"{ARITHMETIC} {COMPARISONS} {DIVISIONS}", R(), P(2, 2).T),
    *each(f"{ARITHMETIC} {COMPARISONS} {DIVISIONS}", R(0, 2), P(1, 2)),
    *each(f"add sub mul div eq ne lt le gt ge {DIVISIONS}", R(2, 2), 1.5),
    *each(f"add sub mul div eq lt {DIVISIONS}", R(2, 2), -2),
    *each(f"{ARITHMETIC} {COMPARISONS} {DIVISIONS}", Z(6), Z(6, low=1)),
    *each(f"{DIVISIONS}", Z(6), Z(6, low=-4, high=-1)),
    *each(f"{BITS} eq ne", Z(5), Z(5)),
    *each(f"{BITS} eq ne lt le gt ge logical_and logical_or logical_xor add mul maximum minimum", B(5), B(5)),
    *each("bitwise_left_shift bitwise_right_shift", Z(5), Z(5, low=0)),
    *each(f"{ARITHMETIC} {DIVISIONS} eq lt", SPECIAL, A([1.0, math.inf, 2.0, -1.0, 3.0, math.nan, -0.5, 0.0, 2.0]), _order=0),
    *each("maximum minimum", A([1.0, 2.0, 3.0]), A([1.0, 3.0, 2.0]), _order=1),
    S("isclose", A([1.0, math.nan, math.inf, 2.0]), A([1.0, math.nan, math.inf, 2.1])),
    S("isclose", A([1.0, math.nan]), A([1.05, math.nan]), rtol=0.1, equal_nan=True),
    S("isclose", Z(4), Z(4)),
    S("add", R(2, 2), R(2), alpha=2.5),
    S("add", Z(4), Z(4), alpha=3),
    S("sub", R(2, 2), R(2), alpha=-0.5),
    S("rsub", R(2), R(2, 2), alpha=2),
    S("rsub", R(3), 2.0),
    *[S("div", x, y, rounding_mode=mode) for mode in ("floor", "trunc")
      for x, y in ((R(5), P(5)), (Z(5), Z(5, low=1)), (R(3), -0.7), (Z(4), 3))],
    S("pow", P(2, 3), R(2, 3)),
    S("pow", P(2, 1), R(3)),
    *[S("pow", P(3), exponent) for exponent in (2, 3, 0.5, -0.5, -1, -2, 2.7, 0, 1)],
    *[S("pow", R(3), exponent) for exponent in (2, 3, 0, 1, -1)],
    S("pow", A([0.0, 2.0]), 0, _order=1),
    S("pow", A([0.0, 0.0, 2.0]), A([0.0, 2.0, 0.0]), _order=1),
    S("pow", A([-1.5, 0.0, math.nan]), 2.5, _order=0),
    S("pow", Z(4), 2),
    S("pow", Z(4), 3),
    S("pow", Z(4, low=1), 0.5),
    S("pow", 2.0, R(3)),
    S("pow", 2, Z(3, low=0)),
    S("float_power", P(3), R(3)),
    S("float_power", Z(3, low=1), 2),
    S("float_power", 2, R(3)),
    S("lerp", R(2, 3), R(3), 0.3),
    S("lerp", R(2, 3), R(2, 3), U(2, 3)),
    S("addcmul", R(2, 3), R(3), R(2, 1)),
    S("addcmul", R(2, 3), R(3), R(2, 1), value=0.5, _dtypes=FLOATS),
    S("addcdiv", R(2, 3), R(3), P(2, 1)),
    S("addcdiv", R(2, 3), R(3), P(2, 1), value=-2.0, _dtypes=FLOATS),
    S("where", B(2, 3), R(2, 3), R(3)),
    S("where", B(2, 3), R(2, 1), 2.5),
    S("where", B(2, 3), 1.5, R(3)),
    S("where", B(4), Z(4), 2.5),
    S("where", B(2, 3)),
    S("maximum", D(2, 3), R(3)),
]
OPERATORS = [
    S(text, *args, _fn=eval("lambda T, *v: " + text))
    for text, args in [
        ("v[0] + v[1]", (R(2, 2), R(2))), ("2 - v[0]", (R(3),)), ("1.5 / v[0]", (P(3),)), ("v[0] // 0.7", (R(3),)),
        ("7 // v[0]", (Z(3, low=1),)), ("v[0] % 0.7", (R(3),)), ("7 % v[0]", (Z(3, low=1),)), ("2 ** v[0]", (R(3),)),
        ("v[0] ** 2", (R(3),)), ("-v[0]", (R(3),)), ("+v[0]", (R(3),)), ("abs(v[0])", (R(3),)), ("~v[0]", (B(3),)),
        ("v[0] & v[1]", (B(3), B(3))), ("v[0] | 4", (Z(3),)), ("6 ^ v[0]", (Z(3),)), ("v[0] << 2", (Z(3),)),
        ("v[0] >> 1", (Z(3),)), ("v[0] < 0.5", (R(3),)), ("0.5 >= v[0]", (R(3),)), ("v[0] == v[1]", (Z(3), Z(3))),
        ("v[0] @ v[1]", (R(2, 3), R(3, 2))), ("v[0] != 1", (Z(3),)), ("True + v[0]", (R(3),)), ("v[0] * True", (Z(3),)),
        ("v[0] + 2.5", (Z(3),)), ("v[0] * 2", (B(3),)), ("v[0].T", (R(2, 3),)), ("v[0].mT", (R(2, 3, 2),)),
    ]
]
ALIASED = [
    *each("absolute negative fix", R(3)),
    *each("arctan2 divide greater greater_equal less less_equal multiply not_equal subtract true_divide", R(3), P(3)),
    S("clip", R(3), -0.5, 0.5),
]
SAMPLES = UNARY + BINARY + OPERATORS + ALIASED
