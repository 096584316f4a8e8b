"""What ails a training is named with numbers, and a healthy one is left alone: row 41 and L 3.4, 3.5."""

import math

import numpy as np
import pytest
import torch

import talweg
from talweg import nn
from talweg.training import EpochRecord, diagnose, over_fitting, probe
from talweg.training.diagnosis import dead_symptoms, gradient_symptoms
from talweg.training.state import generator_state

torch.set_num_threads(1)
LOSS = nn.CrossEntropyLoss()


def batch(features=64, classes=10, count=64, seed=0):
    draw = np.random.default_rng(seed)
    inputs = draw.normal(size=(count, features)).astype(np.float32)
    return talweg.from_numpy(inputs), talweg.from_numpy(draw.integers(0, classes, count))


def deep(activation, init, layers=30, width=64):
    """Plain layers of equal width, as in row 41."""
    talweg.manual_seed(0)
    parts = []
    for _ in range(layers - 1):
        parts += [nn.Linear(width, width), activation()]
    model = nn.Sequential(*parts, nn.Linear(width, 10))
    for module in model:
        if isinstance(module, nn.Linear):
            init(module.weight)
            nn.init.zeros_(module.bias)
    return model


class Residual(nn.Module):
    """Pre-norm: x + f(norm(x))."""

    def __init__(self, width=64):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, width)
        self.down = nn.Linear(width, width)

    def forward(self, x):
        return x + self.down(nn.functional.relu(self.up(self.norm(x))))


def kinds(found):
    return [symptom.kind for symptom in found]


# Gradients


def test_sigmoids_vanish_and_are_named_by_layer():
    model = deep(nn.Sigmoid, nn.init.xavier_uniform_)
    seen = probe(model, LOSS, *batch())
    assert list(seen.gradient_norms) == [str(i) for i in range(0, 60, 2)]
    assert seen.ratio < 1e-14
    [found] = diagnose(model, LOSS, *batch())
    assert found.kind == "vanishing"
    assert found.text.startswith("gradients vanish: ")
    assert f"0 ({seen.gradient_norms['0']:.1e}), 2 (" in found.text
    # The count is that of the layers below a ten-thousandth of the largest.
    norms = np.array(list(seen.gradient_norms.values()))
    assert f"{int((norms < norms.max() / 1e4).sum())} of 30 layers" in found.text


def test_the_norms_are_pytorchs():
    model = deep(nn.Tanh, nn.init.xavier_uniform_, layers=4)
    twin = torch.nn.Sequential(*(torch.nn.Linear(64, 64) if i % 2 == 0 else torch.nn.Tanh() for i in range(6)),
                               torch.nn.Linear(64, 10))
    twin.load_state_dict({name: torch.tensor(value.numpy()) for name, value in model.state_dict().items()})
    inputs, targets = batch()
    torch.nn.functional.cross_entropy(twin(torch.tensor(inputs.numpy())), torch.tensor(targets.numpy())).backward()
    for name, norm in probe(model, LOSS, inputs, targets).gradient_norms.items():
        assert norm == pytest.approx(twin[int(name)].weight.grad.norm().item(), rel=1e-4)


