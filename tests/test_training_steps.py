"""What a step may do besides learning: accumulate, average, refuse what is not finite; and which parameters take part."""

import math

import numpy as np
import pytest
import torch

import talweg
from talweg import nn, optim, training
from talweg.data import DataLoader, TensorDataset
from talweg.training.parts import fits, matching
from talweg.training.schedules import Plateau

torch.set_num_threads(1)


def points(count=70, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, count)
    values = generator.normal(size=(count, 3)) + labels[:, None]
    return values.astype(np.float32), labels.astype(np.int64)


def loader(values, labels, batch_size=16):
    return DataLoader(TensorDataset(talweg.from_numpy(values), talweg.from_numpy(labels)), batch_size)


def network(seed=0, dropout=0.0):
    talweg.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 2))


def plain(seed=0):
    talweg.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))


def trained(model, train=None, optimizer=None, **options):
    data = loader(*points()) if train is None else train
    optimizer = optimizer or optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    options = {"epochs": 2} | options
    return training.fit(model, nn.CrossEntropyLoss(), optimizer, data, loader(*points(seed=1)), **options)


def arrays(model):
    return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


def close(a, b, tolerance=1e-6):
    for name in a:
        np.testing.assert_allclose(a[name], b[name], atol=tolerance, err_msg=name)


# Accumulation


@pytest.mark.parametrize("size", [5, 8, 35])
def test_accumulated_batches_are_one_large_batch(size):
    """Of 35 samples a step, in batches that do not divide it: each counts by its samples."""
    values, labels = points()
    small = [(talweg.from_numpy(values[i:j]), talweg.from_numpy(labels[i:j]))
             for half in (0, 35) for i, j in [(half + a, min(half + a + size, half + 35)) for a in range(0, 35, size)]]
    large, ours = plain(), plain()
    first = trained(large, loader(values, labels, 35))
    second = trained(ours, small, accumulate=math.ceil(35 / size))
    close(arrays(large), arrays(ours))
    assert second.records[-1].train_loss == pytest.approx(first.records[-1].train_loss, abs=1e-6)
    assert second.records[-1].train_error == first.records[-1].train_error
    assert second.records[-1].gradient_norm == pytest.approx(first.records[-1].gradient_norm, rel=1e-4)


def test_tokens_weigh_by_the_targets_that_count():
    targets = talweg.tensor([[1, -100, 2], [-100, -100, 0]])
    assert training.tokens(targets) == 3
    assert training.samples(targets) == 2
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(4, 3)).astype(np.float32)
    data = [(talweg.from_numpy(logits[:1]), talweg.tensor([2])), (talweg.from_numpy(logits[1:]), talweg.tensor([0, -100, -100]))]
    weights = []
    for batches, accumulate in ((data, 2), ([(talweg.from_numpy(logits), talweg.tensor([2, 0, -100, -100]))], 1)):
        model = nn.Linear(3, 3)
        with talweg.no_grad():
            model.weight.fill_(0.1)
            model.bias.fill_(0.0)
        optimizer = optim.SGD(model.parameters(), lr=1.0)
        training.fit(model, nn.CrossEntropyLoss(), optimizer, batches, batches[:1], epochs=1, error=None,
                     accumulate=accumulate, weight=training.tokens)
        weights.append(arrays(model))
    close(*weights)


def test_steps_end_a_run_within_an_epoch():
    result = trained(plain(), epochs=None, steps=7)
    assert result.state.updates == 7
    assert [r.epoch for r in result.records] == [1, 2]
    assert not result.stopped_early
    whole = trained(plain(), epochs=2)
    assert result.records[0].train_loss == whole.records[0].train_loss


