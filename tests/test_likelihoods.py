"""Likelihoods of density models (row 19, L 3.1): what is reported is the logarithm of a density or of a probability."""

import math

import numpy as np
import pytest

import talweg as tw
from talweg.models import GPT, NICE, RealNVP
from talweg.nn import functional as F


def lively(kind, width):
    """A flow whose couplings do something: untrained, each is the identity."""
    tw.manual_seed(0)
    flow = kind(width, 4, [8]).double()
    with tw.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.3 * tw.randn(*parameter.shape).double())
    return flow


@pytest.mark.parametrize("kind", [NICE, RealNVP])
def test_row_19_a_flows_density_integrates_to_one(kind):
    flow = lively(kind, 2)
    line = np.linspace(-30, 30, 601) if kind is NICE else np.linspace(-20, 20, 801)
    x, y = np.meshgrid(line, line)
    with tw.no_grad():
        logs = flow.log_density(tw.from_numpy(np.stack([x.ravel(), y.ravel()], 1))).numpy()
    assert np.exp(logs).sum() * (line[1] - line[0]) ** 2 == pytest.approx(1, abs=5e-3)


@pytest.mark.parametrize("kind", [NICE, RealNVP])
def test_row_19_a_flows_log_density_is_the_noises_and_the_jacobians(kind):
    flow = lively(kind, 5)
    x = tw.randn(3, 5).double()
    found = flow.log_density(x).tolist()
    for row, log_density in zip(x, found):
        jacobian = tw.func.jacrev(lambda v: flow(v[None])[0][0])(row).detach().numpy()
        noise = flow(row[None])[0].detach().numpy()
        if kind is RealNVP:
            expected = -0.5 * (noise**2).sum() - 2.5 * math.log(2 * math.pi)
        else:
            expected = (-noise - 2 * np.log1p(np.exp(-noise))).sum()
        assert log_density == pytest.approx(expected + np.linalg.slogdet(jacobian)[1], rel=1e-10)


def test_row_19_a_language_models_cross_entropy_is_the_sum_over_its_tokens():
    """Brute force: each prefix by itself through the model, its next token's probability, the product of all."""
    tw.manual_seed(0)
    model = GPT(7, 16, 16, 2, 2).double().eval()
    tokens = tw.randint(0, 7, (1, 9))
    with tw.no_grad():
        nats = F.cross_entropy(model(tokens)[0, :-1], tokens[0, 1:], reduction="sum").item()
        product = 1.0
        for t in range(1, 9):
            product *= model(tokens[:, :t])[0, -1].softmax(-1)[int(tokens[0, t].item())].item()
    assert nats == pytest.approx(-math.log(product), rel=1e-10)


def test_an_impossible_token_costs_infinitely_much():
    logits = tw.tensor([[0.0, -math.inf, 0.0]])
    assert F.cross_entropy(logits, tw.tensor([1])).item() == math.inf
    assert F.cross_entropy(logits, tw.tensor([0])).item() == pytest.approx(math.log(2))
