"""Parametrisations, weight and spectral normalisation, folded batch normalisation, calls with other parameters."""

import copy

import numpy as np
import pytest
import torch

import talweg as tw
from talweg import nn
from talweg.nn.utils import parametrizations, parametrize, stateless

torch.set_num_threads(1)
X = np.random.default_rng(0).standard_normal((2, 3, 9))


def both(make):
    """Ours and PyTorch's in float64 with the same state."""
    ours, theirs = make(nn).double(), make(torch.nn).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: tw.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    return ours, theirs


def assert_alike(ours, theirs, x=X):
    """Value, gradients and state over calls in training and in evaluation."""
    for training in (True, True, False):
        ours.train(training)
        theirs.train(training)
        ours.zero_grad()
        theirs.zero_grad()
        a, b = ours(tw.tensor(x)), theirs(torch.tensor(x))
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-9, 1e-10)
        a.square().sum().backward()
        b.square().sum().backward()
        for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), 1e-8, 1e-9, err_msg=name)
        for (name, p), q in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
            np.testing.assert_allclose(p.numpy(), q.numpy(), 1e-9, 1e-10, err_msg=name)


LAYERS = [lambda m: m.Conv1d(3, 4, 3), lambda m: m.ConvTranspose1d(3, 4, 3), lambda m: m.Linear(9, 5)]
OLD = [
    ("weight_norm", {}, "remove_weight_norm"), ("weight_norm", {"dim": None}, "remove_weight_norm"),
    ("weight_norm", {"dim": 1}, "remove_weight_norm"), ("spectral_norm", {"n_power_iterations": 2}, "remove_spectral_norm"),
]


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("name", "settings", "remove"), OLD)
def test_the_old_normalisations(name, settings, remove, layer):
    ours, theirs = both(lambda m: getattr(m.utils, name)(layer(m), **settings))
    assert_alike(ours, theirs)
    assert repr(ours) == repr(theirs)
    with pytest.raises(RuntimeError, match="two"):
        getattr(nn.utils, name)(ours)
    before = ours(tw.tensor(X)).detach().numpy()
    getattr(nn.utils, remove)(ours)
    getattr(torch.nn.utils, remove)(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    np.testing.assert_allclose(ours(tw.tensor(X)).detach().numpy(), before, 1e-12, 1e-12)
    with pytest.raises(ValueError, match="not found"):
        getattr(nn.utils, remove)(ours)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("name", "settings"), [
    ("weight_norm", {}), ("weight_norm", {"dim": None}), ("spectral_norm", {}),
    ("spectral_norm", {"n_power_iterations": 3, "dim": 1}),
])
def test_the_parametrisations(name, settings, layer):
    ours, theirs = both(lambda m: getattr(m.utils.parametrizations, name)(layer(m), **settings))
    assert_alike(ours, theirs)
    assert repr(ours) == repr(theirs)
    assert parametrize.is_parametrized(ours, "weight")
    assert not parametrize.is_parametrized(ours, "bias")
    copied = copy.deepcopy(ours)
    np.testing.assert_array_equal(copied(tw.tensor(X)).detach().numpy(), ours(tw.tensor(X)).detach().numpy())
    kind = parametrize.type_before_parametrizations(ours)
    parametrize.remove_parametrizations(ours, "weight")
    torch.nn.utils.parametrize.remove_parametrizations(theirs, "weight")
    assert type(ours) is kind
    assert_alike(ours, theirs)


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).transpose(-1, -2)

    def right_inverse(self, x):
        return x.triu()


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x


class Widened(nn.Module):
    def forward(self, x):
        return tw.cat([x, x])


def test_a_parametrisation_of_ones_own():
    layer = nn.Linear(3, 3)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    w = layer.weight.detach().numpy()
    np.testing.assert_array_equal(w, w.T)
    layer.weight = tw.tensor(np.arange(9, dtype="f4").reshape(3, 3))
    np.testing.assert_array_equal(layer.weight.detach().numpy(), [[0, 1, 2], [1, 4, 5], [2, 5, 8]])
    parametrize.register_parametrization(layer, "weight", Doubled())
    np.testing.assert_array_equal(layer.weight.detach().numpy(), np.array([[0, 1, 2], [1, 4, 5], [2, 5, 8]]) * 2)
    assert list(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
    with parametrize.cached():
        assert layer.weight is layer.weight
    assert layer.weight is not layer.weight
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    np.testing.assert_array_equal(layer.weight.detach().numpy(), [[0, 1, 2], [0, 4, 5], [0, 0, 8]])
    assert type(layer) is nn.Linear


def test_parametrisations_that_are_refused():
    layer = nn.Linear(3, 3)
    with pytest.raises(ValueError, match="does not have"):
        parametrize.register_parametrization(layer, "wait", Doubled())
    with pytest.raises(ValueError, match="shape"):
        parametrize.register_parametrization(layer, "weight", Widened())
    assert isinstance(layer.weight, nn.Parameter)
    with pytest.raises(ValueError, match="does not have a parametrization"):
        parametrize.remove_parametrizations(layer, "weight")
    parametrize.register_parametrization(layer, "weight", Doubled())
    with pytest.raises(RuntimeError, match="right_inverse"):
        layer.weight = tw.zeros(3, 3)
    with pytest.raises(ValueError, match="sequence"):
        parametrize.remove_parametrizations(parametrizations.weight_norm(nn.Linear(2, 2)), "weight", leave_parametrized=False)
    for bad in (lambda: parametrizations.spectral_norm(nn.Linear(2, 2), n_power_iterations=0),
                lambda: nn.utils.spectral_norm(nn.Linear(2, 2), n_power_iterations=0),
                lambda: parametrizations.weight_norm(nn.ReLU())):
        with pytest.raises(ValueError):
            bad()


def test_spectral_norm_finds_the_largest_singular_value():
    layer = parametrizations.spectral_norm(nn.Linear(6, 4).double(), n_power_iterations=50)
    layer(tw.zeros(1, 6, dtype=tw.float64))
    assert np.linalg.norm(layer.weight.detach().numpy(), 2) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("bias", [True, False])
def test_batch_norm_folds_into_the_layer_before_it(bias):
    pairs = [(nn.Conv1d(3, 4, 3, bias=bias), nn.BatchNorm1d(4), nn.utils.fuse_conv_bn_eval, (2, 3, 9)),
             (nn.Linear(3, 4, bias=bias), nn.BatchNorm1d(4, affine=False), nn.utils.fuse_linear_bn_eval, (5, 3))]
    for layer, norm, fuse, shape in pairs:
        both = nn.Sequential(layer, norm).double()
        for _ in range(3):
            both(tw.randn(*shape, dtype=tw.float64) * 3 + 1)
        with pytest.raises(AssertionError):
            fuse(layer, norm)
        both.eval()
        x = tw.randn(*shape, dtype=tw.float64)
        np.testing.assert_allclose(fuse(layer, norm)(x).detach().numpy(), both(x).detach().numpy(), 1e-9, 1e-10)


def test_a_call_with_other_parameters():
    layer = nn.Linear(2, 2)
    mine = layer.weight
    other = tw.zeros(2, 2).requires_grad_()
    out = stateless.functional_call(layer, {"weight": other}, tw.ones(1, 2))
    np.testing.assert_array_equal(out.detach().numpy(), layer.bias.detach().numpy()[None])
    out.sum().backward()
    assert other.grad is not None
    assert mine.grad is None
    assert layer.weight is mine
    with pytest.raises(RuntimeError, match="Missing"):
        stateless.functional_call(layer, {"weight": other}, tw.ones(1, 2), strict=True)
