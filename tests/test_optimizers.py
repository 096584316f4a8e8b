"""The other optimisers: a hundred steps equal to PyTorch's for every option, alone and compiled; averages of weights."""

import copy
import inspect

import numpy as np
import pytest
import torch

import talweg as tw
from talweg import nn, optim
from talweg.optim import swa_utils
from tests.test_optim import run

torch.set_num_threads(1)

OPTIONS = {
    "Adagrad": [{}, {"lr": 0.1, "lr_decay": 0.05, "weight_decay": 0.1, "initial_accumulator_value": 0.3, "eps": 1e-4},
                {"maximize": True}],
    "Adadelta": [{}, {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1}, {"lr": 0.1, "maximize": True}],
    "RMSprop": [{}, {"momentum": 0.9}, {"centered": True}, {"lr": 0.02, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1},
                {"centered": True, "momentum": 0.5, "maximize": True, "lr": 1e-3}],
    "Adamax": [{}, {"lr": 0.05, "betas": (0.7, 0.9), "eps": 1e-3, "weight_decay": 0.1}, {"maximize": True}],
    "NAdam": [{}, {"lr": 0.05, "weight_decay": 0.1}, {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True},
              {"momentum_decay": 0.1, "betas": (0.8, 0.95), "eps": 1e-3}, {"maximize": True}],
    "RAdam": [{}, {"lr": 0.05, "weight_decay": 0.1}, {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True},
              {"betas": (0.8, 0.95), "eps": 1e-3}, {"maximize": True}],
    "ASGD": [{}, {"lr": 0.05, "lambd": 0.02, "alpha": 0.6, "t0": 20, "weight_decay": 0.1}, {"lr": 1e-3, "maximize": True}],
    "Rprop": [{}, {"lr": 0.001, "etas": (0.3, 1.5), "step_sizes": (1e-4, 0.1)}, {"maximize": True, "step_sizes": (1e-6, 0.01)}],
    "Adafactor": [{}, {"lr": 0.1, "beta2_decay": -0.5, "eps": (1e-5, 0.01), "d": 2.0, "weight_decay": 0.1},
                  {"maximize": True}],
}
CONFIGS = [(name, settings) for name, listed in OPTIONS.items() for settings in listed]
IDS = ["-".join([name, *(f"{k}={v}" for k, v in settings.items())]) for name, settings in CONFIGS]


def same_state(ours, theirs, tolerance=1e-4):
    saved, expected = ours.state_dict(), theirs.state_dict()
    assert [list(g) for g in saved["param_groups"]] == [list(g) for g in expected["param_groups"]]
    assert saved["state"].keys() == expected["state"].keys()
    for key, state in expected["state"].items():
        assert list(saved["state"][key]) == list(state)
        for entry, value in state.items():
            if isinstance(value, torch.Tensor):
                found = saved["state"][key][entry]
                assert tuple(found.shape) == tuple(value.shape)
                np.testing.assert_allclose(found.numpy(), value.numpy(), rtol=tolerance, atol=tolerance / 10, err_msg=entry)


@pytest.mark.parametrize(("name", "settings"), CONFIGS, ids=IDS)
def test_a_hundred_steps_equal_pytorch(name, settings):
    ours, our_optimizer = run(tw, optim, name, settings)
    theirs, their_optimizer = run(torch, torch.optim, name, settings)
    for a, b in zip(ours.values(), theirs.values()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5)
    same_state(our_optimizer, their_optimizer, 1e-3)


