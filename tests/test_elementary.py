"""The elementary functions of the LLVM emitter: error bounds and special values.

The bound of each function is the one its docstring states. It is measured on a million arguments against float64 for
float32 and against long double for float64 (erf and erfc: the C library's, and a series in long double).
"""

import functools
import math
import re

import llvmlite.binding as llvm
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.vector_loop import VectorLoop, calls, vector_loop
from talweg.backends.cpu.llvm import elementary
from talweg.backends.cpu.llvm.elementary import BINARY, REAL, UNARY
from talweg.backends.cpu.llvm.functions.coefficients import EXP
from tools import minimax

TYPES = {"float": np.float32, "double": np.float64}
LONG = np.longdouble
SLACK = 0.01 if np.finfo(LONG).nmant > 60 else 1.0  # where long double is no longer than double, the reference errs too
PI = 4 * np.arctan(LONG(1))
PIECE = 1 << 14


@pytest.fixture(autouse=True)
def _quiet():
    torch.set_num_threads(1)
    with np.errstate(all="ignore"):
        yield


def apply(name: str, type: str, *arguments) -> np.ndarray:
    arrays = [np.ascontiguousarray(a, dtype=TYPES[type]) for a in arguments]
    return vector_loop(name, type)(*arrays, np.empty_like(arrays[0]))


def bound(name: str) -> float:
    """What the docstring states."""
    return float(re.search(r"At most ([\d.]+) ulp", (UNARY.get(name) or BINARY[name]).__doc__)[1])


# References

def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


REFERENCE = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10, "sin": np.sin,
    "log1p": np.log1p, "cos": np.cos, "tan": np.tan, "tanh": np.tanh, "sinh": np.sinh, "cosh": np.cosh, "sigmoid": sigmoid,
    "atan": np.arctan, "asin": np.arcsin, "acos": np.arccos, "asinh": np.arcsinh, "acosh": np.arccosh,
    "atanh": np.arctanh, "rsqrt": lambda x: 1 / np.sqrt(x), "pow": np.power, "atan2": np.arctan2,
    "erf": np.vectorize(math.erf, [np.float64]), "erfc": np.vectorize(math.erfc, [np.float64]),
}


def long_erf(x):
    """(2 / sqrt(pi)) exp(-x**2) times the sum of 2**k x**(2k + 1) / (2k + 1)!!, whose terms have one sign."""
    a = np.minimum(np.abs(x), LONG(7))
    term, total = a.copy(), a.copy()
    for k in range(1, 150):
        term = term * (2 * a * a) / (2 * k + 1)
        total += term
    return np.copysign(total * np.exp(-a * a) * 2 / np.sqrt(PI), x)


def long_erfc(x):
    """Beyond 2 by Laplace's continued fraction."""
    a, rest = np.maximum(x, LONG(2)), LONG(0)
    for k in range(120, 0, -1):
        rest = (LONG(k) / 2) / (a + rest)
    return np.where(x < 2, 1 - long_erf(np.minimum(x, LONG(2))), np.exp(-a * a) / (a + rest) / np.sqrt(PI))


def ulps(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """|got - want| in units of the last place that `want` has in got's type; inf where one is nan or inf and not both.

    A result that rounds to infinity may be either side of it by the function's error.
    """
    info = np.finfo(got.dtype)
    rounded = want.astype(got.dtype)
    plain = np.isfinite(rounded) & np.isfinite(got)  # long double is slow with nan: only these are measured in it
    size, exact = np.abs(rounded[plain]), np.abs(want[plain])
    unit = np.spacing(np.where(exact < size, np.nextafter(size, info.dtype.type(0)), size))
    error = np.zeros(got.shape)
    error[plain] = np.abs(got[plain] - want[plain]) / unit
    at_edge = np.isinf(got) & (np.abs(rounded) >= info.max) & (np.sign(got) == np.sign(rounded))
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded)) | at_edge
    error[~plain & ~same] = np.inf
    return error


# Arguments

SPANS = {"asin": (-1, 1), "acos": (-1, 1), "atanh": (-1, 1), "acosh": (1, 5), "log": (0.1, 3), "log2": (0.1, 3),
         "log10": (0.1, 3), "log1p": (-1, 2), "rsqrt": (0.1, 3), "sin": (-1000, 1000), "cos": (-1000, 1000),
         "tan": (-1000, 1000), "exp": (-20, 20), "exp2": (-20, 20), "erfc": (-6, 28)}
LIMIT = 2.0**44  # of float64's sine


