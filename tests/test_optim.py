"""Optimisers: a hundred steps equal to PyTorch's for every option, groups, state, hooks, and bad input."""

import copy
import inspect
import pickle

import numpy as np
import pytest
import torch

import talweg as tw
from talweg import nn, optim
from talweg.compile.engine import compile_after
from talweg.nn import utils

torch.set_num_threads(1)

CONFIGS = [
    ("SGD", {}),
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.02, "momentum": 0.9}),
    ("SGD", {"lr": 0.02, "momentum": 0.9, "dampening": 0.4}),
    ("SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.02, "momentum": 0.5, "nesterov": True, "weight_decay": 0.05}),
    ("SGD", {"lr": 0.001, "maximize": True}),
    ("SGD", {"lr": 0.001, "momentum": 0.9, "weight_decay": 0.1, "maximize": True}),
    ("SGD", {"lr": 0.02, "foreach": True, "fused": False}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05}),
    ("Adam", {"lr": 0.05, "betas": (0.5, 0.9)}),
    ("Adam", {"lr": 0.05, "eps": 0.1}),
    ("Adam", {"lr": 0.05, "betas": (0.0, 0.99)}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("Adam", {"lr": 0.05, "amsgrad": True}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.3}),
    ("AdamW", {"lr": 0.05, "amsgrad": True}),
    ("AdamW", {"lr": 0.01, "maximize": True}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.0, "betas": (0.8, 0.95)}),
]
IDS = ["-".join([name, *(f"{k}={v}" for k, v in settings.items())]) for name, settings in CONFIGS]