@pytest.mark.parametrize("name", [*OPTIONS, "LBFGS", "Muon"])
def test_signatures_and_representations_are_those_of_pytorch(name):
    def listed(kind):
        return [(p.name, p.default, p.kind) for p in inspect.signature(kind).parameters.values()]

    assert listed(getattr(optim, name)) == listed(getattr(torch.optim, name))
    ours = getattr(optim, name)([tw.ones(2, 2, requires_grad=True)])
    theirs = getattr(torch.optim, name)([torch.ones(2, 2, requires_grad=True)])
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", [*OPTIONS, "Muon"])
def test_a_compiled_step_follows_its_settings(name):
    """The learning rate changes and RAdam passes its threshold, while the recording stays one."""
    settings = {"NAdam": {"weight_decay": 0.1}, "ASGD": {"t0": 3, "lambd": 0.1}}.get(name, {})
    start = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    weights = []
    for compiled in (False, True):
        w = tw.tensor(start).requires_grad_(True)
        optimizer = getattr(optim, name)([w], lr=0.01, **settings)

        def step(w=w, optimizer=optimizer):
            optimizer.zero_grad()
            (w**2).mean().backward()
            optimizer.step()

        call = tw.compile(step) if compiled else step
        for i in range(12):
            optimizer.param_groups[0]["lr"] = 0.01 * (1 + i % 3)
            call()
        weights.append(w.detach().numpy())
        if compiled:
            recordings = [r for kind in call.recordings().values() for r in kind or []]
            assert len(recordings) == 1
    assert np.abs(weights[0] - start).max() > 1e-4
    tolerance = 1e-2 if name == "Muon" else 1e-5  # its product is in bfloat16
    np.testing.assert_allclose(weights[1], weights[0], rtol=tolerance, atol=tolerance / 10)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_restored_optimizer_goes_on_as_if_never_stopped(name):
    whole, _ = run(tw, optim, name, {}, steps=10)
    problem, optimizer = run(tw, optim, name, {}, steps=5)
    saved = copy.deepcopy(optimizer.state_dict())
    resumed = getattr(optim, name)(problem.parameters)
    resumed.load_state_dict(saved)
    problem.train(resumed, 5)
    for a, b in zip(problem.values(), whole.values()):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("options", [{}, {"nesterov": False, "weight_decay": 0.0}, {"adjust_lr_fn": "match_rms_adamw"},
                                     {"ns_steps": 3, "momentum": 0.5, "adjust_lr_fn": "original"}])
@pytest.mark.parametrize("shape", [(6, 3), (3, 6)])
def test_muon_follows_pytorch_as_far_as_bfloat16_does(options, shape):
    start = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    found = []
    for library, optimisers in ((tw, optim), (torch, torch.optim)):
        w = library.tensor(start).requires_grad_(True)
        optimizer = optimisers.Muon([w], lr=0.02, **options)
        for _ in range(20):
            optimizer.zero_grad()
            ((w - 1) ** 2).mean().backward()
            optimizer.step()
        found.append(w.detach().numpy())
    assert np.abs(found[1] - start).max() > 0.05
    np.testing.assert_allclose(found[0], found[1], atol=0.03)


def test_muon_takes_matrices_only():
    with pytest.raises(ValueError, match="2D"):
        optim.Muon([nn.Parameter(tw.ones(3))])


# L-BFGS


def rosenbrock(library, optimizer_kind, **options):
    """The valley that it is tried on: 100 (y - x^2)^2 + (1 - x)^2, in three pairs."""
    xs = library.tensor(np.array([-1.2, 0.5, 2.0])).requires_grad_(True)
    ys = library.tensor(np.array([1.0, -0.3, 1.5])).requires_grad_(True)
    optimizer = optimizer_kind([xs, ys], **options)

    def closure():
        optimizer.zero_grad()
        loss = (100 * (ys - xs**2) ** 2 + (1 - xs) ** 2).sum()
        loss.backward()
        return loss

    seen = [optimizer.step(closure).item() for _ in range(6)]
    return seen, [xs.detach().numpy(), ys.detach().numpy()], optimizer


