"""Every pair of dtypes, as tensors, 0-d tensors and Python numbers, in every binary operation: the result's dtype and value,
or the type of the refusal, are PyTorch's."""

import operator

import numpy as np
import pytest
import torch

import talweg

torch.set_num_threads(1)
DTYPES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()
NUMBERS = (True, 3, -2, 300, 2.5, 1 + 2j)
VALUES = {"bool": [True, False, True], "uint8": [3, 1, 2], "int": [3, -1, 2], "float": [2.5, -0.75, 3.0],
          "complex": [1 + 2j, -0.5j, 3.0]}
CLOSE = {"float16": 4e-3, "bfloat16": 2e-2, "float32": 1e-5, "complex64": 1e-5}

FUNCTIONS = """add sub mul div pow floor_divide remainder fmod maximum minimum fmax fmin atan2 eq ne lt le gt ge logical_and
logical_or logical_xor bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift copysign xlogy float_power gcd
heaviside nextafter isclose rsub result_type hypot lerp clamp addcmul masked_fill where stack cat""".split()
IN_PLACE = """add sub mul div pow floor_divide remainder eq lt ge logical_and bitwise_and bitwise_or copysign atan2 fmod
bitwise_left_shift""".split()
OPERATORS = """add sub mul truediv floordiv mod pow and_ or_ xor lshift rshift iadd isub imul itruediv ifloordiv ipow iand ior
lt eq matmul""".split()


def _written(T, name, x, y):
    x = x.clone()
    getattr(x, name)(y)
    return x


def _set(T, x, y):
    x = x.clone()
    x[...] = y
    return x


def _mask(T):
    return T.tensor([True, False, True])


SPECIAL = {
    "where": lambda T, x, y: T.where(_mask(T), x, y), "stack": lambda T, x, y: T.stack([x, y]),
    "cat": lambda T, x, y: T.cat([T.atleast_1d(x), T.atleast_1d(y)]), "lerp": lambda T, x, y: T.lerp(x, y, 0.5),
    "masked_fill": lambda T, x, y: T.masked_fill(x, _mask(T), y), "addcmul": lambda T, x, y: T.addcmul(x, x, y),
}


def call(kind: str, name: str):
    if kind == "function":
        return SPECIAL.get(name, lambda T, x, y: getattr(T, name)(x, y))
    if kind == "written":
        return lambda T, x, y: _written(T, name + "_", x, y)
    return lambda T, x, y: getattr(operator, name)(x.clone() if name[0] == "i" and hasattr(x, "clone") else x, y)


CALLS = [*(("function", n) for n in FUNCTIONS), *(("written", n) for n in IN_PLACE), *(("operator", n) for n in OPERATORS)]
TENSORS_FIRST = {"lerp", "clamp", "addcmul", "masked_fill", "stack", "cat"}


def operand(T, dtype, form: str, second: bool):
    if not isinstance(dtype, str):
        return dtype
    kind = dtype if dtype in VALUES else "int" if "int" in dtype else "complex" if "complex" in dtype else "float"
    values = VALUES[kind][::-1] if second else VALUES[kind]
    return T.tensor(values[0] if form == "0-d" else values, dtype=getattr(T, dtype))


def pairs(numbers_first: bool):
    """(one dtype or number, its form, another, its form)"""
    tensors = [(d, form) for d in DTYPES for form in ("tensor", "0-d")]
    for x in tensors:
        for y in [*tensors, *((n, "number") for n in NUMBERS)]:
            yield *x, *y
    if numbers_first:
        for x in NUMBERS:
            for y in tensors:
                yield x, "number", *y


def outcome(T, function, x, y):
    """(the dtype or the type of the refusal, the value)"""
    try:
        found = function(T, x, y)
        if not isinstance(found, T.Tensor):
            return str(found).rpartition(".")[2], None
        wide = found.to(T.complex128) if found.is_complex() else found.double()
        return str(found.dtype).rpartition(".")[2], np.asarray(wide.numpy())
    except Exception as error:
        return type(error).__name__, None