@functools.cache
def stratified(type: str) -> np.ndarray:
    """Numbers of all exponents: random bits, and a logarithmic spread around 1."""
    dtype = TYPES[type]
    rng = np.random.default_rng(1)
    integer = np.uint32 if type == "float" else np.uint64
    bits = rng.integers(0, np.iinfo(integer).max, 500_000, dtype=integer, endpoint=True).view(dtype)
    near = rng.choice([-1, 1], 250_000) * 10.0 ** rng.uniform(-6, 3, 250_000)
    return np.concatenate([bits, near.astype(dtype), specials(type)])


def specials(type: str) -> np.ndarray:
    """Zeros, infinities, nan, denormals, powers of 2, halves, and the edges of overflow and underflow."""
    info = np.finfo(TYPES[type])
    edges = [info.max, info.tiny, info.smallest_subnormal, info.tiny * 0.75, 1 + info.eps, 1 - info.epsneg, 0.5, 1.0, 2.0,
             *(np.log(LONG(v)) for v in (info.max, info.tiny, info.smallest_subnormal)),
             *(np.log2(LONG(v)) for v in (info.max, info.tiny, info.smallest_subnormal)),
             np.log(LONG(info.max)) + np.log(LONG(2)), PI / 2, PI, PI / 4, np.log(LONG(2)) / 2, np.sqrt(LONG(0.5))]
    values = np.array([0.0, *edges], LONG).astype(info.dtype)
    around = np.concatenate([values, np.nextafter(values, info.dtype.type(0)), np.nextafter(values, info.dtype.type(np.inf))])
    powers = np.ldexp(info.dtype.type(1), np.arange(info.minexp - info.nmant, info.maxexp)).astype(info.dtype)
    positive = np.concatenate([around, powers, [info.dtype.type(np.inf)]])
    return np.concatenate([positive, -positive, [info.dtype.type(np.nan)]])


def arguments(name: str, type: str) -> np.ndarray:
    low, high = SPANS.get(name, (-3, 3))
    span = np.random.default_rng(2).uniform(low, high, 250_000).astype(TYPES[type])
    x = np.concatenate([stratified(type), span])
    return x[~(np.abs(x) > LIMIT)] if type == "double" and name in ("sin", "cos", "tan") else x


# Accuracy

def check(name: str, type: str, *arguments: np.ndarray) -> None:
    """Every value within the stated bound, in pieces that stay in the cache: fresh memory costs more than the arithmetic."""
    from_library = type == "double" and name in ("erf", "erfc")  # within 1 ulp of the truth, and float64
    wide = np.float64 if type == "float" or from_library else LONG
    allowed = bound(name) + (1.0 if from_library else SLACK)
    for start in range(0, arguments[0].size, PIECE):
        piece = [a[start:start + PIECE] for a in arguments]
        got, want = apply(name, type, *piece), REFERENCE[name](*(a.astype(wide) for a in piece))
        error = ulps(got, want)
        i = int(np.argmax(error))
        assert error[i] <= allowed, f"{name}{tuple(a[i] for a in piece)} = {got[i]!r}, not {want[i]!r}: {error[i]:.2f} ulp"
        zero = got == 0
        np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(want[zero]))


@pytest.mark.parametrize(("name", "type"), [(n, t) for n in UNARY for t in REAL])
def test_error_bound_and_special_values(name, type):
    check(name, type, arguments(name, type))


@pytest.mark.parametrize(("name", "reference"), [("erf", long_erf), ("erfc", long_erfc)])
def test_error_functions_of_float64_against_series_in_long_double(name, reference):
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.uniform(-2, 2, 15_000), rng.uniform(-7, 27, 15_000), 10.0 ** rng.uniform(-9, 0, 5_000)])
    assert ulps(apply(name, "double", x), reference(x.astype(LONG))).max() <= bound(name) + SLACK


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_float64_trigonometry_says_nan_beyond_its_range(name):
    x = np.array([LIMIT, -LIMIT, np.nextafter(LIMIT, np.inf), -1e300, 1e22])
    got = apply(name, "double", x)
    assert np.isfinite(got[:2]).all()
    assert np.isnan(got[2:]).all()


def test_float32_sine_of_large_numbers_close_to_multiples_of_pi():
    """The float32 next to k pi, for k up to 2**120: the sine is as small as float32 makes it."""
    k = np.random.default_rng(4).integers(1, 2**31, 100_000) * 2.0 ** np.random.default_rng(5).integers(0, 90, 100_000)
    x = (k * np.pi).astype(np.float32)
    for name in ("sin", "cos", "tan"):
        assert ulps(apply(name, "float", x), REFERENCE[name](x.astype(np.float64))).max() <= bound(name)


