"""checkpoint: the same gradients, to the bit, from less memory; interpreted, compiled, nested, differentiated twice."""

import tracemalloc

import numpy as np
import pytest
import torch
from torch.utils.checkpoint import checkpoint as torch_checkpoint

import talweg as tw
from talweg import nn
from talweg.compile.engine import compile_after
from talweg.nn import functional as F  # noqa: N812
from talweg.utils.checkpoint import checkpoint, checkpoint_sequential

torch.set_num_threads(1)


def plainly(function, *args, **kwargs):
    return function(*args, **kwargs)


def array(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def layers(count, width=16, dropout=0.2):
    tw.manual_seed(0)
    return nn.Sequential(*[nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Dropout(dropout)) for _ in range(count)])


class Attention(nn.Module):
    """A transformer block with a keyword argument, dropout and two results."""

    def __init__(self, width=8):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x, *, scale):  # (B, T, C)
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=0.1, is_causal=True, scale=scale)
        return x + self.out(y), {"keys": k, "scale": scale}


def mlp(call):
    model = layers(4)
    x = tw.tensor(array(8, 16), requires_grad=True)
    y = x
    for layer in model:
        y = call(layer, y)
    return y.square().sum(), [x, *model.parameters()]


def convolutional(call):
    tw.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
    x = tw.tensor(array(3, 2, 8, 8), requires_grad=True)
    return call(model, x).square().sum(), [x, *model.parameters()]


def transformer(call):
    tw.manual_seed(0)
    blocks = [Attention() for _ in range(3)]
    x = tw.tensor(array(2, 5, 8), requires_grad=True)
    y, total = x, 0
    for block in blocks:
        y, more = call(block, y, scale=0.3)
        assert more["scale"] == 0.3
        total = total + more["keys"].sin().sum()
    return y.square().sum() + total, [x, *[p for b in blocks for p in b.parameters()]]


def nested(call):
    model = layers(4)
    x = tw.tensor(array(8, 16), requires_grad=True)
    halves = [lambda x, part=part: call(part[1], call(part[0], x)) for part in (model[:2], model[2:])]
    return call(lambda x: call(halves[1], call(halves[0], x)).cos(), x).sum(), [x, *model.parameters()]


def closed_over(call):
    """Gradients of what the function reaches without its being an argument."""
    x, w = (tw.tensor(array(4, 4, seed=s), requires_grad=True) for s in (1, 2))
    hidden = (w * 2).tanh()
    return call(lambda: (x @ hidden).exp().sum() * w.sum()), [x, w]


def half_precision(call):
    model = layers(3)
    x = tw.tensor(array(8, 16), requires_grad=True)
    y = x
    with tw.autocast("cpu"):
        for layer in model:
            y = call(layer, y)
    return y.float().square().sum(), [x, *model.parameters()]


MODELS = [mlp, convolutional, transformer, nested, closed_over, half_precision]
by_model = pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)


def gradients(model, call):
    tw.manual_seed(5)
    loss, wanted = model(call)
    tw.manual_seed(99)  # what is drawn later does not matter
    return loss.item(), [g.numpy() for g in tw.autograd.grad(loss, wanted)]


@by_model
def test_gradients_are_equal_to_the_bit(model):
    (loss, found), (expected_loss, expected) = gradients(model, checkpoint), gradients(model, plainly)
    assert loss == expected_loss
    for a, b in zip(found, expected):
        np.testing.assert_array_equal(a, b)
    assert any(g.any() for g in found)


def step_of(model, call):
    """A function that computes loss and gradients, to be compiled."""
    def step():
        tw.manual_seed(5)
        loss, wanted = model(call)
        return [loss, *tw.autograd.grad(loss, wanted)]

    return step


@by_model
def test_compiled_graphs_compute_the_same(model):
    tolerance = 2e-2 if model is half_precision else 2e-5
    with compile_after(0):
        found = [x.detach().numpy() for x in step_of(model, checkpoint)()]
    expected = [x.detach().numpy() for x in step_of(model, plainly)()]
    largest = max(np.abs(g).max() for g in expected[1:])
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, tolerance, tolerance * largest)


# --- memory
def training_step(count, segments, width=64):
    model = layers(count, width)

    def step(x):
        model.zero_grad()
        y = model(x) if segments == 0 else checkpoint_sequential(model, segments, x)
        loss = y.square().mean()
        loss.backward()
        return loss

    return model, step


def arena(step, x):
    run = tw.compile(step)
    for _ in range(2):
        run(x)
    return [r.program.arena_bytes for found in run.recordings().values() for r in found or ()]


