"""Weights laid out for the library once, for as long as they keep their values."""

import numpy as np
import pytest

import talweg as tw
from talweg import nn, optim
from talweg.compile.engine import compile_at_first_sight
from talweg.compile.packing import Packings


def network():
    tw.manual_seed(0)
    return nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 64, 40), nn.ReLU(),
                         nn.Linear(40, 5))


@pytest.fixture
def packed(monkeypatch):
    """How many reorders have been done, in the order of the runs."""
    counts = []
    plain = Packings.refresh

    def refresh(self, token):
        class Counting:
            def run(_, begin, end):
                counts[-1] += 1
                commands.run(begin, end)

        commands = self.commands
        counts.append(0)
        self.commands = Counting()
        plain(self, token)
        self.commands = commands

    monkeypatch.setattr(Packings, "refresh", refresh)
    return counts


def interpreted(model, x):
    with tw.no_grad():
        h = model[:3](x).numpy().astype("f8")
        for layer in (model[3], model[5]):
            h = np.maximum(h, 0) if layer is model[5] else h
            h = h @ layer.weight.detach().numpy().astype("f8").T + layer.bias.detach().numpy()
    return h


CHANGES = {
    "in place": lambda model, opt, x: model[3].weight.detach().mul_(2.0),
    "data": lambda model, opt, x: setattr(model[0].weight, "data", model[0].weight.data * 1.5),
    "optimiser": lambda model, opt, x: (model(x).sum().backward(), opt.step()),
    "loaded": lambda model, opt, x: model.load_state_dict({k: v + 0.5 for k, v in model.state_dict().items()}),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("compiled", [True, False])
def test_changed_weights_are_seen(change, compiled, packed):
    model = network()
    opt = optim.SGD(model.parameters(), 1e-2)
    call = tw.compile(lambda x: model(x)) if compiled else model

    def forward(x):
        with tw.no_grad():
            return call(x).numpy()

    with compile_at_first_sight():
        for _ in range(3):
            for _ in range(3):
                x = tw.randn(2, 16, 8, 8)
                np.testing.assert_allclose(forward(x), interpreted(model, x), 1e-4, 1e-4)
            CHANGES[change](model, opt, x)
    assert max(packed) > 0


def test_weights_that_stay_are_laid_out_once(packed):
    model = network()

    @tw.compile
    def forward(x):
        with tw.no_grad():
            return model(x)

    x = tw.randn(2, 16, 8, 8)
    for _ in range(3):
        forward(x)
    packed.clear()
    for _ in range(5):
        forward(x)
    assert packed == [0] * 5
    with tw.no_grad():
        model[0].weight.add_(1.0)
    forward(x)
    assert packed[-1] == 1


def test_programs_that_update_their_inputs_pack_nothing(packed):
    model = network()
    opt = optim.SGD(model.parameters(), 1e-3)

    @tw.compile
    def step(x):
        opt.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        opt.step()
        return loss

    for _ in range(4):
        step(tw.randn(2, 16, 8, 8))
    assert sum(packed) == 0