def is_without_complex32(x, form, y, other_form) -> bool:
    """float16 with a complex number is PyTorch's complex32, which does not exist here."""
    half = (x == "float16" and form == "tensor") or (y == "float16" and other_form == "tensor")
    half |= "float16" in (x, y) and "number" in (form, other_form)
    one = x if x != "float16" else y
    return half and ("complex" in one if isinstance(one, str) else isinstance(one, complex))


def is_known(name: str, x, y, other_form: str) -> bool:
    """masked_fill cuts a 0-d complex tensor to a real number there, and takes a complex number for a bool: refused here."""
    return name == "masked_fill" and ("complex" in y if isinstance(y, str) else isinstance(y, complex))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "name"), [*CALLS, ("set", "[...] =")], ids=lambda v: v)
def test_all_pairs(kind, name):
    function = _set_or_call(kind, name)
    with np.errstate(all="ignore"):
        for x, form, y, other_form in pairs(kind not in ("written", "set") and name[0] != "i" and name not in TENSORS_FIRST):
            if is_without_complex32(x, form, y, other_form) or is_known(name, x, y, other_form):
                continue
            theirs, wanted = outcome(torch, function, operand(torch, x, form, False), operand(torch, y, other_form, True))
            ours, found = outcome(talweg, function, operand(talweg, x, form, False), operand(talweg, y, other_form, True))
            what = f"{name}({x} {form}, {y} {other_form})"
            assert ours == theirs, f"{what}: {ours} {found}, PyTorch {theirs} {wanted}"
            if wanted is not None:
                close = max(CLOSE.get(d, 1e-9) for d in (theirs, x, y))
                np.testing.assert_allclose(found, wanted, close, close, err_msg=what)


def _set_or_call(kind: str, name: str):
    return _set if kind == "set" else call(kind, name)


@pytest.mark.parametrize(("call", "match"), [
    (lambda T, u: u.fill_(300), "without overflow"), (lambda T, u: T.where(u > 3, u, 300), "without overflow"),
    (lambda T, u: u.masked_fill(u > 3, 300), "without overflow"), (lambda T, u: T.add(u, u, alpha=300), "without overflow"),
    (lambda T, u: T.full((2,), 300, dtype=T.uint8), "without overflow"), (lambda T, u: u**300, "without overflow"),
    (lambda T, u: T.nn.functional.pad(u, (1, 1), value=-2), "without overflow"), (lambda T, u: u + 2**70, "too big"),
    (lambda T, u: T.nn.functional.pad(u, (1, 1), value=256), "without overflow"),
])
def test_numbers_that_a_dtype_cannot_hold(call, match):
    for T in (torch, talweg):
        with pytest.raises((RuntimeError, OverflowError), match=match) as error:
            call(T, T.tensor([254, 44, 3], dtype=T.uint8))
        assert error.type is (OverflowError if match == "too big" else RuntimeError)


@pytest.mark.parametrize("call", [
    lambda T, u: u.fill_(-2), lambda T, u: T.where(u > 3, -2, u), lambda T, u: u.masked_fill(u > 3, -2), lambda T, u: u == -2,
    lambda T, u: T.full((2,), -2, dtype=T.uint8), lambda T, u: T.tensor([-2, 3], dtype=T.uint8), lambda T, u: u - 2**40,
    lambda T, u: u.index_fill(0, T.tensor([0]), -2), lambda T, u: u.scatter(0, T.tensor([0]), -2), lambda T, u: 300**u,
    lambda T, u: u.new_full((2,), -2), lambda T, u: u & -2, lambda T, u: (u.int() * 2).to(T.int8) * 300,
])
def test_numbers_that_wrap(call):
    """Below zero an unsigned dtype counts down from its top, and arithmetic is modulo its size."""
    theirs, ours = (call(T, T.tensor([254, 44, 3], dtype=T.uint8)) for T in (torch, talweg))
    assert ours.tolist() == theirs.tolist()
    assert str(ours.dtype).rpartition(".")[2] == str(theirs.dtype).rpartition(".")[2]
