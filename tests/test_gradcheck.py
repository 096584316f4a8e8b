"""The public gradient checker: it passes what is right, and says what is wrong. The same of PyTorch's."""

import types

import numpy as np
import pytest
import torch

import talweg

TALWEG = types.SimpleNamespace(T=talweg, check=talweg.gradcheck, check2=talweg.gradgradcheck, Function=talweg.Function,
                               Error=talweg.GradcheckError)
TORCH = types.SimpleNamespace(T=torch, check=torch.autograd.gradcheck, check2=torch.autograd.gradgradcheck,
                              Function=torch.autograd.Function, Error=torch.autograd.gradcheck.__globals__["GradcheckError"])


@pytest.fixture(params=[TALWEG, TORCH], ids=["talweg", "torch"])
def F(request):
    return request.param


def leaf(F, *shape, seed=0):
    values = np.random.default_rng(seed).uniform(0.2, 1.5, shape)
    return F.T.tensor(values.tolist(), dtype=F.T.float64, requires_grad=True)


def with_factor(F, factor):
    """The square, with a gradient that is `factor` times the right one."""

    class Square(F.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return factor * 2 * ctx.saved_tensors[0] * g

    return Square.apply


def test_right_gradients_pass(F):
    x, y = leaf(F, 2, 3), leaf(F, 3, 2, seed=1)
    assert F.check(lambda a, b: ((a @ b).tanh(), a.sum(0), b * b), (x, y)) is True
    assert F.check2(lambda a, b: ((a @ b).tanh(), b * b), (x, y)) is True


def test_arguments_without_gradient_are_passed_over(F):
    x = leaf(F, 3)
    fixed = F.T.tensor([1.0, 2.0, 3.0], dtype=F.T.float64)
    assert F.check(lambda a, b, n, text: a * b * n, (x, fixed, 2, "text"))


def test_one_input_needs_no_tuple_and_a_scalar_is_an_output(F):
    assert F.check(lambda a: a.sum(), leaf(F, 3))
    assert F.check(lambda a: a.exp(), leaf(F))


def test_a_wrong_gradient_is_found(F):
    assert F.check(with_factor(F, 1.0), leaf(F, 2))
    with pytest.raises(F.Error, match="Jacobian mismatch for output 0 with respect to input 0"):
        F.check(with_factor(F, 1.01), leaf(F, 2))
    assert F.check(with_factor(F, 1.01), leaf(F, 2), raise_exception=False) is False
    assert F.check(with_factor(F, 1.01), leaf(F, 2), rtol=0.05)


def test_a_wrong_second_derivative_is_found(F):
    """The first is right; written so that the second is lost."""

    class Cube(F.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            return g * 3 * ctx.saved_tensors[0].detach() ** 2

    assert F.check(Cube.apply, leaf(F, 2))
    with pytest.raises(F.Error):
        F.check2(Cube.apply, leaf(F, 2))
    assert F.check2(lambda x: x**3, leaf(F, 2))


def test_upstream_gradients_may_be_given(F):
    x = leaf(F, 3)
    assert F.check2(lambda a: a.sin(), (x,), (F.T.ones(3, dtype=F.T.float64, requires_grad=True),))


def test_inputs_keep_their_values_and_their_gradients(F):
    x = leaf(F, 4)
    before = x.detach().clone().tolist()
    F.check(lambda a: a * a, x)
    assert x.tolist() == before
    assert x.grad is None
    assert x.is_leaf


def test_a_function_may_come_by_its_inputs_otherwise(F):
    """The usual way of checking a layer: its parameters are the inputs, and the function ignores its arguments."""
    w = leaf(F, 2, 2)
    assert F.check(lambda *_: (w @ w).sin(), (w,))


def test_no_input_with_gradient_is_refused(F):
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        F.check(lambda a: a, F.T.ones(2))


def test_single_precision_is_warned_about(F):
    x = F.T.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match="requires gradient and is"):
        F.check(lambda a: a * 2, x, eps=1e-2, atol=1e-2)


def test_a_gradient_that_changes_from_pass_to_pass_is_found(F):
    count = []

    class Drifting(F.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            count.append(1)
            return g * (2 + 1e-7 * len(count))

    with pytest.raises(F.Error, match="not reentrant"):
        F.check(Drifting.apply, leaf(F, 2))
    assert F.check(Drifting.apply, leaf(F, 2), nondet_tol=1e-3)


def test_the_message_holds_both_matrices():
    with pytest.raises(talweg.GradcheckError) as caught:
        talweg.gradcheck(lambda a, b: (a * 1, with_factor(TALWEG, 3.0)(b)), (leaf(TALWEG, 1), talweg.tensor(
            [0.5], dtype=talweg.float64, requires_grad=True)))
    message = str(caught.value)
    assert "output 1 with respect to input 1" in message
    assert "numerical:\n[[1." in message
    assert "analytical:\n[[3.]]" in message


def test_repeated_memory_is_refused():
    x = talweg.ones(1, dtype=talweg.float64).expand(3).requires_grad_()
    with pytest.raises(RuntimeError, match="contiguous"):
        talweg.gradcheck(lambda a: a * 2, x)


def test_empty_inputs_and_outputs():
    x = talweg.zeros(0, 3, dtype=talweg.float64, requires_grad=True)
    assert talweg.gradcheck(lambda a: (a * 2, a.sum()), x)
