"""Dual numbers (autograd.forward_ad) against PyTorch's, and hooks on saved tensors refused."""

import numpy as np
import pytest
import torch

import talweg as tw

torch.set_num_threads(1)
ours, theirs = tw.autograd.forward_ad, torch.autograd.forward_ad
FUNCTIONS = {
    "pointwise": lambda T, x: x.sin() * x + 2,
    "product": lambda T, x: x @ x.exp(),
    "softmax": lambda T, x: x.softmax(-1).sum(0),
    "norm": lambda T, x: T.nn.functional.layer_norm(x, (3,)),
    "in place": lambda T, x: (x * 2).mul_(x),
    "view": lambda T, x: x.t()[1:] ** 2,
    "relu": lambda T, x: x.relu(),
}


def numbers(seed):
    return np.random.default_rng(seed).standard_normal((3, 3))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_tangents_are_pytorchs(name):
    found = []
    for T, ad in ((tw, ours), (torch, theirs)):
        with ad.dual_level():
            dual = ad.make_dual(T.tensor(numbers(0)), T.tensor(numbers(1)))
            primal, tangent = ad.unpack_dual(FUNCTIONS[name](T, dual))
        assert not primal.requires_grad
        assert not tangent.requires_grad
        found.append((primal.numpy(), tangent.numpy()))
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_several_duals_and_what_has_no_tangent():
    for T, ad in ((tw, ours), (torch, theirs)):
        with ad.dual_level():
            x = ad.make_dual(T.tensor([2.0, 3.0]), T.tensor([1.0, 0.0]))
            y = ad.make_dual(T.tensor([5.0, 7.0]), T.tensor([0.0, 10.0]))
            assert ad.unpack_dual(x * y).tangent.tolist() == [5.0, 30.0]
            assert ad.unpack_dual(x).tangent.tolist() == [1.0, 0.0]
            assert ad.unpack_dual(T.ones(2) * 3).tangent is None
            w = T.ones(2, requires_grad=True)
            assert ad.unpack_dual(w * 2).tangent is None
            value, tangent = ad.unpack_dual(x * w)
            assert value.requires_grad
            tangent.sum().backward()
            assert w.grad.tolist() == [1.0, 0.0]
        assert ad.unpack_dual(T.ones(2)).tangent is None


def test_the_tangent_is_jvp():
    x, v = tw.tensor(numbers(2)), tw.tensor(numbers(3))
    function = lambda x: (x @ x).tanh()
    with ours.dual_level():
        found = ours.unpack_dual(function(ours.make_dual(x, v))).tangent
    np.testing.assert_allclose(found.numpy(), tw.func.jvp(function, (x,), (v,))[1].numpy(), rtol=1e-12)


def test_levels():
    with pytest.raises(RuntimeError, match="no level exists|does not exist"):
        ours.make_dual(tw.ones(2), tw.ones(2))
    for ad in (ours, theirs):
        with ad.dual_level(), pytest.raises(RuntimeError, match="Nested"):
            ad.enter_dual_level()
        with pytest.raises(RuntimeError):
            ad.exit_dual_level()
        level = ad.enter_dual_level()
        ad.exit_dual_level(level=level)
    with pytest.raises(ZeroDivisionError), ours.dual_level():
        _ = 1 / 0
    with ours.dual_level():  # the level before has been left
        pass


@pytest.mark.parametrize("make", [
    lambda T, ad: ad.make_dual(T.ones(2), T.ones(3)), lambda T, ad: ad.make_dual(T.ones(2), T.ones(2, dtype=T.int64)),
    lambda T, ad: ad.make_dual(T.ones(2, dtype=T.int64), T.ones(2)), lambda T, ad: ad.make_dual(3.0, T.ones(2)),
    lambda T, ad: ad.make_dual(T.ones(2), None),
])
def test_what_makes_no_dual_number(make):
    for T, ad in ((tw, ours), (torch, theirs)):
        with ad.dual_level(), pytest.raises((RuntimeError, TypeError, ValueError, AttributeError)):
            make(T, ad)


def test_hooks_on_saved_tensors_say_what_to_use():
    with pytest.raises(NotImplementedError, match="checkpoint"):
        tw.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x)