def test_the_arena_grows_with_the_root_of_the_depth():
    x = tw.tensor(array(256, 64))
    activation = 256 * 64 * 4
    (whole,), (deep,) = arena(training_step(16, 0)[1], x), arena(training_step(16, 4)[1], x)
    (deeper,) = arena(training_step(36, 6)[1], x)
    (all_kept,) = arena(training_step(36, 0)[1], x)
    per_layer = (all_kept - whole) / 20  # what a layer keeps
    assert per_layer >= 2 * activation
    assert deep < 0.4 * whole
    assert deeper < 0.25 * all_kept
    for found, n in ((deep, 4), (deeper, 6)):  # n inputs of segments, and one segment of n layers
        assert found < n * activation + (n + 1) * per_layer + 4 * activation


def peak(step, x):
    step(x).item()
    tracemalloc.start()
    step(x).item()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_interpreted_steps_save_memory_too():
    x = tw.tensor(array(256, 64))
    weights = 16 * 64 * 64 * 4
    whole, less = (peak(training_step(16, segments)[1], x) - weights for segments in (0, 4))
    assert less < 0.5 * whole


def test_a_loss_looked_at_before_the_backward_pass_keeps_only_the_segments_inputs():
    def looked_at(segments):
        model = layers(16, 64)
        x = tw.tensor(array(256, 64))

        def step(x):
            model.zero_grad()
            loss = (model(x) if segments == 0 else checkpoint_sequential(model, segments, x)).square().mean()
            loss.item()
            loss.backward()
            return loss

        return peak(step, x) - 16 * 64 * 64 * 4

    assert looked_at(4) < 0.5 * looked_at(0)


def test_a_compiled_training_step_trains_alike():
    trained = []
    for segments, compiled in ((0, False), (4, False), (4, True)):
        model, step = training_step(8, segments, 16)
        optimizer = tw.optim.AdamW(model.parameters(), lr=1e-2)
        run = tw.compile(lambda x, s=step, o=optimizer: (s(x), o.step())[0]) if compiled else \
            (lambda x, s=step, o=optimizer: (s(x), o.step())[0])
        tw.manual_seed(3)
        trained.append([run(tw.tensor(array(8, 16, seed=i))).item() for i in range(5)])
    assert trained[0] == trained[1]
    np.testing.assert_allclose(trained[0], trained[2], rtol=1e-4)


# --- against PyTorch
def twice(T, call):
    x = T.tensor(array(4, 3, seed=7), requires_grad=True)
    w = T.tensor(array(3, 3, seed=8), requires_grad=True)
    y = call(lambda x: ((x @ w).sin() * x).exp(), x)
    gx, gw = T.autograd.grad((y * y.detach()).sum(), [x, w], create_graph=True)
    second = T.autograd.grad((gx.cos() * 2).sum() + gw.square().sum(), [x, w])
    return [np.array(v.detach().tolist()) for v in (gx, gw, *second)]


def test_second_derivatives():
    expected = twice(torch, lambda f, *a: torch_checkpoint(f, *a, use_reentrant=False))
    for ours in (twice(tw, checkpoint), twice(tw, plainly)):
        for a, b in zip(ours, expected):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_gradgradcheck():
    x = tw.tensor(np.random.default_rng(0).standard_normal((2, 3)), requires_grad=True)
    w = tw.tensor(np.random.default_rng(1).standard_normal((3, 3)), requires_grad=True)
    assert tw.gradgradcheck(lambda x, w: checkpoint(lambda a, b: (a @ b).tanh() * a, x, w), (x, w))


def test_a_graph_may_be_kept_for_another_pass_and_is_otherwise_gone():
    for T, call in ((tw, checkpoint), (torch, lambda f, *a: torch_checkpoint(f, *a, use_reentrant=False))):
        x = T.tensor([1.0, 2.0], requires_grad=True)
        y = call(lambda x: x.sin().exp(), x).sum()
        y.backward(retain_graph=True)
        y.backward()
        once = T.tensor([1.0, 2.0], requires_grad=True)
        once.sin().exp().sum().backward()
        np.testing.assert_allclose(x.grad.tolist(), (2 * once.grad).tolist(), rtol=1e-6)
        with pytest.raises(RuntimeError, match="second time|recomputation has already"):
            y.backward()


def test_an_input_written_to_before_the_backward_pass_is_an_error():
    for T, call in ((tw, checkpoint), (torch, lambda f, *a: torch_checkpoint(f, *a, use_reentrant=False))):
        x = T.tensor([1.0, 2.0], requires_grad=True) * 1
        y = call(lambda x: x.sin() * x, x)
        x.mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()