@pytest.mark.parametrize("type", REAL)
def test_ranges_are_kept(type):
    x = stratified(type)
    for name in ("sin", "cos", "tanh", "erf"):
        assert np.nanmax(np.abs(apply(name, type, x))) <= 1, name
    assert 0 <= np.nanmin(apply("sigmoid", type, x)) < np.nanmax(apply("sigmoid", type, x)) <= 1
    assert np.nanmin(apply("cosh", type, x)) >= 1


@pytest.mark.parametrize("type", REAL)
@pytest.mark.parametrize("name", ["expm1", "sin", "tan", "tanh", "sinh", "atan", "asin", "asinh", "atanh", "erf", "log1p"])
def test_tiny_arguments_come_back_to_the_last_bit(name, type):
    """These are x + O(x**2) at 0 (erf is x times 2 / sqrt(pi)); denormals and -0 included."""
    info = np.finfo(TYPES[type])
    x = np.concatenate([[0.0], np.geomspace(info.smallest_subnormal, info.eps / 8, 1000)]).astype(info.dtype)
    x = np.concatenate([x, -x])
    want = (x * (2 / np.sqrt(PI))).astype(info.dtype) if name == "erf" else x
    got = apply(name, type, x)
    assert (np.abs(got - want) <= (np.spacing(np.abs(want)) if name == "erf" else 0)).all()
    np.testing.assert_array_equal(np.signbit(got), np.signbit(x))


@pytest.mark.parametrize("type", REAL)
def test_odd_and_even_functions_are_so_exactly(type):
    x = stratified(type)[::7]
    for name in ("sin", "tan", "tanh", "sinh", "atan", "asin", "asinh", "atanh", "erf"):
        np.testing.assert_array_equal(apply(name, type, -x), -apply(name, type, x))
    for name in ("cos", "cosh"):
        np.testing.assert_allclose(apply(name, type, -x), apply(name, type, x), rtol=4 * np.finfo(x.dtype).eps)


@pytest.mark.parametrize("type", REAL)
def test_whole_powers_of_two_are_exact(type):
    info = np.finfo(TYPES[type])
    n = np.arange(info.minexp - info.nmant, info.maxexp).astype(info.dtype)
    powers = np.ldexp(info.dtype.type(1), n.astype(int))
    np.testing.assert_array_equal(apply("exp2", type, n), powers)
    np.testing.assert_array_equal(apply("log2", type, powers), n)
    np.testing.assert_array_equal(apply("pow", type, np.full_like(n, 2), n), powers)


# Two arguments

def grid(type: str) -> tuple[np.ndarray, np.ndarray]:
    info = np.finfo(TYPES[type])
    some = [0.0, 0.5, 1.0, 1 + info.eps, 1.5, 2.0, 2.5, 3.0, 7.0, 2.0**24 - 1, 2.0**24 + 2, 1e10, info.tiny,
            info.smallest_subnormal, info.max, np.inf]
    values = np.array([*some, *(-v for v in some), np.nan], info.dtype)
    x, y = np.meshgrid(values, values)
    return x.ravel(), y.ravel()


def powers(type: str) -> tuple[np.ndarray, np.ndarray]:
    """A spread of bases, with exponents that make results of all sizes; and bases next to 1."""
    rng = np.random.default_rng(6)
    info = np.finfo(TYPES[type])
    base = np.concatenate([2.0 ** rng.uniform(info.minexp, info.maxexp, 300_000), 2.0 ** rng.uniform(-1, 1, 300_000),
                           1 + 2.0 ** rng.uniform(-30, -3, 200_000)]).astype(info.dtype)
    limit = 1.02 * info.maxexp / np.maximum(np.abs(np.log2(base)), info.tiny)
    exponent = (rng.uniform(-1, 1, base.size) * np.minimum(limit, info.max / 4)).astype(info.dtype)
    whole = rng.integers(-40, 40, 100_000).astype(info.dtype)
    return np.concatenate([base, rng.normal(size=100_000).astype(info.dtype)]), np.concatenate([exponent, whole])


def pairs(type: str) -> tuple[np.ndarray, np.ndarray]:
    x = stratified(type)
    y = np.random.default_rng(7).permutation(x)
    small = np.random.default_rng(8).uniform(-9, 9, (2, 200_000)).astype(x.dtype)
    return np.concatenate([x, small[0]]), np.concatenate([y, small[1]])


