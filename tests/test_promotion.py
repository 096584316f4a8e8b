"""Which dtype comes out: all pairs of dtypes, as tensors, 0-d tensors and Python numbers, against torch.result_type."""

import itertools

import pytest
import torch

import talweg

DTYPES = ("bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128").split()
NUMBERS = (True, 3, 2.5, 1 + 2j)
FORMS = {"tensor": lambda T, d: T.ones(2, dtype=getattr(T, d)), "0-d": lambda T, d: T.ones((), dtype=getattr(T, d))}
PAIRS = [(a, b) for a in FORMS for b in FORMS]


def name(dtype) -> str:
    return str(dtype).rpartition(".")[2]


@pytest.mark.parametrize("dtype", DTYPES)
def test_promote_types(dtype):
    for other in DTYPES:
        ours = talweg.promote_types(getattr(talweg, dtype), getattr(talweg, other))
        assert name(ours) == name(torch.promote_types(getattr(torch, dtype), getattr(torch, other))), other


def operands(T, dtype: str, other, form: str, other_form: str):
    x = FORMS[form](T, dtype)
    return (x, FORMS[other_form](T, other)) if isinstance(other, str) else (x, other)


CASES = [(d, o, f, g) for d in DTYPES for o in DTYPES for f, g in PAIRS]
CASES += [(d, n, f, "number") for d in DTYPES for n in NUMBERS for f in FORMS]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("call", ["result_type", "add", "mul", "div", "eq", "sub", "where"])
def test_binary_functions(call, dtype):
    """Where PyTorch refuses (bool minus bool), so do we."""
    for _, other, form, other_form in [c for c in CASES if c[0] == dtype]:
        outcomes = []
        for T in (torch, talweg):
            x, y = operands(T, dtype, other, form, other_form)
            args = (T.ones(2, dtype=T.bool), x, y) if call == "where" else (x, y)
            try:
                found = getattr(T, call)(*args)
                outcomes.append(name(getattr(found, "dtype", found)).replace("complex32", "complex64"))
            except RuntimeError:
                outcomes.append("refused")
        if "float16" in (dtype, other) and "complex64" in outcomes:  # there is no complex32 here
            continue
        assert outcomes[0] == outcomes[1], f"{call}({dtype} {form}, {other} {other_form}): {outcomes[1]}, not {outcomes[0]}"


@pytest.mark.parametrize("call", ["lt", "ge", "ne", "logical_and"])
def test_comparisons_compare_in_the_common_dtype(call):
    """Large neighbouring integers are one number in float32 and two in float64."""
    for dtype, other in itertools.product(["uint8", "int32", "int64", "float32", "float64", "bool"], repeat=2):
        values = [0, 1, 200] if "8" in (dtype + other) else [0, 1, 16777217]
        results = []
        for T in (torch, talweg):
            x = T.tensor([v % 2 if dtype == "bool" else v for v in values], dtype=getattr(T, dtype))
            y = T.tensor([v % 2 if other == "bool" else v - 1 if v > 1 else v for v in values], dtype=getattr(T, other))
            results.append(getattr(T, call)(x, y).tolist())
        assert results[0] == results[1], (dtype, other)


@pytest.mark.parametrize("dtype", DTYPES)
def test_in_place_keeps_the_dtype_or_refuses(dtype):
    for other in [*DTYPES, *NUMBERS]:
        outcomes = []
        for T in (torch, talweg):
            x, y = operands(T, dtype, other, "tensor", "tensor")
            try:
                outcomes.append(name(x.mul_(y).dtype))
            except RuntimeError:
                outcomes.append("refused")
        assert outcomes[0] == outcomes[1], other


@pytest.mark.parametrize("dtype", DTYPES[:-2])
@pytest.mark.parametrize("call", ["exp", "sum", "prod", "cumsum", "sqrt", "abs", "neg", "argmax", "any", "round", "sign",
                                  "sigmoid", "isnan", "square", "var", "mean", "logical_not", "relu", "amax", "sort", "norm"])
def test_unary_functions(call, dtype):
    """Dtype and value for every dtype, or a refusal where PyTorch refuses."""
    outcomes = []
    for T in (torch, talweg):
        x = T.tensor([1, 0, 1], dtype=getattr(T, dtype))
        try:
            found = getattr(T, call)(x, 0) if call in ("cumsum", "argmax") else getattr(T, call)(x)
            found = found[0] if isinstance(found, tuple) else found
            outcomes.append((name(found.dtype), pytest.approx(found.double().tolist(), rel=1e-2, nan_ok=True)))
        except (RuntimeError, TypeError) as error:
            outcomes.append(("refused", f"{type(error).__name__}: {error}"))
    assert outcomes[1][0] == outcomes[0][0], outcomes
    if outcomes[0][0] != "refused":
        assert outcomes[1][1].expected == outcomes[0][1]


@pytest.mark.parametrize("default", ["float64", "float32"])
def test_python_floats_have_the_default_dtype(default):
    for T in (torch, talweg):
        before = T.get_default_dtype()
        T.set_default_dtype(getattr(T, default))
        try:
            found = [T.tensor(1.5), T.ones(2, dtype=T.int64) * 1.5, T.ones(2, dtype=T.int64) / 2, T.zeros(1), T.arange(0, 1, 0.5)]
            assert {name(x.dtype) for x in found} == {default}
        finally:
            T.set_default_dtype(before)


def test_the_default_dtype_must_be_a_float():
    for T in (torch, talweg):
        with pytest.raises(TypeError):
            T.set_default_dtype(T.int64)