class Problem:
    """Two parameters of a least-squares fit with changing data; the same numbers in either library."""

    def __init__(self, library):
        rng = np.random.default_rng(0)
        self.library = library
        self.rng = np.random.default_rng(1)
        self.weight = library.tensor(rng.standard_normal((4, 3)).astype(np.float32)).requires_grad_(True)
        self.bias = library.tensor(rng.standard_normal(3).astype(np.float32)).requires_grad_(True)
        self.parameters = [self.weight, self.bias]

    def loss(self):
        x = self.library.tensor(self.rng.standard_normal((8, 4)).astype(np.float32))
        y = self.library.tensor(self.rng.standard_normal((8, 3)).astype(np.float32))
        return ((x @ self.weight + self.bias - y) ** 2).mean()

    def train(self, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            self.loss().backward()
            optimizer.step()
        return self

    def values(self):
        return [p.detach().numpy() for p in self.parameters]


def run(library, optimisers, name, settings, steps=100):
    problem = Problem(library)
    optimizer = getattr(optimisers, name)(problem.parameters, **settings)
    return problem.train(optimizer, steps), optimizer


@pytest.mark.parametrize(("name", "settings"), CONFIGS, ids=IDS)
def test_a_hundred_steps_equal_pytorch(name, settings):
    ours, our_optimizer = run(tw, optim, name, settings)
    theirs, their_optimizer = run(torch, torch.optim, name, settings)
    for a, b in zip(ours.values(), theirs.values()):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    saved, expected = our_optimizer.state_dict(), their_optimizer.state_dict()
    assert [list(g) for g in saved["param_groups"]] == [list(g) for g in expected["param_groups"]]
    assert saved["state"].keys() == expected["state"].keys()
    for key, state in expected["state"].items():
        assert list(saved["state"][key]) == [k for k, v in state.items() if v is not None]
        for entry, value in state.items():
            if value is not None:
                found = saved["state"][key][entry]
                assert tuple(found.shape) == tuple(value.shape)
                np.testing.assert_allclose(found.numpy(), value.numpy(), rtol=1e-4, atol=1e-5, err_msg=entry)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Optimizer"])
def test_signatures_are_those_of_pytorch(name):
    def listed(kind):
        parameters = inspect.signature(kind).parameters.values()
        return [(p.name, p.default, p.kind) for p in parameters]

    assert listed(getattr(optim, name)) == listed(getattr(torch.optim, name))


def test_a_tensor_as_learning_rate():
    problem, expected = Problem(tw), Problem(torch)
    for library, optimisers, p in ((tw, optim, problem), (torch, torch.optim, expected)):
        rate = library.tensor(0.1)
        optimizer = optimisers.SGD(p.parameters, lr=rate)
        p.train(optimizer, 3)
        rate.fill_(0.01)
        p.train(optimizer, 3)
    for a, b in zip(problem.values(), expected.values()):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_closures_are_run_with_gradients_and_their_loss_is_returned():
    problem = Problem(tw)
    optimizer = optim.SGD(problem.parameters, lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = problem.loss()
        loss.backward()
        return loss

    before = problem.values()[0].copy()
    with tw.no_grad():
        loss = optimizer.step(closure)
    assert loss.item() > 0
    assert (problem.values()[0] != before).all()
    assert optimizer.step() is None


def test_parameters_without_a_gradient_stay():
    a, b = nn.Parameter(tw.ones(2)), nn.Parameter(tw.ones(2))
    optimizer = optim.Adam([a, b], weight_decay=0.1)
    a.sum().backward()
    optimizer.step()
    assert b.tolist() == [1, 1]
    assert list(optimizer.state) == [a]


def test_steps_happen_in_place_on_leaves():
    parameter = nn.Parameter(tw.ones(2))
    alias = parameter.detach()
    parameter.sum().backward()
    optim.SGD([parameter], lr=0.5).step()
    assert parameter.is_leaf
    assert parameter.requires_grad
    assert alias.tolist() == [0.5, 0.5]


def test_zero_grad_forgets_or_zeroes():
    parameter = nn.Parameter(tw.ones(2))
    optimizer = optim.SGD([parameter], lr=0.5)
    parameter.sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert parameter.grad.tolist() == [0, 0]
    optimizer.zero_grad()
    assert parameter.grad is None


# Groups


def test_groups_have_their_own_settings():
    def build(library, optimisers):
        problem = Problem(library)
        groups = [{"params": problem.weight, "lr": 0.1, "weight_decay": 0.2}, {"params": [problem.bias]}]
        return problem, optimisers.SGD(groups, lr=0.01, momentum=0.9)

    ours, theirs = build(tw, optim), build(torch, torch.optim)
    for problem, optimizer in (ours, theirs):
        problem.train(optimizer, 10)
    for a, b in zip(ours[0].values(), theirs[0].values()):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert repr(ours[1]) == repr(theirs[1])
    assert [g["params"] for g in ours[1].state_dict()["param_groups"]] == [[0], [1]]


def test_a_group_is_not_changed_by_the_caller_afterwards():
    parameter = nn.Parameter(tw.ones(1))
    given = {"params": [parameter]}
    optimizer = optim.SGD([given], lr=0.1)
    assert list(given) == ["params"]
    optimizer.add_param_group({"params": nn.Parameter(tw.ones(1)), "lr": 0.5})
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.5]


def test_named_parameters_keep_their_names():
    layer = nn.Linear(2, 1)
    optimizer = optim.AdamW(layer.named_parameters())
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    assert "param_names" not in repr(optimizer)
    with pytest.raises(ValueError, match="names"):
        optimizer.add_param_group({"params": [nn.Parameter(tw.ones(1))]})


# State


@pytest.mark.parametrize(("name", "settings"), [
    ("SGD", {"lr": 0.05, "momentum": 0.9}), ("Adam", {"lr": 0.05, "amsgrad": True}), ("AdamW", {"lr": 0.05}),
])
def test_a_restored_optimizer_goes_on_as_if_never_stopped(name, settings):
    with compile_after(-1):
        whole, _ = run(tw, optim, name, settings, steps=10)
        problem, optimizer = run(tw, optim, name, settings, steps=5)
        saved = copy.deepcopy(optimizer.state_dict())
        resumed = getattr(optim, name)(problem.parameters, lr=99.0)
        resumed.load_state_dict(saved)
        problem.train(resumed, 5)
    for a, b in zip(problem.values(), whole.values()):
        np.testing.assert_array_equal(a, b)
    if name != "SGD":
        step = resumed.state_dict()["state"][0]["step"]
        assert (step.dtype, tuple(step.shape), step.item()) == (tw.float32, (), 10)


def test_a_state_of_pytorch_loads():
    theirs, their_optimizer = run(torch, torch.optim, "AdamW", {"lr": 0.05}, steps=5)
    saved = their_optimizer.state_dict()
    state = {i: {k: tw.tensor(v.numpy()) for k, v in kept.items()} for i, kept in saved["state"].items()}
    ours = Problem(tw)
    optimizer = optim.AdamW(ours.parameters)
    optimizer.load_state_dict({"state": state, "param_groups": saved["param_groups"]})
    with tw.no_grad():
        for p, value in zip(ours.parameters, theirs.values()):
            p.copy_(tw.tensor(value))
    ours.rng = np.random.default_rng(7)
    theirs.rng = np.random.default_rng(7)
    ours.train(optimizer, 5)
    theirs.train(their_optimizer, 5)
    for a, b in zip(ours.values(), theirs.values()):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_loading_copies_and_follows_the_parameters_type():
    problem, optimizer = run(tw, optim, "Adam", {}, steps=1)
    saved = optimizer.state_dict()
    wide = nn.Parameter(tw.ones(4, 3, dtype=tw.float64)), nn.Parameter(tw.ones(3, dtype=tw.float64))
    other = optim.Adam(wide)
    other.load_state_dict(saved)
    assert other.state[wide[0]]["exp_avg"].dtype == tw.float64
    assert other.state[wide[0]]["step"] == 1
    other.state[wide[0]]["exp_avg"].fill_(3.0)
    assert (saved["state"][0]["exp_avg"].numpy() != 3).all()


def test_states_that_do_not_fit_are_refused():
    problem, optimizer = run(tw, optim, "SGD", {}, steps=1)
    saved = optimizer.state_dict()
    two_groups = optim.SGD([{"params": [problem.weight]}, {"params": [problem.bias]}])
    with pytest.raises(ValueError, match="different number of parameter groups"):
        two_groups.load_state_dict(saved)
    with pytest.raises(ValueError, match="doesn't match the size"):
        optim.SGD([problem.weight]).load_state_dict(saved)
    with pytest.raises(KeyError):
        optimizer.load_state_dict({})


def test_copies_are_independent():
    problem, optimizer = run(tw, optim, "Adam", {"lr": 0.05}, steps=2)
    for twin in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert twin.param_groups[0]["lr"] == 0.05
        assert {len(state) for state in twin.state.values()} == {3}
        twin.param_groups[0]["lr"] = 1.0
        before = problem.values()[0].copy()
        for p in twin.param_groups[0]["params"]:
            p.grad = tw.ones(*p.shape)
        twin.step()
        np.testing.assert_array_equal(problem.values()[0], before)
    assert optimizer.param_groups[0]["lr"] == 0.05


# Hooks and optimisers of one's own


def test_step_hooks_run_around_each_step():
    problem = Problem(tw)
    optimizer = optim.SGD(problem.parameters, lr=0.1)
    log = []
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: log.append("before"))
    optimizer.register_step_post_hook(lambda o, args, kwargs: log.append("after"))
    problem.train(optimizer, 1)
    before.remove()
    problem.train(optimizer, 1)
    assert log == ["before", "after", "after"]
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match="args, kwargs"):
        optimizer.step()


