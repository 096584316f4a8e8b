"""Robustness (row 124), regularity (row 125) and universal approximation (row 79) as demonstrations."""

import math

import numpy as np
import pytest
import torch

import talweg as tw
from talweg import nn
from talweg.demos import learning, regularity, robustness, universal

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return learning.load_digits(0)


def twin(model):
    """The same multi-layer perceptron in PyTorch."""
    layers = []
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            theirs = torch.nn.Linear(layer.in_features, layer.out_features)
            theirs.weight.data = torch.tensor(layer.weight.detach().numpy())
            theirs.bias.data = torch.tensor(layer.bias.detach().numpy())
            layers += [theirs, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


# --- row 124
@pytest.fixture(scope="module")
def attacked(digits):
    tw.manual_seed(0)
    pixels = robustness.in_pixels(digits)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)), pixels.test_x[:40], pixels.test_y[:40]


def test_pixels_go_from_0_to_1(digits):
    pixels = robustness.in_pixels(digits)
    values = pixels.x.numpy() * 16
    np.testing.assert_allclose(values, values.round(), atol=1e-4)  # as the 17 greys of the data set
    assert (values.round().min(), values.round().max()) == (0, 16)


def test_the_fast_gradient_sign_is_pytorchs(attacked):
    model, x, y = attacked
    theirs = torch.tensor(x.numpy(), requires_grad=True)
    torch.nn.functional.cross_entropy(twin(model)(theirs.flatten(1)), torch.tensor(y.numpy()), reduction="sum").backward()
    expected = (theirs + 0.1 * theirs.grad.sign()).clamp(0, 1)
    np.testing.assert_allclose(robustness.fgsm(model, x, y, 0.1).numpy(), expected.detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("eps", [0.0, 0.05, 0.3])
def test_attacks_stay_within_reach_and_raise_the_loss(attacked, eps):
    model, x, y = attacked
    losses = [nn.functional.cross_entropy(model(x), y).item()]
    for attack in (robustness.fgsm, robustness.pgd):
        moved = attack(model, x, y, eps)
        assert (moved - x).abs().max().item() <= eps + 1e-6
        assert 0 <= moved.min().item() <= moved.max().item() <= 1
        losses.append(nn.functional.cross_entropy(model(moved), y).item())
    if eps:
        assert losses[0] < min(losses[1:])
        assert losses[2] >= losses[1] - 1e-3  # several steps find at least what one does
    else:
        assert losses == pytest.approx([losses[0]] * 3, abs=1e-6)


def test_attacks_leave_no_gradients_behind(attacked):
    model, x, y = attacked
    robustness.pgd(model, x, y, 0.1, steps=2)
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.slow
def test_row_124_adversarial_training_withstands_more(monkeypatch):
    monkeypatch.setattr(robustness, "REACHES", (0.0, 0.1, 0.2))
    shown = robustness.run(epochs=6)
    failed = [c.what for c in shown.claims if not c.holds]
    assert failed in ([], ["accuracy without an attack"]), failed  # six epochs are few
    assert len(shown.figures["robustness"]().axes) == 1 + 3 * robustness.SHOWN


# --- row 125
def test_jacobians_are_pytorchs(digits):
    model = regularity.network(0)
    x = digits.test_x[:5]
    theirs = twin(model)
    expected = torch.stack([torch.autograd.functional.jacobian(theirs, torch.tensor(v.numpy()).flatten()) for v in x])
    np.testing.assert_allclose(regularity.jacobian(model, x).numpy(), expected.numpy(), atol=1e-5)


def test_row_125_a_linear_network_meets_its_bound(digits):
    """Without activations the Jacobian is the product of the weights: its norm is found, and is below the product of norms."""
    tw.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.Linear(20, 10))
    found = regularity.measure("linear", model, digits, 1.0)
    product = np.linalg.norm(model[2].weight.detach().numpy() @ model[1].weight.detach().numpy(), 2)
    assert found.at_digits == pytest.approx(product, rel=1e-4)
    assert found.steepest <= product * (1 + 1e-4) < found.bound
    single = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    found = regularity.measure("one layer", single, digits, 1.0)
    assert found.at_digits == pytest.approx(found.bound, rel=1e-4)


def test_the_gradient_penalty_is_pytorchs(digits):
    """One step of Adam moves every weight by the rate towards the sign of its gradient: the signs must agree."""
    model = regularity.network(1)
    theirs = twin(model)
    x, y = digits.x[:50], digits.y[:50]
    part = learning.Digits(x, y, x, y, digits.mean, digits.std)
    before = [p.detach().numpy().copy() for p in model.parameters()]
    regularity.learn(model, part, 1, 2.0, seed=0)
    inputs = torch.tensor(x.numpy()).flatten(1).requires_grad_()
    total = torch.nn.functional.cross_entropy(theirs(inputs), torch.tensor(y.numpy()), reduction="sum")
    (slope,) = torch.autograd.grad(total, inputs, create_graph=True)
    (total / 50 + 2.0 * slope.square().sum() / 50).backward()
    for old, new, expected in zip(before, model.parameters(), theirs.parameters()):
        clear = expected.grad.abs().numpy() > 1e-4
        np.testing.assert_array_equal(np.sign(old - new.detach().numpy())[clear], np.sign(expected.grad.numpy())[clear])


@pytest.mark.slow
def test_row_125_holds():
    shown = regularity.run(epochs=10)
    assert shown.holds, [c for c in shown.claims if not c.holds]
    shown.figures["regularity"]()


# --- row 79
def test_row_79_errors_fall_below_the_bound_as_widths_grow():
    shown = universal.run(seed=7)
    assert shown.holds, [c for c in shown.claims if not c.holds]
    for name in ("ReLU", "tanh"):
        errors = shown.facts["errors"][name]
        assert all(b < a for a, b in zip(errors, errors[1:]))
    shown.figures["uat"]()


@pytest.mark.parametrize("width", [8, 128])
def test_the_network_written_down_is_the_interpolant(width):
    x = np.linspace(-2, 2, 1111)
    knots = np.linspace(-2, 2, width + 1)
    expected = np.interp(x, knots, np.sin(3 * knots) + np.abs(knots))
    np.testing.assert_allclose(universal.written_down(width)(tw.from_numpy(x)).numpy(), expected, atol=1e-12)


def test_squares_make_a_parabola():
    network = universal.fitted(32, universal.square, seed=0)
    x = np.linspace(-2, 2, 50)
    y = network(tw.from_numpy(x)).numpy()
    assert np.abs(np.diff(y, 3)).max() < 1e-9
    best = np.polyfit(np.linspace(-2, 2, universal.SAMPLES), universal.target(tw.linspace(-2, 2, universal.SAMPLES)
                                                                             .double()).numpy(), 2)
    np.testing.assert_allclose(y, np.polyval(best, x), atol=1e-5)


@pytest.mark.parametrize(("call", "words"), [
    (lambda: robustness.run(epochs=0), "--epochs"), (lambda: regularity.run(epochs=0), "--epochs"),
    (lambda: regularity.run(penalty=math.nan), "--penalty"),
])
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
