"""Graphs that the compiler once got wrong: each compiled at first sight, and again on other numbers."""

import faulthandler

import numpy as np
import pytest
from compiling import compiling

import talweg as T
from talweg.graph import ops
from talweg.graph.leaves import constant
from talweg.tensor.tensor import wrap


@pytest.fixture(autouse=True)
def no_hanging():
    """A compiler that never ends is a failure, not a wait."""
    faulthandler.dump_traceback_later(60, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def same_both_ways(function, *shapes, dtype="float32", runs=2):
    """What `function` makes of random tensors, compiled, is what the interpreter makes of them."""
    for run in range(runs):
        rng = np.random.default_rng(run)
        numbers = [rng.uniform(-2, 2, shape).astype(dtype) for shape in shapes]

        def values(numbers=numbers):
            results = function(*map(T.tensor, numbers))
            return [x.detach().numpy() for x in (results if isinstance(results, (tuple, list)) else [results])]

        plain = values()
        with compiling() as seen:
            fast = values()
        assert not seen.errors
        assert seen.programs
        for a, b in zip(fast, plain):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, 1e-5, 1e-6)


def test_a_result_that_no_affine_index_reaches():
    """The planner stored the reshape's source again and again."""
    same_both_ways(lambda x: (x * 2)[:, 1:].t().reshape(-1), (3, 5))
    same_both_ways(lambda x: x.flip(0).t().reshape(7, 2), (2, 7))


def test_a_result_that_is_a_constant():
    """The gradient of a 0-d copy is the seed itself."""
    x = T.tensor(2.0, requires_grad=True)
    with compiling() as seen:
        (gradient,) = T.grad(x.clone(), x)
        assert gradient.item() == 1.0
        assert T.ones(()).item() == 1.0
    assert not seen.errors


@pytest.mark.parametrize("number", [0.1, 1e39, -1e39, float("inf"), 1 + 2.0**-9])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_a_constant_has_the_bits_of_its_dtype(number, dtype):
    """Kernels compute bfloat16 in float32; a constant in them is bfloat16 all the same."""
    kind = getattr(T, dtype)
    x = T.tensor(np.linspace(0.5, 2, 99)).to(kind)
    x.numpy() if dtype != "bfloat16" else x.float().numpy()

    def value():
        with np.errstate(over="ignore"):
            return wrap(ops.mul(x.node, constant(number, kind))).double().numpy()

    plain = value()
    with compiling() as seen:
        np.testing.assert_array_equal(value(), plain)
    assert not seen.errors


def test_a_compiled_function_hands_on_what_it_gets():
    """Its argument without its history, and a captured tensor that is updated afterwards, are those of each call."""
    weight = T.tensor(np.zeros(3, np.float32))

    @T.compile
    def step(x):
        before = weight.clone()
        weight.add_(x.sum())
        return x.detach(), before, weight.detach()

    for call in range(5):
        x, before, after = step(T.full((2,), float(call)))
        assert x.tolist() == [call, call]
        assert before.tolist() == [call * (call - 1)] * 3
        assert after.tolist() == [call * (call + 1)] * 3
    assert weight.tolist() == [20.0] * 3