def test_an_optimizer_may_define_step_itself():
    class Signed(optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        @tw.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.sub_(group["lr"] * p.grad.sign())

    class Louder(Signed):
        def step(self, closure=None):
            log.append("louder")
            return super().step(closure)

    log = []
    parameter = nn.Parameter(tw.tensor([1.0, -1.0]))
    optimizer = Louder([parameter], lr=0.25)
    optimizer.register_step_post_hook(lambda *a: log.append("hook"))
    (parameter**2).sum().backward()
    optimizer.step()
    assert parameter.tolist() == [0.75, -0.75]
    assert log == ["louder", "hook"]
    assert "closure" in inspect.signature(Signed.step).parameters


def test_an_optimizer_may_define_one_update():
    class Plain(optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        def _numbers(self, group, state):
            return {"lr": group["lr"]}

        def _update(self, param, gradient, state, group, numbers):
            state["seen"] = state.get("seen", 0) + 1
            param.sub_(numbers["lr"] * gradient)

    parameter = nn.Parameter(tw.ones(1))
    optimizer = Plain([parameter], lr=0.5)
    parameter.sum().backward()
    optimizer.step()
    assert (parameter.item(), optimizer.state[parameter]) == (0.5, {"seen": 1})
    with pytest.raises(NotImplementedError, match="_update"):
        optim.Optimizer([parameter], {}).step()


# Bad input


@pytest.mark.parametrize(("name", "settings"), [
    ("SGD", {"lr": -0.1}), ("SGD", {"momentum": -1}), ("SGD", {"weight_decay": -1}),
    ("SGD", {"nesterov": True}), ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}),
    ("Adam", {"lr": -0.1}), ("Adam", {"eps": -1}), ("Adam", {"betas": (1.0, 0.9)}), ("Adam", {"betas": (0.9, -0.1)}),
    ("Adam", {"weight_decay": -1}), ("AdamW", {"lr": -1.0}),
])
def test_settings_out_of_range_are_refused(name, settings):
    for library, optimisers in ((tw, optim), (torch, torch.optim)):
        with pytest.raises(ValueError):
            getattr(optimisers, name)([library.ones(1, requires_grad=True)], **settings)