def test_a_run_goes_on_from_any_step_of_its_state():
    """Within one process, with an order and dropout drawn from the default generator."""
    def run(steps, state, model, optimizer):
        values, labels = points()
        data = DataLoader(TensorDataset(talweg.from_numpy(values), talweg.from_numpy(labels)), 16, shuffle=True)

        class Stop(training.Listener):
            def step(self):
                if state.updates == steps:
                    raise KeyboardInterrupt

        return trained(model, data, optimizer, epochs=3, start=state, listeners=[Stop()])

    def fresh():
        model = network(dropout=0.3)
        return model, optim.Adam(model.parameters(), lr=0.01)

    whole, optimizer = fresh()
    expected = run(0, training.TrainingState(), whole, optimizer)
    for steps in (1, 5, 8, 14):
        model, optimizer = fresh()
        state = training.TrainingState()
        left = arrays_at_leaving(lambda m=model, o=optimizer, s=state, n=steps: run(n, s, m, o), model)
        kept = optimizer.state_dict()
        again, second = fresh()
        again.load_state_dict({name: talweg.from_numpy(a) for name, a in left.items()})
        second.load_state_dict(kept)
        talweg.manual_seed(1234)
        resumed = training.TrainingState.from_dict(state.as_dict())
        resumed.best_weights = state.best_weights
        result = run(0, resumed, again, second)
        assert [r.train_loss for r in result.records] == [r.train_loss for r in expected.records]
        for name, array in arrays(whole).items():
            np.testing.assert_array_equal(arrays(again)[name], array)


def arrays_at_leaving(run, model):
    """The last step's weights: afterwards the best epoch's are in the model."""
    found = {}
    plain_load = model.load_state_dict
    model.load_state_dict = lambda weights: found.update(arrays(model)) or plain_load(weights)
    run()
    del model.load_state_dict
    return found or arrays(model)


@pytest.mark.parametrize("values", [{}, {"total": 3, "records": []}, {"total": {}, "records": [3]},
                                    {"total": {}, "records": [], "random": "x", "epoch_random": None}])
def test_a_malformed_state_is_refused(values):
    with pytest.raises(ValueError, match="not that of a training run"):
        training.TrainingState.from_dict(values)


# Averages


def test_the_average_is_what_is_validated_and_kept():
    model = plain()
    average = optim.swa_utils.AveragedModel(model, multi_avg_fn=optim.swa_utils.get_ema_multi_avg_fn(0.9))
    seen = []

    class Spy(training.Listener):
        def step(self):
            seen.append(arrays(model))

    result = trained(model, average=average, listeners=[Spy()], epochs=1)
    expected = seen[0]
    for weights in seen[1:]:
        expected = {name: 0.9 * expected[name] + 0.1 * weights[name] for name in expected}
    close(arrays(average.module), expected)
    close(arrays(model), expected)
    assert training.evaluate(model, nn.CrossEntropyLoss(), loader(*points(seed=1))).loss == pytest.approx(
        result.best.validation_loss)


# Losses and gradients that are not finite


def with_fault(fault, at=2):
    values, labels = points()
    values[at * 16] = fault
    return loader(values, labels)


@pytest.mark.parametrize("make", [
    lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda p: optim.Adam(p, lr=0.1), lambda p: optim.AdamW(p, amsgrad=True),
    lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5),
])
def test_a_step_that_is_not_finite_changes_nothing(make):
    model = network()
    optimizer = make(list(model.parameters()))
    before = {}

    class Spy(training.Listener):
        def step(self):
            before.clear()
            before.update(arrays(model))
            before["state"] = [v.detach().numpy().copy() for s in optimizer.state.values() for v in s.values()
                               if isinstance(v, talweg.Tensor)]

    with pytest.raises(FloatingPointError, match=r"epoch 1, step 3.*the inputs had 3 nan of 48 values"):
        trained(model, with_fault(np.nan), optimizer, listeners=[Spy()])
    after = arrays(model) | {"state": [v.detach().numpy() for s in optimizer.state.values() for v in s.values()
                                       if isinstance(v, talweg.Tensor)]}
    assert before.keys() == after.keys()
    for name in set(before) - {"state", "1.num_batches_tracked"}:
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)
    for one, other in zip(before["state"], after["state"]):
        np.testing.assert_array_equal(one, other)


