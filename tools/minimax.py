"""Minimax polynomials by Remez exchange: the source of talweg/backends/cpu/llvm/functions/coefficients.py.

    python -m tools.minimax            print what each polynomial reaches, change nothing
    python -m tools.minimax --write    write coefficients.py

Needs mpmath, which PyTorch brings. Each task below names the function to approximate and the weight by which an error
of the polynomial counts, so that the weighted error is the relative error of the elementary function made from it.
Coefficients are found in 60 digits, then rounded: all at once, or the first or the first two before the rest, which are
found anew and make up for it, whichever leaves least. The error that is printed is that of the rounded coefficients.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mpmath import mp, mpf

mp.dps = 60
TARGET = Path(__file__).parent.parent / "talweg/backends/cpu/llvm/functions/coefficients.py"
GRID = 24  # points of the grid for each coefficient
SMALLEST = 0.02  # where |t| is below this part of its largest value, what a rounded low coefficient leaves counts for nothing
Function = Callable[[mpf], mpf]


@dataclass
class Task:
    """A polynomial in t of `terms[type]` coefficients, for t in `interval`: weight(t) * (value(t) - p(t)) is levelled."""

    name: str
    meaning: str
    value: Function
    weight: Function
    interval: tuple
    terms: dict[str, int]


def chebyshev_points(low: mpf, high: mpf, count: int) -> list[mpf]:
    """Denser at the ends, where a minimax error oscillates fastest; the ends themselves are left out by a hair."""
    middle, half = (low + high) / 2, (high - low) / 2 * (1 - mpf(10) ** -12)
    return [middle - half * mp.cos(mp.pi * i / (count - 1)) for i in range(count)]


def horner(coefficients: list[mpf], t: mpf) -> mpf:
    total = mpf(0)
    for c in reversed(coefficients):
        total = total * t + c
    return total


def alternation(errors: list[mpf], count: int) -> list[int]:
    """Indices of `count` extremes of alternating sign: one a sign run, then the smaller end dropped as needed."""
    found = [0]
    for i, e in enumerate(errors):
        if (e > 0) != (errors[found[-1]] > 0):
            found.append(i)
        elif abs(e) > abs(errors[found[-1]]):
            found[-1] = i
    while len(found) > count:
        found.pop(0 if abs(errors[found[0]]) < abs(errors[found[-1]]) else -1)
    return found


def remez(points: list[mpf], values: list[mpf], weights: list[mpf], terms: int) -> list[mpf]:
    """Coefficients, lowest power first, that level the weighted error on the grid `points`."""
    chosen = [round(i * (len(points) - 1) / terms) for i in range(terms + 1)]
    best: tuple[mpf, list[mpf]] = (mp.inf, [])
    for _ in range(30):
        rows = [[points[j] ** k for k in range(terms)] + [(-1) ** i / weights[j]]
                for i, j in enumerate(chosen)]
        solved = mp.lu_solve(mp.matrix(rows), mp.matrix([values[j] for j in chosen]))
        found = [solved[k] for k in range(terms)]
        errors = [w * (v - horner(found, t)) for t, v, w in zip(points, values, weights)]
        worst = max(map(abs, errors))
        best = min(best, (worst, found), key=lambda pair: pair[0])
        if worst <= abs(solved[terms]) * mpf("1.0001"):
            break
        following = alternation(errors, terms + 1)
        if len(following) < terms + 1 or following == chosen:
            break
        chosen = following
    return best[1]


def rounded(value: mpf, type: str) -> float:
    """To nearest in the type. (Through float64 for float32: the double rounding is far below what matters.)"""
    return float(np.float32(float(value))) if type == "float" else float(value)


def fit(task: Task, type: str) -> tuple[list[float], float]:
    """The rounded coefficients and the largest weighted error that is left, as a power of two."""
    terms = task.terms[type]
    points = chebyshev_points(mpf(task.interval[0]), mpf(task.interval[1]), GRID * terms)
    values, weights = [task.value(t) for t in points], [task.weight(t) for t in points]
    found = [refitted(points, values, weights, terms, type, first) for first in range(3)]
    left = [max(abs(w * (v - horner([mpf(c) for c in kept], t))) for t, v, w in zip(points, values, weights))
            for kept in found]
    best = left.index(min(left))
    return found[best], float(mp.log(left[best], 2))


def refitted(points: list[mpf], values: list[mpf], weights: list[mpf], terms: int, type: str, first: int) -> list[float]:
    """The first few coefficients are rounded one by one, the others found anew each time; then the rest are rounded."""
    kept: list[float] = []
    while len(kept) < terms:
        k = len(kept)
        felt = [i for i, t in enumerate(points) if not k or abs(t) > SMALLEST * abs(points[-1])]
        rest = [(values[i] - horner([mpf(c) for c in kept], points[i])) / points[i] ** k for i in felt]
        found = remez([points[i] for i in felt], rest, [weights[i] * points[i] ** k for i in felt], terms - k)
        kept += [rounded(c, type) for c in (found[:1] if k < first else found)]
    return kept


LN2 = mp.log(2)


def odd(function: Function) -> tuple[Function, Function]:
    """For f(x) = x + x**3 P(x**2): the value of P and its weight, both of t = x**2."""

    def value(t: mpf) -> mpf:
        x = mp.sqrt(t)
        return (function(x) - x) / x**3

    return value, lambda t: mp.sqrt(t) ** 3 / function(mp.sqrt(t))


def erfcx_scaled(shift: mpf) -> Function:
    """(x + shift) exp(x**2) erfc(x) as a function of t = (x - shift) / (x + shift)."""

    def value(t: mpf) -> mpf:
        x = shift * (1 + t) / (1 - t)
        return (x + shift) * mp.exp(x * x) * mp.erfc(x)

    return value


def atanh_tail(t: mpf) -> mpf:
    """(log2((1 + s) / (1 - s)) - (2 / ln 2) (s + s**3 / 3)) / s**5 of t = s**2."""
    s = mp.sqrt(t)
    return 2 / LN2 * (mp.atanh(s) - s - s**3 / 3) / s**5


ERFC_SHIFT = mpf(4)
SQRT2 = mp.sqrt(2)
MANTISSA = (1 / SQRT2 - 1, SQRT2 - 1)
TASKS = [
    Task("EXP", "(exp(r) - 1 - r) / r**2, |r| <= ln(2) / 2", lambda r: (mp.expm1(r) - r) / r**2,
         lambda r: r**2 / abs(mp.expm1(r)), (-LN2 / 2, LN2 / 2), {"float": 5, "double": 10}),
    Task("EXP2", "(2**r - 1) / r, |r| <= 1/2", lambda r: mp.expm1(r * LN2) / r,
         lambda r: abs(r) / 2**r, (-0.5, 0.5), {"float": 6, "double": 11}),
    Task("LOG", "(log(1 + f) - f) / f**2, sqrt(1/2) <= 1 + f <= sqrt(2)", lambda f: (mp.log1p(f) - f) / f**2,
         lambda f: f**2 / abs(mp.log1p(f)), MANTISSA, {"float": 9, "double": 20}),
    Task("LOG2", "log2(1 + f) / f, sqrt(1/2) <= 1 + f <= sqrt(2), for float32's pow in float64",
         lambda f: mp.log1p(f) / LN2 / f, lambda f: abs(f / mp.log1p(f) * LN2), MANTISSA, {"double": 13}),
    Task("LOG2_TAIL", "(log2((1 + s) / (1 - s)) - (2 / ln 2) (s + s**3 / 3)) / s**5, |s| <= 3 - sqrt(8), in t = s**2",
         atanh_tail, lambda t: t**2 / (2 / LN2 * mp.atanh(mp.sqrt(t)) / mp.sqrt(t)), (0, (3 - mp.sqrt(8)) ** 2),
         {"double": 7}),
    Task("SIN", "(sin(r) - r) / r**3, |r| <= 1.11 pi / 2, in t = r**2", *odd(mp.sin), (0, (1.11 * mp.pi / 2) ** 2),
         {"float": 5}),
    Task("SIN", "(sin(r) - r) / r**3, |r| <= pi / 2, in t = r**2", *odd(mp.sin), (0, (mp.pi / 2) ** 2), {"double": 8}),
    Task("TAN", "(tan(r) - r) / r**3, |r| <= 1.22 pi / 4, in t = r**2", *odd(mp.tan), (0, (1.22 * mp.pi / 4) ** 2),
         {"float": 8}),
    Task("TAN", "(tan(r) - r) / r**3, |r| <= pi / 4, in t = r**2", *odd(mp.tan), (0, (mp.pi / 4) ** 2), {"double": 14}),
    Task("ATAN", "(atan(a) - a) / a**3, |a| <= 1, in t = a**2", *odd(mp.atan), (0, 1), {"float": 8, "double": 19}),
    Task("ASIN", "(asin(z) - z) / z**3, |z| <= 1/2, in t = z**2", *odd(mp.asin), (0, 0.25),
         {"float": 5, "double": 12}),
    Task("SINH", "(sinh(x) - x) / x**3, |x| <= 1, in t = x**2", *odd(mp.sinh), (0, 1), {"float": 4, "double": 7}),
    Task("ERF", "erf(x) / x - 1, |x| <= 1, in t = x**2", lambda t: mp.erf(mp.sqrt(t)) / mp.sqrt(t) - 1,
         lambda t: mp.sqrt(t) / mp.erf(mp.sqrt(t)), (0, 1), {"float": 7, "double": 12}),
    Task("EXP2_SHORT", "(2**r - 1) / r, |r| <= 1/2, for float32's pow in float64", lambda r: mp.expm1(r * LN2) / r,
         lambda r: abs(r) / 2**r, (-0.5, 0.5), {"double": 7}),
    *(Task("ERF_TAIL", f"-log(erfc(1 + u)), 0 <= u <= {end}, by its part in erf", lambda u: -mp.log(mp.erfc(1 + u)),
           lambda u: mp.erfc(1 + u), (0, end), {type: terms}) for type, terms, end in (("float", 7, 3), ("double", 18, 5))),
    *(Task("ERFCX", f"(x + 4) exp(x**2) erfc(x), 0 <= x <= {end}, in t = (x - 4) / (x + 4)", erfcx_scaled(ERFC_SHIFT),
           lambda t: 1 / erfcx_scaled(ERFC_SHIFT)(t), (-1, (end - ERFC_SHIFT) / (end + ERFC_SHIFT)), {type: terms})
      for type, terms, end in (("float", 11, 10.1), ("double", 22, 27.5))),
]
CONSTANTS = {"LN2": LN2, "LOG2_E": 1 / LN2, "LOG10_E": 1 / mp.log(10), "LOG10_2": mp.log10(2), "PI": mp.pi,
             "LOG2_LINEAR": 2 / LN2, "LOG2_CUBIC": 2 / LN2 / 3}
WINDOWS = (0, 27, 54, 79)  # the exponents of a float32's last bit from 1, 2**50, 2**77 and 2**102 on
HEADING = '''"""Constants in parts and polynomials of the elementary functions. Made by tools/minimax.py: do not edit.