def test_parameters_that_are_none_are_refused():
    parameter = nn.Parameter(tw.ones(2))
    for params, error, words in (
        (parameter, TypeError, "single Tensor"),
        ([], ValueError, "empty parameter list"),
        (iter([]), ValueError, "empty parameter list"),
        ([3.0], TypeError, "only optimize Tensors"),
        ([parameter * 2], ValueError, "non-leaf"),
        ([parameter, parameter], ValueError, "twice"),
        ([{"params": parameter}, {"params": [parameter]}], ValueError, "more than one"),
        ([{"weights": [parameter]}], KeyError, "params"),
        ([{"params": {parameter}}], TypeError, "ordered"),
        ([("a", parameter), nn.Parameter(tw.ones(1))], ValueError, "either all"),
    ):
        with pytest.raises(error, match=words):
            optim.SGD(params, lr=0.1)
    with pytest.raises(TypeError, match="must be a dict"):
        optim.SGD([parameter], lr=0.1).add_param_group([parameter])
    with pytest.raises(ValueError, match="learning rate"):
        optim.SGD([parameter], lr=float("nan"))
    with pytest.raises(ValueError, match="1-element"):
        optim.SGD([parameter], lr=tw.ones(2))


# Gradient clipping and parameters as a vector


def with_gradients(library):
    rng = np.random.default_rng(3)
    made = []
    for shape in ((4, 3), (5,), (2, 2, 2)):
        p = library.zeros(*shape).requires_grad_(True)
        p.grad = library.tensor(rng.standard_normal(shape).astype(np.float32))
        made.append(p)
    return [*made, library.zeros(3).requires_grad_(True)]


@pytest.mark.parametrize("norm_type", [2, 1, 3.0, float("inf")])
@pytest.mark.parametrize("max_norm", [0.5, 100.0])
def test_clipping_by_norm_equals_pytorch(norm_type, max_norm):
    ours, theirs = with_gradients(tw), with_gradients(torch)
    total = utils.clip_grad_norm_(ours, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert total.item() == pytest.approx(expected.item(), rel=1e-5)
    for a, b in zip(ours, theirs):
        if b.grad is not None:
            np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-5, atol=1e-7)
    clipped = utils.get_total_norm([p.grad for p in ours[:3]], norm_type)
    assert clipped.item() <= max_norm * (1 + 1e-5)


def test_clipping_by_value_equals_pytorch():
    ours, theirs = with_gradients(tw), with_gradients(torch)
    utils.clip_grad_value_(iter(ours), 0.3)
    torch.nn.utils.clip_grad_value_(theirs, 0.3)
    for a, b in zip(ours[:3], theirs):
        np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())
    utils.clip_grad_value_(ours[0], 0.1)
    assert abs(ours[0].grad.numpy()).max() <= np.float32(0.1)


def test_clipping_nothing_and_clipping_what_is_not_finite():
    assert utils.clip_grad_norm_([], 1.0).item() == 0
    assert utils.clip_grad_norm_(nn.Linear(2, 2).parameters(), 1.0).item() == 0
    parameter = nn.Parameter(tw.ones(2))
    parameter.grad = tw.tensor([float("nan"), 1.0])
    with pytest.raises(RuntimeError, match="non-finite"):
        utils.clip_grad_norm_(parameter, 1.0, error_if_nonfinite=True)
    assert parameter.grad.numpy()[1] == 1
    assert np.isnan(utils.clip_grad_norm_(parameter, 1.0).item())


def test_parameters_become_a_vector_and_come_back():
    layer = nn.Linear(3, 2)
    vector = utils.parameters_to_vector(layer.parameters())
    assert tuple(vector.shape) == (8,)
    other = nn.Linear(3, 2)
    utils.vector_to_parameters(vector, other.parameters())
    np.testing.assert_array_equal(other.weight.detach().numpy(), layer.weight.detach().numpy())
    assert other.bias.is_leaf
    vector.sum().backward()
    assert (layer.weight.grad.numpy() == 1).all()
    with pytest.raises(TypeError):
        utils.vector_to_parameters([1.0] * 8, other.parameters())
    for size in (7, 9):
        with pytest.raises(RuntimeError, match="8 elements"):
            utils.vector_to_parameters(tw.ones(size), other.parameters())
