"""Lazy layers: they learn the width of their input from the first one, and are then the layers they stand for."""

import copy

import numpy as np
import pytest
import torch

import talweg as tw
from talweg import nn, optim

torch.set_num_threads(1)
CASES = [
    ("LazyLinear", (4,), (2, 3)), ("LazyLinear", (4, False), (3,)), ("LazyConv1d", (4, 3, 1, 1, 2, 1, False), (2, 3, 8)),
    ("LazyConv2d", (4, 3), (2, 3, 8, 7)), ("LazyConv3d", (4, 2), (3, 4, 4, 4)), ("LazyConvTranspose1d", (2, 3), (2, 3, 5)),
    ("LazyConvTranspose2d", (4, 3, 2, 1, 1), (2, 3, 8, 8)), ("LazyConvTranspose3d", (2, 2), (1, 3, 2, 2, 2)),
    ("LazyBatchNorm1d", (), (5, 3)), ("LazyBatchNorm2d", (), (2, 3, 4, 4)), ("LazyBatchNorm3d", (1e-3,), (2, 3, 2, 2, 2)),
    ("LazyInstanceNorm1d", (), (2, 3, 5)), ("LazyInstanceNorm2d", (1e-5, 0.1, True, True), (2, 3, 4, 4)),
    ("LazyInstanceNorm3d", (1e-5, 0.1, False, False), (2, 3, 2, 2, 2)),
]


@pytest.mark.parametrize(("name", "args", "shape"), CASES)
def test_a_lazy_layer_becomes_the_layer(name, args, shape):
    ours, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert ours.has_uninitialized_params() == theirs.has_uninitialized_params()
    x = np.random.default_rng(0).standard_normal(shape).astype("f4")
    theirs(torch.tensor(x))
    ours(tw.tensor(x))
    assert type(ours) is getattr(nn, name.removeprefix("Lazy"))
    assert repr(ours) == repr(theirs)
    ours.load_state_dict({k: tw.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    a, b = ours(tw.tensor(x)), theirs(torch.tensor(x))
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-4, 1e-5)
    if a.requires_grad:
        a.sum().backward()
        assert all(p.grad is not None for p in ours.parameters())


@pytest.mark.parametrize(("name", "args", "shape"), CASES[:2] + CASES[3:4] + CASES[9:10])
def test_a_state_gives_the_shapes_too(name, args, shape):
    whole, lazy = getattr(nn, name)(*args), getattr(nn, name)(*args)
    x = tw.tensor(np.random.default_rng(0).standard_normal(shape).astype("f4"))
    whole(x)
    lazy.load_state_dict(whole.state_dict())
    assert not lazy.has_uninitialized_params()
    np.testing.assert_array_equal(lazy.eval()(x).detach().numpy(), whole.eval()(x).detach().numpy())


def test_an_uninitialised_parameter_has_no_shape_yet():
    layer = nn.LazyLinear(2)
    assert isinstance(layer.weight, nn.UninitializedParameter)
    with pytest.raises(RuntimeError, match="uninitialized"):
        _ = layer.weight.shape
    with pytest.raises(RuntimeError, match="uninitialized"):
        layer.weight.numel()
    copied = copy.deepcopy(layer)
    copied(tw.zeros(1, 3))
    assert layer.has_uninitialized_params()
    assert tuple(copied.weight.shape) == (2, 3)


def test_the_parameters_an_optimiser_was_given_stay_the_same_objects():
    model = nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(1)).double()
    before = list(model.parameters())
    x = tw.ones(3, 2, dtype=tw.float64)
    model(x)
    assert all(a is b for a, b in zip(before, model.parameters(), strict=True))
    optimizer = optim.SGD(before, 0.1)
    old = model[0].weight.detach().numpy().copy()
    model(x).sum().backward()
    optimizer.step()
    assert model[0].weight.dtype is tw.float64
    assert np.abs(model[0].weight.detach().numpy() - old).max() > 0


def test_inputs_a_lazy_layer_refuses():
    with pytest.raises(RuntimeError, match="input"):
        nn.LazyConv2d(4, 3)(tw.zeros(3))
    with pytest.raises(ValueError, match="divisible"):
        nn.LazyConv2d(4, 3, groups=2)(tw.zeros(1, 3, 5, 5))