@pytest.mark.parametrize("type", REAL)
@pytest.mark.parametrize(("name", "spread"), [("pow", powers), ("atan2", pairs)])
def test_error_bound_of_two_arguments(name, spread, type):
    check(name, type, *spread(type))


@pytest.mark.parametrize("type", REAL)
@pytest.mark.parametrize("name", ["pow", "atan2"])
def test_special_values_of_two_arguments(name, type):
    x, y = grid(type)
    got, want = apply(name, type, x, y), REFERENCE[name](x.astype(np.float64), y.astype(np.float64))
    error = ulps(got, want)
    worst = int(np.argmax(error))
    assert error[worst] <= bound(name) + 1, f"{name}({x[worst]}, {y[worst]}) = {got[worst]}, not {want[worst]}"
    known = ~np.isnan(got)
    np.testing.assert_array_equal(np.signbit(got[known]), np.signbit(want[known]))


REMAINDERS = {"fmod": np.fmod, "remainder": np.remainder, "floor_divide": np.floor_divide}


@pytest.mark.parametrize("type", REAL)
@pytest.mark.parametrize("name", REMAINDERS)
def test_remainders_are_exact(name, type):
    """To the bit, signs of zeros included; in float64 up to quotients of 2**150, nan beyond."""
    x, y = (np.concatenate(both) for both in zip(grid(type), (v[-400_000:] for v in pairs(type))))
    got, want = apply(name, type, x, y), REMAINDERS[name](x, y)
    if type == "double":
        beyond = np.isfinite(x) & (y != 0) & (np.abs(x.astype(LONG) / y.astype(LONG)) > LONG(2) ** 150)
        assert np.isnan(got[beyond]).all()
        x, y, got, want = x[~beyond], y[~beyond], got[~beyond], want[~beyond]
    wrong = ~((got == want) | (np.isnan(got) & np.isnan(want))) | (np.signbit(got) != np.signbit(want)) & ~np.isnan(got)
    assert not wrong.any(), list(zip(x[wrong][:3], y[wrong][:3], got[wrong][:3], want[wrong][:3]))


def test_remainder_and_floor_divide_follow_pytorch():
    x, y = (v[-100_000:] for v in pairs("float"))
    for name, function in (("remainder", torch.remainder), ("floor_divide", torch.floor_divide), ("fmod", torch.fmod)):
        np.testing.assert_array_equal(apply(name, "float", x, y), function(torch.tensor(x), torch.tensor(y)).numpy())


@settings(max_examples=100, deadline=None)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_quotient_and_remainder_make_the_dividend(x, y):
    if y != 0:
        r = float(apply("remainder", "float", [x], [y])[0])
        assert abs(r) < abs(y) or math.isinf(r) or abs(r) == abs(y)  # r + y may round up to y
        assert r == 0 or (r < 0) == (y < 0)
        assert float(apply("fmod", "float", [x], [y])[0]) == math.fmod(x, y)


# One or two ways to scale

@pytest.mark.parametrize("type", REAL)
@pytest.mark.parametrize("name", ["exp", "exp2", "sigmoid", "sinh", "cosh", "erfc", "pow"])
def test_processors_without_a_scaling_instruction_get_the_same_bits(name, type):
    if not llvm.get_host_cpu_features().get("avx512f"):
        pytest.skip("this processor has only one of the two ways")
    x, y = (np.ascontiguousarray(v[::5]) for v in pairs(type))
    inputs = (x, y) if name in BINARY else (x,)
    portable = VectorLoop(name, type, scaling=False)
    assert not calls(portable.assembly)
    np.testing.assert_array_equal(portable(*inputs, np.empty_like(x)), apply(name, type, *inputs))


# Bounds and coefficients

def test_every_public_function_states_its_bound():
    for name in (*UNARY, *BINARY):
        if name not in REMAINDERS:
            assert 1 <= bound(name) <= 4
    assert elementary.__doc__.count("@tw_") == 5


def test_coefficients_are_what_the_fit_gives():
    task = next(t for t in minimax.TASKS if t.name == "EXP")
    found, error = minimax.fit(task, "float")
    np.testing.assert_array_equal(np.float32(found), np.float32(EXP["float"]))
    r = np.linspace(-0.3465, 0.3465, 1001)
    measured = np.abs(np.polyval(EXP["float"][::-1], r) * r * r + r - np.expm1(r)) / np.maximum(np.abs(np.expm1(r)), 1e-9)
    assert measured.max() == pytest.approx(2.0**error, rel=0.1)
