"""Recurrent layers in compiled programs: the loop over the steps as native commands, against PyTorch and the interpreter."""

import numpy as np
import pytest
import torch
from compiling import compiling, programs

import talweg as tw
from talweg import nn
from talweg.backends.cpu.library import available

torch.set_num_threads(1)
T, B, F, H = 6, 3, 5, 8
KINDS = ["RNN", "LSTM", "GRU"]
needs_onednn = pytest.mark.skipif(not available(), reason="without oneDNN the loop is NumPy's")


def drawn(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).standard_normal(shape).astype(np.float32)


def pair(name, **settings):
    torch.manual_seed(0)
    theirs, ours = getattr(torch.nn, name)(F, H, **settings), getattr(nn, name)(F, H, **settings)
    ours.load_state_dict({k: tw.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    return ours, theirs


def outcome(library, module, x, states):
    """Results and gradients, with every result weighed in."""
    leaves = [library.tensor(a).requires_grad_() for a in (x, *states)]
    given = () if not states else (leaves[1] if len(states) == 1 else tuple(leaves[1:]),)
    output, last = module(leaves[0], *given)
    results = [output, *(last if isinstance(last, tuple) else (last,))]
    sum((r * r.cos()).sum() for r in results).backward()
    return [r.detach().numpy() for r in results] + [p.grad.numpy() for p in [*leaves, *module.parameters()]]


def assert_all_close(ours, theirs, tolerance=2e-5):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, tolerance, tolerance * max(1, np.abs(b).max(initial=0)))


@pytest.fixture
def calls(monkeypatch):
    """The operations that programs made from here on leave to calls from Python."""
    seen = []
    make = programs._Call.__init__

    def noted(call, program, step):
        seen.append(step.outputs[0].op.name)
        make(call, program, step)

    monkeypatch.setattr(programs._Call, "__init__", noted)
    return seen


SETTINGS = [
    {}, {"num_layers": 2, "bidirectional": True}, {"bias": False}, {"batch_first": True},
]


@needs_onednn
@pytest.mark.parametrize("given", [False, True], ids=["zeros", "states"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("name", KINDS)
def test_values_and_gradients_without_python(name, settings, given, calls):
    ours, theirs = pair(name, **settings)
    count = settings.get("num_layers", 1) * (2 if settings.get("bidirectional") else 1)
    x = drawn(B, T, F) if settings.get("batch_first") else drawn(T, B, F)
    states = [drawn(count, B, H, seed=i) for i in range((2 if name == "LSTM" else 1) * given)]
    expected = outcome(torch, theirs, x, states)
    with compiling(poison=True) as seen:
        found = outcome(tw, ours, x, states)
    assert seen.programs
    assert not seen.errors
    assert not calls
    assert_all_close(found, expected)


@needs_onednn
@pytest.mark.parametrize(("steps", "batch"), [(1, 3), (1, 1), (2, 1), (40, 2)])
@pytest.mark.parametrize(("name", "settings"), [*((n, {}) for n in KINDS), ("RNN", {"nonlinearity": "relu"})])
def test_first_and_last_steps(name, settings, steps, batch, calls):
    ours, theirs = pair(name, **settings)
    x = drawn(steps, batch, F)
    with compiling(poison=True, threads=2) as seen:
        found = outcome(tw, ours, x, [])
    assert seen.programs
    assert not seen.errors
    assert not calls
    assert_all_close(found, outcome(torch, theirs, x, []))


@needs_onednn
@pytest.mark.parametrize("name", KINDS)
def test_a_training_step_is_one_native_call(name):
    layer = getattr(nn, name)(F, H, 2)
    optimizer = tw.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)

    def run(x):
        optimizer.zero_grad()
        loss = layer(x)[0].square().mean()
        loss.backward()
        optimizer.step()
        return loss

    step = tw.compile(run)
    x = tw.tensor(drawn(T, B, F))
    losses = [step(x).item() for _ in range(6)]
    told = tw.explain(step)
    assert "0 calls from Python" in told, told
    assert losses == sorted(losses, reverse=True)
    with tw.profile() as profile:
        step(x)
    loops = {line.what: line for line in profile.lines.values() if "recurrence" in line.what}
    assert {"library: recurrence", "kernel: recurrence", "library: recurrence_grad"} <= set(loops)
    assert loops["kernel: recurrence"].calls == 2
    gates = {"RNN": 1, "LSTM": 4, "GRU": 3}[name]
    assert loops["library: recurrence"].flops == 2 * (2 * T * B * H * gates * H)  # two layers


@needs_onednn
def test_states_that_lie_elsewhere_each_time_and_are_repeated(calls):
    """The operands' memory moves between runs; one state stands for the whole batch."""
    ours, theirs = pair("GRU")

    def run(library, module, x, h):
        h = h.expand(1, B, H)
        output, last = module(x, h)
        return output, last

    compiled = tw.compile(lambda x, h: run(tw, ours, x, h))
    held = []
    with tw.no_grad(), torch.no_grad():
        for i in range(6):
            x, h = drawn(T, B, F, seed=i), drawn(1, 1, H, seed=i)
            held.append((x.copy(), tw.tensor(x), tw.tensor(h)))
            found = [r.numpy() for r in compiled(held[-1][1], held[-1][2])]
            assert_all_close(found, [r.numpy() for r in run(torch, theirs, torch.tensor(x), torch.tensor(h))])
    assert not calls


@needs_onednn
def test_a_program_that_grows_the_arena_moves_the_loop():
    ours, theirs = pair("LSTM")
    step = tw.compile(lambda x: ours(x)[0])
    larger = tw.compile(lambda x: (x @ x).softmax(-1) @ x)
    with tw.no_grad(), torch.no_grad():
        x = drawn(T, B, F)
        expected = theirs(torch.tensor(x))[0].numpy()
        for size in (16, 64, 700, 16):
            for _ in range(3):
                assert_all_close([step(tw.tensor(x)).numpy()], [expected])
                larger(tw.tensor(drawn(size, size)) / size).numpy()


def test_float64_is_left_to_numpy():
    layer = nn.LSTM(F, H).double()
    x = drawn(T, B, F).astype(np.float64)
    expected = outcome(tw, layer, x, [])
    for p in layer.parameters():
        p.grad = None
    with compiling(poison=True) as seen:
        found = outcome(tw, layer, x, [])
    assert seen.programs
    assert not seen.errors
    assert_all_close(found, expected, 1e-12)


@needs_onednn
def test_nan_stays_in_its_sequence():
    x = drawn(T, B, F)
    x[2, 1, 0] = np.nan
    for name in KINDS:
        layer = getattr(nn, name)(F, H)
        with compiling(), tw.no_grad():
            output = layer(tw.tensor(x))[0].numpy()
        assert np.isnan(output[2:, 1]).all()
        assert np.isfinite(output[:, [0, 2]]).all()
        assert np.isfinite(output[:2]).all()


def test_shapes_that_do_not_fit_are_refused_where_they_are_recorded():
    step = tw.compile(lambda x: nn.LSTM(F, H)(x)[0])
    for shape in ((T, B, F + 1), (0, B, F), (F,)):
        with pytest.raises((RuntimeError, ValueError)):
            step(tw.zeros(*shape))
