"""GradScaler against PyTorch's: scales, skipped steps, growth, states, misuse."""

import numpy as np
import pytest
import torch

import talweg as tw

torch.set_num_threads(1)


def run(T, gradients, unscale=False, **settings):
    """One parameter, whose gradient is what each step says; what the scaler and the parameter do."""
    p = T.nn.Parameter(T.ones(3))
    optimizer = T.optim.SGD([p], lr=0.1)
    scaler = T.amp.GradScaler("cpu", **settings)
    seen = []
    for g in gradients:
        optimizer.zero_grad()
        scaler.scale((p * T.tensor(np.float32(g))).sum()).backward()
        if unscale:
            scaler.unscale_(optimizer)
            seen.append(p.grad.tolist())
        scaler.step(optimizer)
        scaler.update()
        seen.append((scaler.get_scale(), p.detach().tolist(), scaler.state_dict()))
    return seen


@pytest.mark.parametrize("unscale", [False, True])
@pytest.mark.parametrize("settings", [
    {"init_scale": 8.0, "growth_interval": 2},
    {"init_scale": 2.0**127, "growth_interval": 1},
    {"init_scale": 3.0, "growth_factor": 1.7, "backoff_factor": 0.3, "growth_interval": 1},
    {},
], ids=["grows", "cannot grow", "odd factors", "defaults"])
def test_as_pytorch_does(settings, unscale):
    gradients = [0.5, 0.25, float("inf"), 0.1, float("nan"), 0.3, 1e-3, 2.0]
    np.testing.assert_equal(run(tw, gradients, unscale, **settings), run(torch, gradients, unscale, **settings))


def test_several_outputs_are_scaled_alike():
    scaler = tw.amp.GradScaler("cpu", init_scale=4.0)
    a, (b, c) = scaler.scale([tw.tensor(1.0), (tw.tensor(2.0), tw.tensor([3.0]))])
    assert (a.item(), b.item(), c.tolist()) == (4.0, 8.0, [12.0])
    assert [x.item() for x in scaler.scale(iter([tw.tensor(1.0)]))] == [4.0]
    assert scaler.scale(tw.ones(2, dtype=tw.bfloat16)).dtype is tw.bfloat16


def test_small_float16_gradients_survive():
    """1e-6 times 1e-3 is below float16's smallest number; scaled it is not."""
    x = tw.tensor([1e-3], requires_grad=True)
    for scale, found in ((1.0, 0.0), (2.0**16, 1e-6)):
        x.grad = None
        scaler = tw.amp.GradScaler("cpu", init_scale=scale)
        scaler.scale((x.half() * 1e-3).float().sum() * 1e-6 * 1e-2).backward()
        scaler.unscale_(tw.optim.SGD([x], lr=1.0))
        assert x.grad.item() == pytest.approx(found and 1e-11, rel=0.05, abs=1e-12 * (found == 0))


def test_state_goes_over_to_another_scaler():
    one, two = tw.amp.GradScaler("cpu", init_scale=2.0), tw.amp.GradScaler("cpu")
    two.load_state_dict(one.state_dict())
    assert two.state_dict() == one.state_dict()
    theirs = torch.amp.GradScaler("cpu", init_scale=2.0).state_dict()
    assert theirs == one.state_dict()
    with pytest.raises(RuntimeError, match="empty"):
        one.load_state_dict({})
    with pytest.raises(KeyError):
        one.load_state_dict({"scale": 1.0})


def test_disabled_it_is_not_there():
    p = tw.nn.Parameter(tw.ones(1))
    optimizer = tw.optim.SGD([p], lr=1.0)
    with pytest.warns(UserWarning, match="cuda"):
        scaler = tw.amp.GradScaler()
    loss = (p * 2).sum()
    assert scaler.scale(loss) is loss
    loss.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert p.item() == -1.0
    assert (scaler.get_scale(), scaler.state_dict(), scaler.is_enabled()) == (1.0, {}, False)


def misuses(T):
    p = T.nn.Parameter(T.ones(1))
    optimizer = T.optim.SGD([p], lr=1.0)
    scaler = T.amp.GradScaler("cpu")
    yield lambda: T.amp.GradScaler("cpu", growth_factor=1.0)
    yield lambda: T.amp.GradScaler("cpu", backoff_factor=1.0)
    yield lambda: scaler.step(optimizer)
    yield lambda: scaler.unscale_(optimizer)
    yield lambda: scaler.update()
    yield lambda: scaler.scale(3)
    scaler.scale(p.sum())
    yield lambda: scaler.step(optimizer)  # no gradients
    yield lambda: scaler.step(optimizer, closure=lambda: None)
    yield lambda: scaler.update()
    scaler = T.amp.GradScaler("cpu")
    scaler.scale(p.sum()).backward()
    scaler.unscale_(optimizer)
    yield lambda: scaler.unscale_(optimizer)
    scaler.step(optimizer)
    yield lambda: scaler.step(optimizer)
    yield lambda: scaler.unscale_(optimizer)
    yield lambda: scaler.update(T.ones(2))
    q = T.nn.Parameter(T.ones(1).half())
    q.grad = T.ones(1).half()
    yield lambda: T.amp.GradScaler("cpu").scale(p.sum()) is None or scaler.unscale_(T.optim.SGD([q], lr=1.0))


def test_misuse_is_refused_as_by_pytorch():
    for ours, theirs in zip(misuses(tw), misuses(torch), strict=True):
        with pytest.raises(Exception) as expected:  # noqa: PT011
            theirs()
        with pytest.raises(type(expected.value)):
            ours()


def test_it_trains_float16():
    generator = np.random.default_rng(0)
    x = tw.tensor(generator.standard_normal((32, 8)).astype(np.float32))
    y = tw.tensor(generator.integers(0, 3, 32))
    tw.manual_seed(0)
    model = tw.nn.Sequential(tw.nn.Linear(8, 16), tw.nn.ReLU(), tw.nn.Linear(16, 3))
    optimizer = tw.optim.Adam(model.parameters(), lr=0.02)
    scaler = tw.amp.GradScaler("cpu", init_scale=2.0**40)  # too large at first: it has to come down
    losses, scales = [], []
    for _ in range(60):
        optimizer.zero_grad()
        with tw.autocast("cpu", dtype=tw.float16):
            loss = tw.nn.functional.cross_entropy(model(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
        scales.append(scaler.get_scale())
    assert losses[-1] < 0.5 * losses[0]
    assert scales[-1] < 2.0**40