@pytest.mark.parametrize("options", [
    {"line_search_fn": "strong_wolfe"}, {"line_search_fn": "strong_wolfe", "history_size": 2, "max_iter": 7},
    {"line_search_fn": "strong_wolfe", "max_iter": 40, "tolerance_grad": 1e-3}, {"lr": 1e-3, "max_iter": 10},
    {"lr": 1e-3, "max_iter": 30, "max_eval": 8, "history_size": 4}, {"lr": 0.01, "tolerance_change": 1e-2},
])
def test_lbfgs_goes_pytorchs_way(options):
    ours, our_place, our_optimizer = rosenbrock(tw, optim.LBFGS, **options)
    theirs, their_place, their_optimizer = rosenbrock(torch, torch.optim.LBFGS, **options)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)
    for a, b in zip(our_place, their_place):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    mine, expected = our_optimizer.state_dict()["state"][0], their_optimizer.state_dict()["state"][0]
    assert (mine["func_evals"], mine["n_iter"]) == (expected["func_evals"], expected["n_iter"])
    assert mine.keys() == expected.keys() - {"al"}
    assert len(mine["old_dirs"]) == len(expected["old_dirs"])


def test_lbfgs_refuses_what_it_cannot_do():
    w = nn.Parameter(tw.ones(2))
    with pytest.raises(ValueError, match="parameter groups"):
        optim.LBFGS([{"params": [w]}, {"params": [nn.Parameter(tw.ones(1))]}])
    with pytest.raises(TypeError, match="closure"):
        optim.LBFGS([w]).step()

    def closure():
        loss = (w**2).sum()
        loss.backward()
        return loss

    with pytest.raises(RuntimeError, match="strong_wolfe"):
        optim.LBFGS([w], line_search_fn="armijo").step(closure)


@pytest.mark.parametrize(("name", "settings"), [
    ("Adagrad", {"lr": -1}), ("Adagrad", {"lr_decay": -1}), ("Adagrad", {"initial_accumulator_value": -1}),
    ("Adadelta", {"rho": 1.5}), ("Adadelta", {"eps": -1}), ("RMSprop", {"alpha": -0.1}), ("RMSprop", {"momentum": -1}),
    ("Adamax", {"betas": (1.0, 0.9)}), ("NAdam", {"momentum_decay": -1}), ("RAdam", {"lr": -0.1}),
    ("RAdam", {"weight_decay": -0.1}), ("ASGD", {"weight_decay": -1}), ("Rprop", {"etas": (1.2, 0.5)}),
    ("Adafactor", {"beta2_decay": 0.5}), ("Adafactor", {"d": 0.5}), ("Muon", {"adjust_lr_fn": "none"}), ("Muon", {"lr": -1}),
    ("LBFGS", {"lr": -1.0}),
])
def test_settings_out_of_range_are_refused(name, settings):
    for library, optimisers in ((tw, optim), (torch, torch.optim)):
        with pytest.raises(ValueError):
            getattr(optimisers, name)([library.ones(2, 2, requires_grad=True)], **settings)


# Averages of weights


def averaged(library, layers, tools, make, use_buffers=False):
    rng = np.random.default_rng(0)
    model = layers.Sequential(layers.Linear(3, 4), layers.BatchNorm1d(4))
    average = tools.AveragedModel(model, use_buffers=use_buffers, **make(tools))
    for _ in range(4):
        with library.no_grad():
            for p in model.parameters():
                p.copy_(library.tensor(rng.standard_normal(tuple(p.shape)).astype(np.float32)))
        model(library.tensor(rng.standard_normal((5, 3)).astype(np.float32)))
        average.update_parameters(model)
    batches = [library.tensor(rng.standard_normal((6, 3)).astype(np.float32)) for _ in range(3)]
    before = {k: v.detach().numpy().copy() for k, v in average.state_dict().items()}
    tools.update_bn([(b, 0) for b in batches], average)
    return [before, {k: v.detach().numpy() for k, v in average.state_dict().items()}]


