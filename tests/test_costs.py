"""Arithmetic and memory counted on recorded graphs (rows 38 to 40), and what checkpoints change and leave alone."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import talweg as tw
from talweg import nn
from talweg.cli.main import main
from talweg.compile.engine import compile_after
from talweg.demos.memory import Block, measure
from talweg.models import build
from talweg.models.mlp import MLP
from talweg.utils.checkpoint import checkpoint, checkpoint_sequential
from talweg.utils.costs import count_costs

torch.set_num_threads(1)


# --- row 38: the backward pass costs twice the forward pass
def test_row_38_a_perceptron_by_hand():
    sizes = [30, 50, 20, 10]
    found = count_costs(MLP(sizes), tw.zeros(7, 30))
    layers = [2 * 7 * a * b for a, b in zip(sizes, sizes[1:])]
    assert found.forward == sum(layers)
    assert found.backward == 2 * sum(layers) - layers[0]  # nobody asks for the gradient of the data
    asked = count_costs(MLP(sizes), tw.zeros(7, 30, requires_grad=True))
    assert asked.backward == 2 * asked.forward


@pytest.mark.parametrize(("name", "shape"), [
    ("resnet18", (3, 64, 64)), pytest.param("resnet50", (3, 64, 64), marks=pytest.mark.slow),
])
def test_row_38_residual_networks(name, shape):
    model = build(name, shape, 10)
    assert 1.9 <= count_costs(model, tw.zeros(1, *shape)).ratio <= 2.1


def test_row_38_a_deep_perceptron():
    assert 1.9 <= count_costs(MLP([64] * 17), tw.zeros(8, 64)).ratio <= 2.1


def a_convolution(T):
    n = T.nn
    return n.Sequential(n.Conv2d(4, 6, 3, padding=1), n.ReLU(), n.ConvTranspose2d(6, 8, 3, stride=2), n.Flatten(),
                        n.Linear(8 * 17 * 17, 5))


def a_transformer(T):
    return T.nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True)


@pytest.mark.parametrize(("model", "shape"), [(a_convolution, (2, 4, 8, 8)), (a_transformer, (2, 5, 16))])
def test_the_count_is_pytorchs(model, shape):
    counter = FlopCounterMode(display=False)
    with counter, sdpa_kernel(SDPBackend.MATH):  # the counter does not see the fused one
        theirs = model(torch)(torch.zeros(*shape, requires_grad=True))
        forward = counter.get_total_flops()
        theirs.sum().backward()
    found = count_costs(model(tw), tw.zeros(*shape, requires_grad=True))
    assert found.forward == forward
    assert found.forward + found.backward == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_without_differentiation_there_is_no_backward_pass():
    with tw.no_grad():
        found = count_costs(MLP([8, 8]), tw.zeros(2, 8))
    assert (found.backward, found.ratio) == (0, 0.0)
    assert count_costs(lambda x: x * 2, tw.zeros(3)).forward == 0
    assert count_costs(lambda x: x * 2, tw.zeros(3)).ratio == 0.0


def test_grouped_convolutions():
    layer = nn.Conv2d(4, 6, 3, groups=2, bias=False)
    assert count_costs(layer, tw.zeros(2, 4, 8, 8))[:2] == (2 * (2 * 6 * 6 * 6) * 2 * 9,) * 2


def test_nothing_is_computed_and_what_waited_is_not_counted():
    w = tw.randn(64, 64, requires_grad=True)
    waiting = (w.detach() @ w.detach()).requires_grad_()
    found = count_costs(lambda x: x @ waiting, tw.zeros(8, 64))
    assert found.forward == 2 * 8 * 64 * 64
    assert waiting.grad is None
    kept = []
    count_costs(lambda x: kept.append(x @ w) or kept[0], tw.zeros(8, 64))
    assert kept[0].node.value is None


@pytest.mark.parametrize(("function", "error"), [
    (lambda x: 3, ValueError), (lambda x: None, ValueError), (lambda x: x @ tw.zeros(2, 2), RuntimeError),
    (lambda x: (x.sum().item(), x)[1], RuntimeError), (lambda x: int("word"), ValueError),
])
def test_bad_functions(function, error):
    x = tw.zeros(4, 3)
    x.numpy()
    with pytest.raises(error):
        count_costs(function, x)


# --- row 39: memory grows with depth in training alone
def test_row_39_activations_by_depth():
    depths = np.array([4, 8, 12, 16, 24])
    found = [measure(int(n), 16, 64) for n in depths]
    training = np.array([m.training for m in found])
    fit = np.polyval(np.polyfit(depths, training, 1), depths)
    assert 1 - ((training - fit) ** 2).sum() / ((training - training.mean()) ** 2).sum() > 0.99
    assert len({m.inference for m in found}) == 1
    assert found[0].inference < training[0] / 2


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_the_plan_is_what_a_compiled_run_takes(mode):
    model = getattr(nn.Sequential(*[Block(16) for _ in range(6)]), mode)()
    x = tw.ones(32, 16)

    def step(x):
        model.zero_grad()
        y = model(x)
        y.sum().backward()
        return y

    with compile_after(-1):
        run = tw.compile(step)
        run(x)
        run(x)
    (program,) = [r.program for found in run.recordings().values() for r in found or ()]
    assert count_costs(model, x).bytes == pytest.approx(program.arena_bytes, rel=0.15)


# --- row 40: gradient checkpointing
def test_row_40_sixty_four_blocks_in_eight_segments():
    found = measure(64, 16, 64)
    assert found.segments == 8
    assert found.checkpointed <= 0.35 * found.training
    assert 1.8 < found.forward_ratio <= 2


def trained(run_in):
    tw.manual_seed(0)
    model = nn.Sequential(*[Block(8) for _ in range(64)])
    x = tw.tensor(np.random.default_rng(0).standard_normal((16, 8)).astype("f4"), requires_grad=True)
    tw.manual_seed(1)
    loss = run_in(model, x).square().mean()
    loss.backward()
    gradients = [x.grad.numpy(), *[p.grad.numpy() for p in model.parameters()]]
    return loss.item(), gradients, [b.numpy() for b in model.buffers()]


def test_row_40_gradients_masks_and_statistics_are_the_same_to_the_bit():
    segmented = [trained(lambda m, x: checkpoint_sequential(m, 8, x)), trained(lambda m, x: checkpoint(m, x))]
    plain = trained(lambda m, x: m(x))
    assert any(g.any() for g in plain[1])
    counts = [b for b in plain[2] if b.dtype == np.int64]
    assert len(counts) == 64
    assert all(c == 1 for c in counts)
    for loss, gradients, buffers in segmented:
        assert loss == plain[0]
        for a, b in zip([*gradients, *buffers], [*plain[1], *plain[2]]):
            np.testing.assert_array_equal(a, b)


# --- as demonstrations
def ask(*arguments):
    result = CliRunner().invoke(main, ["demo", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_the_demonstration_of_memory():
    code, out, _ = ask("memory", "--depth", 10, "--width", 8, "--batch", 16, "--json")
    assert code == 0
    assert [d["depth"] for d in json.loads(out)["depths"]] == [4, 8, 10]
    assert ask("memory", "--depth", 4, "--width", 8)[1].count("\n") == 6


def test_the_demonstration_of_cost(monkeypatch):
    monkeypatch.setattr("talweg.demos.cost.NAMED", ("lenet",))
    code, out, _ = ask("cost", "--json")
    assert code == 0
    assert all(1.5 < m["ratio"] < 2.1 for m in json.loads(out)["models"].values())


@pytest.mark.parametrize("arguments", [("memory", "--depth", 3), ("memory", "--batch", 1), ("cost", "--batch", 0)])
def test_what_demonstrations_refuse(arguments):
    code, _, error = ask(*arguments)
    assert code == 1
    assert "at least" in error