@pytest.mark.parametrize("model", [
    deep(nn.ReLU, lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu")),
    deep(nn.Tanh, nn.init.xavier_normal_),
    nn.Sequential(*(Residual() for _ in range(15)), nn.Linear(64, 10)),
], ids=["relu with kaiming", "tanh with xavier", "pre-norm residual"])
def test_healthy_depth_is_left_alone(model):
    seen = probe(model, LOSS, *batch())
    assert 0.02 < seen.ratio < 50
    assert diagnose(model, LOSS, *batch()) == []


def test_large_weights_explode():
    """In a linear network activations grow as gradients do, so that it is the same in all layers and far above the weights."""
    model = deep(nn.Identity, lambda w: nn.init.normal_(w, std=2 / math.sqrt(64)), layers=20)
    [found] = diagnose(model, LOSS, *batch())
    assert found.kind == "exploding"
    assert "in 20 of 20 layers their norm is more than 1000 times that of the weights: 0 (" in found.text


def test_gradients_that_grow_on_their_way_back():
    """Saturating activations stay small while the slopes multiply."""
    class Steep(nn.Module):
        def forward(self, x):
            return x * 0.9 + (4 * x - (4 * x).detach())

    model = deep(Steep, nn.init.orthogonal_, layers=12)
    [found] = diagnose(model, LOSS, *batch())
    assert found.kind == "exploding"
    assert "from 22 (" in found.text
    assert "back to 0 (" in found.text


def test_an_infinite_gradient_and_one_of_zero():
    assert kinds(gradient_symptoms({"a": 1.0, "b": math.inf})) == ["not finite"]
    assert kinds(gradient_symptoms({"a": 0.0, "b": 0.0})) == ["vanishing"]
    assert gradient_symptoms({}) == []
    assert gradient_symptoms({"embedding": 1.0, "query": 1e-7, "head": 0.5}) == []  # attention that looks everywhere
    assert gradient_symptoms({"a": 1.1e-4, "b": 1.0, "c": 1.1e-4}) == []
    assert kinds(gradient_symptoms({"a": 0.9e-4, "b": 1.0, "c": 0.0})) == ["vanishing", "exploding"]


# ReLUs that never fire


class Net(nn.Module):
    """Maps, sequences and vectors, with the function and with the module."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 5, 3)
        self.line = nn.Conv1d(5, 7, 1)
        self.wide = nn.Linear(36, 20)
        self.act = nn.ReLU()
        self.head = nn.Linear(7 * 20, 3)

    def forward(self, x):
        x = nn.functional.relu(self.conv(x))  # (N, 5, 6, 6)
        x = nn.functional.relu(self.line(x.flatten(2)))  # (N, 7, 36)
        x = self.act(self.wide(x))  # (N, 7, 20)
        return self.head(x.flatten(1))


def picture_batch():
    draw = np.random.default_rng(0)
    return talweg.from_numpy(draw.random((32, 1, 8, 8), np.float32)), talweg.from_numpy(draw.integers(0, 3, 32))


def test_dead_relus_are_counted_by_layer():
    talweg.manual_seed(1)
    model = Net()
    with talweg.no_grad():
        model.conv.bias.fill_(1.0)
        model.conv.bias[:4] = -100.0
        model.line.bias.fill_(5.0)
        model.wide.bias.fill_(100.0)
        model.wide.bias[3] = -1000.0
    seen = probe(model, LOSS, *picture_batch())
    assert seen.silent == {"after layer conv": (4, 5), "after layer line": (0, 7), "after layer wide": (1, 20)}
    [found] = dead_symptoms(seen.silent)
    assert found.kind == "dead"
    assert "4 of 5 units (80 %) after layer conv" in found.text


def test_a_layer_that_runs_twice_is_dead_only_if_it_never_fires():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(2, 2, bias=False)

        def forward(self, x):
            relu = nn.functional.relu
            return relu(self.inner(x)) + relu(self.inner(-x))

    model = Twice()
    with talweg.no_grad():
        model.inner.weight.copy_(talweg.eye(2))
    inputs = talweg.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert probe(model, LOSS, inputs, talweg.tensor([0, 1])).silent == {"after layer inner": (0, 2)}


def test_few_dead_units_are_no_illness():
    assert dead_symptoms({"after layer a": (4, 10), "after layer b": (0, 1)}) == []
    assert len(dead_symptoms({"after layer a": (5, 10)})) == 1


# Parameters that take no part


def test_unused_parameters_are_named_and_frozen_ones_are_not():
    class Forgetful(nn.Module):
        def __init__(self):
            super().__init__()
            self.used = nn.Linear(64, 10)
            self.forgotten = nn.Linear(4, 4)
            self.frozen = nn.Linear(4, 4).requires_grad_(False)

        def forward(self, x):
            return self.used(x)

    [found] = diagnose(Forgetful(), LOSS, *batch())
    assert found.kind == "unused"
    assert "does not depend on forgotten.weight, forgotten.bias, so" in found.text


# Over-fitting


def record(epoch, train, validation):
    return EpochRecord(epoch, train, None, validation, None, 0.1, 1.0, 1.0, False)


def test_over_fitting_is_told_from_its_epoch():
    records = [record(i, 1 / i, 1 + abs(i - 4) / 4) for i in range(1, 11)]
    [found] = over_fitting(records)
    assert found.text.startswith("over-fitting from epoch 5 on: the validation loss rose from 1 (epoch 4) to 2.5 (epoch 10)")
    assert "training loss fell from 0.25 to 0.1" in found.text


def test_a_negative_loss_may_turn_up_too():
    assert len(over_fitting([record(i, -i, -10 + abs(i - 4)) for i in range(1, 11)])) == 1


@pytest.mark.parametrize("records", [
    [],
    [record(1, 1.0, 1.0)],
    [record(i, 1 / i, 1 / i) for i in range(1, 9)],  # both fall
    [record(i, 1 / i, 1 + 0.05 * (i % 2)) for i in range(1, 9)],  # wavers
    [record(i, i, i) for i in range(1, 9)],  # both rise: too large a rate
    [record(i, 1 / i, math.nan) for i in range(1, 9)],
    [record(i, -i, -5 - i - (i < 5)) for i in range(1, 9)],  # a density above 1 wavers
    [record(1, 1.0, 2.0), *(record(i, 1 / i, 1e-6 * i) for i in range(2, 9))],  # learned to perfection
    [record(1, 1.0, 1.0), *(record(i, 1 / i, 0.9 + 0.001 * i) for i in range(2, 9)), record(9, 0.1, 1.02)],  # one bad epoch
])
def test_no_over_fitting(records):
    assert over_fitting(records) == []


def test_a_network_that_learns_by_heart_is_found_out():
    """Random labels: the training loss falls, and nothing can be known of the others."""
    talweg.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    train, validation = ([batch(seed=seed)] for seed in (1, 2))
    optimizer = talweg.optim.Adam(model.parameters(), lr=0.01)
    result = talweg.training.fit(model, LOSS, optimizer, train, validation, epochs=30)
    found = diagnose(model, LOSS, *train[0], result.records)
    assert kinds(found) == ["over-fitting"]
    assert f"from epoch {result.best.epoch + 1} on" in found[0].text


# Looking changes nothing


def test_looking_leaves_everything_as_it_was():
    talweg.manual_seed(3)
    model = nn.Sequential(nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 10))
    model[1].eval()
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    random = generator_state()
    probe(model, LOSS, *batch())
    assert generator_state() == random
    assert not model[1].training
    assert model[3].training
    assert all(p.grad is None for p in model.parameters())
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])


def test_a_batch_that_does_not_fit_is_the_models_error():
    model = nn.Linear(3, 2).eval()
    with pytest.raises(RuntimeError):
        probe(model, LOSS, talweg.zeros(2, 4), talweg.tensor([0, 1]))
    assert not model.training
    assert not model._forward_hooks