# --- what goes in and comes out
def test_results_of_any_kind():
    x = tw.ones(3, requires_grad=True)

    def function(x, flag, *, name):
        return {"a": [x * 2, x.detach() + 1], "same": x, "name": name, "number": 3.5, "indices": x.argmax(), "flag": flag}

    found = checkpoint(function, x, True, name="n")
    assert (found["name"], found["number"], found["flag"]) == ("n", 3.5, True)
    assert found["same"] is x
    assert not found["a"][1].requires_grad
    assert found["indices"].dtype is tw.int64
    found["a"][0].sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]
    assert checkpoint(lambda: None) is None


def test_several_outputs_share_one_recomputation():
    def function(x):
        h = x.exp()
        return h.sin(), h * h

    x = tw.tensor(array(5), requires_grad=True)
    for used in ([0], [1], [0, 1], [1, 0, 1]):
        x.grad = None
        outs = checkpoint(function, x)
        sum(outs[i].sum() * (k + 1) for k, i in enumerate(used)).backward()
        found, x.grad = x.grad.numpy(), None
        outs = function(x)
        sum(outs[i].sum() * (k + 1) for k, i in enumerate(used)).backward()
        np.testing.assert_allclose(found, x.grad.numpy(), rtol=1e-5)


def test_without_gradients_nothing_is_recorded_for_later():
    x = tw.ones(3)
    assert not checkpoint(lambda x: x * 2, x).requires_grad
    w = tw.ones(3, requires_grad=True)
    with tw.no_grad():
        assert not checkpoint(lambda x: x * w, x).requires_grad
    checkpoint(lambda x: x * w, x).sum().backward()  # of a parameter, where no argument has one
    assert w.grad.tolist() == [1.0, 1.0, 1.0]


def test_the_function_runs_once_and_running_statistics_move_once():
    calls = []
    norm = nn.BatchNorm1d(3)
    x = tw.tensor(array(8, 3), requires_grad=True)
    checkpoint(lambda x: (calls.append(1), norm(x))[1], x).square().sum().backward()
    assert calls == [1]
    assert norm.num_batches_tracked.item() == 1
    np.testing.assert_allclose(norm.running_mean.numpy(), 0.1 * array(8, 3).mean(0), rtol=1e-5, atol=1e-7)


def test_values_looked_at_inside():
    x = tw.tensor(array(4), requires_grad=True)

    def branching(x):
        h = x.exp()
        if h.sum().item() > 0:
            h = h * 2
        return h.sin()

    checkpoint(branching, x).sum().backward()
    expected = torch.tensor(array(4), requires_grad=True)
    (expected.exp() * 2).sin().sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), expected.grad.numpy(), rtol=1e-5)


def test_hooks_and_retained_gradients_inside():
    x = tw.tensor(array(4), requires_grad=True)
    seen = []

    def function(x):
        h = x.exp()
        h.register_hook(lambda g: seen.append(g.numpy()) or g * 2)
        return h.sin()

    checkpoint(function, x).sum().backward()
    np.testing.assert_allclose(seen[0], np.cos(np.exp(array(4))), rtol=1e-5)
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp(array(4)) * np.cos(np.exp(array(4))), rtol=1e-5)


def test_custom_functions_inside():
    class Cube(tw.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * x * x

    x = tw.tensor(array(4), requires_grad=True)
    checkpoint(lambda x: Cube.apply(x.sin()).exp(), x).sum().backward()
    s = np.sin(array(4))
    np.testing.assert_allclose(x.grad.numpy(), np.exp(s**3) * 3 * s**2 * np.cos(array(4)), rtol=1e-5)


# --- sequences, and bad arguments
@pytest.mark.parametrize("segments", [1, 2, 3, 7])
def test_sequences_in_segments(segments):
    model = layers(7)
    x = tw.tensor(array(4, 16), requires_grad=True)
    results = []
    for run in (lambda x: checkpoint_sequential(model, segments, x), lambda x: checkpoint_sequential(list(model), segments, x),
                model):
        tw.manual_seed(1)
        results.append(tw.autograd.grad(run(x).sin().sum(), [x, *model.parameters()]))
    for found in results[:2]:
        for a, b in zip(found, results[2]):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_bad_arguments():
    x = tw.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match="function or a module"):
        checkpoint(3, x)
    with pytest.raises(ValueError, match="Unexpected keyword"):
        checkpoint(lambda x, a: x, x, use_reentrant=True, a=1)
    with pytest.raises(ValueError, match="context_fn"):
        checkpoint(lambda x: x, x, use_reentrant=True, context_fn=lambda: None)
    for segments in (0, 8):
        with pytest.raises(ValueError, match="segments"):
            checkpoint_sequential(layers(7), segments, x)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        checkpoint(lambda x: x @ tw.ones(3, 3), tw.ones(2, 2, requires_grad=True))
    with pytest.raises(ZeroDivisionError):
        checkpoint(lambda x: 1 / 0, x)