def test_a_skipped_step_is_a_step_without_its_batch():
    values, labels = points()
    model, other = plain(), plain()
    result = trained(model, with_fault(np.inf), on_nan="skip", epochs=1)
    batches = list(loader(values, labels))
    del batches[2]
    expected = trained(other, batches, epochs=1)
    assert result.skipped == 1
    assert result.records[0].train_loss == pytest.approx(expected.records[0].train_loss, rel=1e-6)
    close(arrays(model), arrays(other))
    with pytest.raises(FloatingPointError, match="every step of epoch 1 was skipped"):
        trained(plain(), loader(values * np.nan, labels), on_nan="skip")


class Faulty(nn.Module):
    """Its second layer takes the logarithm of what may be negative, or the square root of zero."""

    def __init__(self, how):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.second = nn.Linear(4, 2)
        self.how = how

    def forward(self, x):
        y = self.first(x)
        return self.second(y.log() if self.how == "log" else (y - y).sqrt())


@pytest.mark.parametrize(("how", "words"), [
    ("log", "first result that is not finite is that of `log`, shape [16, 4], with "),
    ("sqrt", "gradient's norm became nan"),
])
def test_the_first_operation_at_fault_is_named(how, words):
    talweg.manual_seed(0)
    model = Faulty(how)
    before = arrays(model)
    with pytest.raises(FloatingPointError) as caught, np.errstate(all="ignore"):
        trained(model)
    assert words in str(caught.value)
    if how == "sqrt":
        assert "in the backward pass of `sqrt`, shape" in str(caught.value)
    for name, array in arrays(model).items():
        np.testing.assert_array_equal(array, before[name])


def test_the_layer_of_the_first_fault_is_named():
    model = plain()
    with talweg.no_grad():
        model[2].weight.fill_(3e38)
    with pytest.raises(FloatingPointError, match=r"in layer 2, shape \[16, 2\]"), np.errstate(all="ignore"):
        trained(model)
    with talweg.no_grad():
        model[2].weight.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match=r"the parameter 2\.weight had 16 nan of 16 values before"):
        trained(model)


# Parts of a model


def test_patterns_of_names():
    assert fits("conv1.weight", "conv1")
    assert fits("conv1.weight", "conv*")
    assert fits("a.b.bias", "*.bias")
    assert fits("a.b.bias", "a.b")
    assert not fits("conv10.weight", "conv1")
    assert matching(plain(), "0", "freeze") == ["0.weight", "0.bias"]
    with pytest.raises(ValueError, match="setting freeze: no parameter of Sequential fits 'weights'"):
        matching(plain(), "weights", "freeze")


def test_frozen_parameters_stay_and_rates_differ():
    model = plain()
    before = arrays(model)
    assert training.freeze(model, ["0.weight"]) == ["0.weight"]
    groups = training.parameter_groups(model, 0.1, ["2=0.01", "*.bias=0.5"])
    assert {group["lr"]: len(group["params"]) for group in groups} == {0.1 * 0.5: 2, 0.1 * 0.01: 1}
    seen = []

    class Spy(training.Listener):
        def step(self):
            seen.append([group["lr"] for group in optimizer.param_groups])

    optimizer = optim.SGD(groups, lr=0.1)
    trained(model, optimizer=optimizer, schedule=training.linear, listeners=[Spy()])
    np.testing.assert_array_equal(arrays(model)["0.weight"], before["0.weight"])
    assert not np.array_equal(arrays(model)["0.bias"], before["0.bias"])
    ratios = {tuple(np.round(np.array(rates) / rates[0], 6)) for rates in seen[:-1]}
    assert len(ratios) == 1


