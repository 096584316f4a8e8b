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


# --- orthogonal weights
def orthonormal(weight):
    w = weight.detach().numpy()
    w = w if w.shape[-2] >= w.shape[-1] else np.swapaxes(w, -1, -2)
    np.testing.assert_allclose(np.swapaxes(w, -1, -2) @ w, np.broadcast_to(np.eye(w.shape[-1]), (*w.shape[:-2], w.shape[-1],
                                                                                               w.shape[-1])), atol=1e-9)


@pytest.mark.parametrize("orthogonal_map", [None, "matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("trivial", [True, False])
@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_orthogonal_weights_are_pytorchs(orthogonal_map, trivial, shape):
    found = []
    for T in (tw, torch):
        layer = T.nn.Linear(*shape, dtype=T.float64)
        layer = T.nn.utils.parametrizations.orthogonal(layer, orthogonal_map=orthogonal_map, use_trivialization=trivial)
        found.append(layer)
    ours, theirs = found
    assert list(ours.state_dict()) == list(theirs.state_dict())
    orthonormal(ours.weight)
    moved = {k: v + 0.3 * torch.randn_like(v) if k.endswith("original") else v for k, v in theirs.state_dict().items()}
    if "householder" in (orthogonal_map, "householder" if orthogonal_map is None and shape[0] != shape[1] else ""):
        original = moved["parametrizations.weight.original"]
        original.diagonal().copy_(torch.where(torch.rand(min(shape)) < 0.5, -1.0, 1.0))
    theirs.load_state_dict(moved)
    ours.load_state_dict({k: tw.tensor(v.numpy()) for k, v in moved.items()})
    orthonormal(ours.weight)
    x = np.random.default_rng(1).standard_normal((2, shape[0]))
    for T, layer in ((tw, ours), (torch, theirs)):
        layer(T.tensor(x)).sin().sum().backward()
    np.testing.assert_allclose(ours.weight.detach().numpy(), theirs.weight.detach().numpy(), atol=1e-9)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), atol=1e-8, err_msg=name)


@pytest.mark.parametrize(("orthogonal_map", "trivial"), [("matrix_exp", True), ("cayley", True), ("householder", True),
                                                         ("householder", False)])
@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3), (2, 4, 3)])
def test_an_orthogonal_weight_can_be_set(orthogonal_map, trivial, shape):
    class Holder(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(tw.randn(*shape, dtype=tw.float64))

    holder = parametrizations.orthogonal(Holder(), orthogonal_map=orthogonal_map, use_trivialization=trivial)
    wanted = torch.nn.init.orthogonal_(torch.empty(shape[-2:], dtype=torch.float64)).numpy()
    wanted = np.broadcast_to(wanted, shape).copy()
    holder.weight = tw.tensor(wanted)
    np.testing.assert_allclose(holder.weight.detach().numpy(), wanted, atol=1e-9)
    with pytest.raises(ValueError, match="shape"):
        holder.weight = tw.zeros(7, 7, dtype=tw.float64)


def test_orthogonal_weights_stay_so_in_training():
    layer = parametrizations.orthogonal(nn.Linear(6, 6, dtype=tw.float64))
    optimizer = tw.optim.Adam(layer.parameters(), lr=0.1)
    x, y = tw.tensor(np.random.default_rng(0).standard_normal((2, 20, 6)))
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = (layer(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    orthonormal(layer.weight)


@pytest.mark.parametrize("call", [
    lambda n: n.utils.parametrizations.orthogonal(n.Linear(2, 2), "nothing"),
    lambda n: n.utils.parametrizations.orthogonal(n.Linear(2, 2), "bias"),
    lambda n: n.utils.parametrizations.orthogonal(n.Linear(2, 2), orthogonal_map="other"),
])
def test_bad_calls_of_orthogonal(call):
    for n in (nn, torch.nn):
        with pytest.raises(ValueError):
            call(n)


@pytest.mark.parametrize("orthogonal_map", ["matrix_exp", "cayley"])
def test_maps_without_an_inverse_refuse_to_be_set(orthogonal_map):
    for T in (tw, torch):
        layer = T.nn.utils.parametrizations.orthogonal(T.nn.Linear(3, 3), orthogonal_map=orthogonal_map, use_trivialization=False)
        with pytest.raises(NotImplementedError):
            layer.weight = T.eye(3)