A polynomial's coefficients stand lowest power first. The comment over each says what it approximates, and the relative
error that is left in the elementary function when the polynomial is evaluated without rounding.
"""

from __future__ import annotations

Coefficients = dict[str, tuple[float, ...]]

'''


def digits(value: float, type: str) -> str:
    """The shortest text that reads back as the same number of the type."""
    return repr(float(str(np.float32(value)))) if type == "float" else repr(value)


def filled(items: list[str], indent: str) -> list[str]:
    """Lines of at most 120 characters."""
    lines = [indent]
    for item in items:
        if len(lines[-1]) + len(item) + 2 > 120:
            lines.append(indent)
        lines[-1] += f"{item}, " if item is not items[-1] else f"{item},"
    return [line.rstrip() for line in lines]


def parts(value: mpf, type: str, count: int) -> list[float]:
    """Numbers of the type whose sum is the value: each the nearest to what the ones before leave."""
    found: list[float] = []
    for _ in range(count):
        found.append(rounded(value - sum(map(mpf, found)), type))
    return found


def constants() -> list[str]:
    """The numbers in parts, and 1 / pi without the whole turns that x / pi would be made of for large float32 x."""
    lines = ["# Sums of two numbers of the type; of three in float64."]
    for name, value in CONSTANTS.items():
        lines.append(f"{name}: Coefficients = {{")
        for type, count in (("float", 2), ("double", 3)):
            lines.append(f'    "{type}": ({", ".join(digits(c, type) for c in parts(value, type, count))}),')
        lines.append("}")
    lines.append("# (1 / pi) modulo 2 * 2**-k for k = 0, 27, 54, 79, in two parts.")
    lines.append("INVERSE_PI = (")
    for k in WINDOWS:
        turns = mpf(2) ** k / mp.pi
        left = (turns - 2 * mp.nint(turns / 2)) / mpf(2) ** k
        lines.append(f"    ({', '.join(map(repr, parts(left, 'double', 2)))}),")
    return [*lines, ")"]


def entry(name: str) -> list[str]:
    """The lines of one name: a comment and a table for each type."""
    comments, tables = [], []
    for task in (t for t in TASKS if t.name == name):
        for type in task.terms:
            found, error = fit(task, type)
            print(f"{name:10} {type:7} {len(found):2} terms, relative error 2^{error:.1f}", flush=True)
            comments.append(f"# {type}: {task.meaning}; 2^{error:.1f}.")
            tables += [f'    "{type}": (', *filled([digits(c, type) for c in found], "        "), "    ),"]
    return ["", *comments, f"{name}: Coefficients = {{", *tables, "}"]


def main() -> None:
    names = list(dict.fromkeys(task.name for task in TASKS))
    text = HEADING + "\n".join([*constants(), *(line for name in names for line in entry(name))]) + "\n"
    if "--write" in sys.argv[1:]:
        TARGET.write_text(text)


if __name__ == "__main__":
    main()