def test_adapters_begin_as_nothing_and_merge_into_their_layers():
    model = plain()
    x = talweg.from_numpy(points()[0])
    before = model(x).detach().numpy()
    frozen = arrays(model)
    assert training.adapt(model, ["2", "0"], rank=2, alpha=3.0) == ["0", "2"]
    np.testing.assert_array_equal(model(x).detach().numpy(), before)
    learning = [name for name, p in model.named_parameters() if p.requires_grad]
    assert learning == ["0.down", "0.up", "2.down", "2.up"]
    trained(model, optimizer=optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.05))
    after = model(x).detach().numpy()
    assert np.abs(after - before).max() > 0.05
    np.testing.assert_array_equal(arrays(model)["0.base.weight"], frozen["0.weight"])
    assert training.merge(model) == ["0", "2"]
    assert list(model.state_dict()) == list(frozen)
    np.testing.assert_allclose(model(x).detach().numpy(), after, atol=1e-5)
    for pattern in ("1", "7"):
        with pytest.raises(ValueError, match="no linear layer"):
            training.adapt(plain(), [pattern])
    with pytest.raises(ValueError, match="rank"):
        training.adapt(plain(), ["0"], rank=0)


# Schedules and the rate finder


def test_plateaus_are_pytorchs():
    losses = [3.0, 2.0, 2.0, 2.1, 2.0, 1.99995, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=3)
    for seen in range(1, len(losses) + 1):
        scheduler.step(losses[seen - 1])
        assert Plateau().after(losses[:seen]) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)


def test_one_cycle_and_steps_are_those_of_optim():
    steps = 3000
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=steps)
    for step in range(steps):
        assert training.one_cycle(step / steps) == pytest.approx(optimizer.param_groups[0]["lr"], abs=4 / steps)
        optimizer.step()
        if step < steps - 1:
            cycle.step()
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    falling = torch.optim.lr_scheduler.StepLR(optimizer, 10)
    for step in range(30):
        assert training.step(step / 30) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
        optimizer.step()
        falling.step()


def test_a_plateau_lowers_the_rate_of_a_run():
    model = plain()
    result = trained(model, optimizer=optim.SGD(model.parameters(), lr=1e-7), epochs=7,
                     schedule=training.warmed_up(Plateau(patience=1), 0.1))
    rates = [r.learning_rate for r in result.records]
    assert rates[1] == pytest.approx(1e-7)
    assert rates[-1] < 2e-8


def test_the_finder_suggests_a_rate_that_learns_and_leaves_everything_as_it_was():
    model = plain()
    before, random = arrays(model), talweg.default_generator.get_state().tolist()
    curve = training.find_rate(model, nn.CrossEntropyLoss(), lambda m, r: optim.SGD(m.parameters(), lr=r),
                               loader(*points()), low=1e-4, high=100.0, steps=60)
    assert len(curve.rates) == len(curve.losses)
    assert curve.rates == sorted(curve.rates)
    for name, array in arrays(model).items():
        np.testing.assert_array_equal(array, before[name])
    assert talweg.default_generator.get_state().tolist() == random

    def final(rate):
        found = plain()
        return trained(found, optimizer=optim.SGD(found.parameters(), lr=rate), epochs=6).best.validation_loss

    best = min((0.001, 0.01, 0.1, 1.0, 10.0), key=final)
    assert 0.1 * best <= curve.suggestion <= 3 * best


@pytest.mark.parametrize(("options", "words"), [
    ({"low": 0}, "0 < low < high"), ({"low": 2, "high": 1}, "0 < low < high"), ({"steps": 3}, "10 steps"),
])
def test_bad_bounds_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        training.find_rate(plain(), nn.CrossEntropyLoss(), lambda m, r: optim.SGD(m.parameters(), lr=r),
                           loader(*points()), **options)
    with pytest.raises(ValueError, match="no batches"):
        training.find_rate(plain(), nn.CrossEntropyLoss(), lambda m, r: optim.SGD(m.parameters(), lr=r), [])


@pytest.mark.parametrize(("options", "words"), [
    ({"epochs": 1, "steps": 1}, "either epochs or steps"), ({"epochs": None}, "either epochs or steps"),
    ({"accumulate": 0}, "accumulate"), ({"on_nan": "ignore"}, "'stop' or 'skip'"), ({"epochs": None, "steps": 0}, "steps"),
])
def test_bad_arguments_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        trained(plain(), **options)