@pytest.mark.parametrize("make", [
    lambda t: {}, lambda t: {"multi_avg_fn": t.get_ema_multi_avg_fn(0.9)}, lambda t: {"avg_fn": t.get_ema_avg_fn(0.5)},
    lambda t: {"avg_fn": lambda mean, new, count: mean + 2 * new / (count + 1)},
    lambda t: {"multi_avg_fn": t.get_swa_multi_avg_fn()},
])
def test_averaged_models_are_pytorchs(make):
    ours = averaged(tw, nn, swa_utils, make)
    theirs = averaged(torch, torch.nn, torch.optim.swa_utils, make)
    for mine, expected in zip(ours, theirs):
        assert list(mine) == list(expected)
        for name in expected:
            np.testing.assert_allclose(mine[name], expected[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_buffers_are_averaged_on_request():
    found = averaged(tw, nn, swa_utils, lambda t: {"multi_avg_fn": t.get_ema_multi_avg_fn(0.5)}, use_buffers=True)[0]
    plain = averaged(tw, nn, swa_utils, lambda t: {"multi_avg_fn": t.get_ema_multi_avg_fn(0.5)})[0]
    assert np.abs(found["module.1.running_mean"] - plain["module.1.running_mean"]).max() > 1e-3


def test_averages_refuse_bad_settings():
    for decay in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match="decay"):
            swa_utils.get_ema_multi_avg_fn(decay)
    with pytest.raises(AssertionError):
        swa_utils.AveragedModel(nn.Linear(1, 1), avg_fn=swa_utils.get_swa_avg_fn(),
                                multi_avg_fn=swa_utils.get_swa_multi_avg_fn())
    optimizer = optim.SGD([nn.Parameter(tw.ones(1))], lr=0.1)
    with pytest.raises(ValueError, match="anneal_strategy"):
        swa_utils.SWALR(optimizer, 0.05, anneal_strategy="exp")
    with pytest.raises(ValueError, match="anneal_epochs"):
        swa_utils.SWALR(optimizer, 0.05, anneal_epochs=-1)


# --- SparseAdam
@pytest.mark.parametrize("settings", [{}, {"lr": 0.1, "betas": (0.7, 0.9), "eps": 1e-3}, {"lr": 0.05, "maximize": True}])
@pytest.mark.parametrize("compiled", [False, True])
def test_sparse_adam_moves_the_rows_that_were_looked_up(settings, compiled):
    start = np.random.default_rng(0).standard_normal((9, 4)).astype("f4")
    ids = np.random.default_rng(1).integers(0, 8, (12, 3))  # row 8 is never looked up
    tables = []
    for T in (tw, torch):
        table = T.nn.Embedding.from_pretrained(T.tensor(start), freeze=False, sparse=True)
        optimizer = T.optim.SparseAdam(table.parameters(), **settings)

        def step(rows, T=T, table=table, optimizer=optimizer):
            optimizer.zero_grad()
            (table(rows) ** 2).sum().backward()
            optimizer.step()

        run_step = tw.compile(step) if compiled and T is tw else step
        for rows in ids:
            run_step(T.tensor(rows))
        tables.append((table, optimizer))
    (ours, our_optimizer), (theirs, their_optimizer) = tables
    np.testing.assert_allclose(ours.weight.detach().numpy(), theirs.weight.detach().numpy(), rtol=1e-4, atol=1e-5)
    assert (ours.weight.detach().numpy()[8] == start[8]).all()
    same_state(our_optimizer, their_optimizer, 1e-3)


@pytest.mark.parametrize("settings", [{"lr": -1.0}, {"eps": 0.0}, {"betas": (1.0, 0.9)}, {"betas": (0.9, -0.1)}, {"lr": 0.0}])
def test_sparse_adam_refuses_what_pytorch_refuses(settings):
    for T in (tw, torch):
        with pytest.raises(ValueError):
            T.optim.SparseAdam([T.zeros(3, requires_grad=True)], **settings)
