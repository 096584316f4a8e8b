"""Components of L 4.3 and N 5.2: activation functions with their slopes (row 64), a bias of each place (row 61)."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import talweg as tw
from talweg import nn
from talweg.cli.main import main
from talweg.demos import activations
from talweg.models import ConvNet, build
from talweg.models.convnet import UntiedBias

torch.set_num_threads(1)
functional = torch.nn.functional
REFERENCES = {
    "ReLU": functional.relu, "Tanh": torch.tanh, "Leaky ReLU": functional.leaky_relu, "GELU": functional.gelu,
    "GELU, tanh form": lambda x: functional.gelu(x, approximate="tanh"), "QuickGELU": lambda x: x * torch.sigmoid(1.702 * x),
    "SiLU": functional.silu, "Sigmoid": torch.sigmoid,
}


def talk(*arguments):
    """(exit code, output, error output) of the command line."""
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    if not isinstance(result.exception, SystemExit | None):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


# --- row 64
@pytest.mark.parametrize("name", activations.FUNCTIONS)
def test_row_64_values_and_slopes_are_pytorchs(name):
    found = activations.curve(name, 4.0)
    x = torch.tensor(found.x, dtype=torch.float64, requires_grad=True)
    y = REFERENCES[name](x)
    y.sum().backward()
    np.testing.assert_allclose(found.values, y.detach().numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found.slopes, x.grad.numpy(), rtol=1e-12, atol=1e-14)
    assert found.lowest == min(found.values)


def test_row_64_published_values_and_the_slope_at_0():
    at_one = {name: activations.curve(name, 4.0).at[1.0][0] for name in activations.FUNCTIONS}
    assert at_one["GELU"] == pytest.approx(0.841345, abs=5e-7)
    assert at_one["GELU, tanh form"] == pytest.approx(0.841192, abs=5e-7)
    assert at_one["QuickGELU"] == pytest.approx(0.845796, abs=5e-7)
    assert activations.curve("ReLU", 4.0).at[0.0] == (0.0, 0.0)


def test_row_64_the_command_prints_and_draws(tmp_path):
    code, out, _ = talk("demo", "activations", "--reach", 2, "--out", tmp_path)
    assert code == 0
    assert all(name in out for name in activations.FUNCTIONS)
    assert (tmp_path / "activations.svg").exists()
    assert (tmp_path / "activations.png").stat().st_size > 10_000
    facts = json.loads(talk("demo", "activations", "--json")[1])
    assert [f["name"] for f in facts["functions"]] == list(activations.FUNCTIONS)


@pytest.mark.parametrize("reach", [0, -1, "nan", "inf"])
def test_row_64_a_reach_without_a_range_is_refused(reach):
    code, _, told = talk("demo", "activations", "--reach", reach)
    assert code == 1
    assert "--reach must be a positive finite number" in told


# --- row 61
TEXT = "conv6k5p2-pool2-conv16k5s2-fc20"


def test_row_61_a_bias_for_each_place_of_each_map():
    shared, untied = ConvNet(TEXT, (1, 28, 28)), build("convnet", (1, 28, 28), 10, layers=TEXT, untied_bias=True)
    biases = [m.bias for m in untied.modules() if isinstance(m, UntiedBias)]
    assert [tuple(b.shape) for b in biases] == [(6, 28, 28), (16, 5, 5)]
    assert not any(isinstance(m, nn.Conv2d) and m.bias is not None for m in untied.modules())
    grown = sum(p.numel() for p in untied.parameters()) - sum(p.numel() for p in shared.parameters())
    assert grown == 6 * (28 * 28 - 1) + 16 * (5 * 5 - 1)


def test_row_61_equal_numbers_at_all_places_are_the_usual_bias():
    shared, untied = ConvNet(TEXT, (1, 28, 28)), ConvNet(TEXT, (1, 28, 28), untied_bias=True)
    convolutions = [[m for m in net.modules() if isinstance(m, nn.Conv2d)] for net in (shared, untied)]
    biases = [m for m in untied.modules() if isinstance(m, UntiedBias)]
    with tw.no_grad():
        for ours, theirs, bias in zip(*convolutions, biases):
            theirs.weight.copy_(ours.weight)
            bias.bias.copy_(ours.bias.reshape(-1, 1, 1).expand(bias.bias.shape))
        for ours, theirs in zip(shared.classifier.parameters(), untied.classifier.parameters()):
            theirs.copy_(ours)
    x = tw.randn(2, 1, 28, 28)
    found, wanted = untied(x), shared(x)
    np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), rtol=1e-4, atol=1e-5)
    found.sum().backward()
    wanted.sum().backward()
    for ours, bias in zip(convolutions[0], biases):  # what a shared bias gets is the sum over the places
        np.testing.assert_allclose(bias.bias.grad.sum((1, 2)).numpy(), ours.bias.grad.numpy(), rtol=1e-4, atol=1e-4)


def test_row_61_maps_of_another_size_are_refused():
    with pytest.raises(RuntimeError, match="broadcast|size|shape"):
        UntiedBias(2, 4, 4)(tw.zeros(1, 2, 5, 5))
    with pytest.raises(ValueError, match="no layer"):
        ConvNet("conv6", (1, 28, 28), untied_bias=True)
