"""The loop against a loop written out in PyTorch; metrics, schedules, history, progress and summary."""

import csv
import io
import json
import math

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

import talweg
from talweg import nn, optim, training
from talweg.data import DataLoader, TensorDataset
from talweg.models import MLP, LeNet, build, entry
from talweg.training.history import COLUMNS

torch.set_num_threads(1)


def blobs(count=70, seed=0):
    """Two noisy clusters, so that the loss falls but not to nothing."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, count)
    points = generator.normal(size=(count, 3)) + labels[:, None]
    return points.astype(np.float32), labels.astype(np.int64)


def loader(seed=0, count=70, batch_size=16):
    points, labels = blobs(count, seed)
    return DataLoader(TensorDataset(talweg.from_numpy(points), talweg.from_numpy(labels)), batch_size)


def model_and_twin():
    talweg.manual_seed(0)
    ours = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    theirs.load_state_dict({k: torch.from_numpy(v.detach().numpy().copy()) for k, v in ours.state_dict().items()})
    return ours, theirs


def fitted(model=None, epochs=4, train=None, validation=None, lr=0.1, **options):
    model = model or model_and_twin()[0]
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    result = training.fit(
        model, nn.CrossEntropyLoss(), optimizer, loader() if train is None else train,
        loader(1) if validation is None else validation, epochs=epochs, **options,
    )
    return model, result


class Recorder(training.Listener):
    def __init__(self):
        self.calls = []

    def begin(self, epochs, first_epoch, batches):
        self.calls.append(("begin", epochs, first_epoch, batches))

    def batch(self, loss, error, samples):
        self.calls.append(("batch", samples))

    def epoch(self, record):
        self.calls.append(("epoch", record.epoch))

    def end(self):
        self.calls.append(("end",))


# The loop


@pytest.mark.parametrize("clip", [None, 0.05])
def test_the_loop_gives_the_losses_of_the_same_loop_in_pytorch(clip):
    ours, theirs = model_and_twin()
    _, result = fitted(ours, epochs=3, clip_norm=clip, schedule=training.cosine)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    points, labels = (torch.from_numpy(a) for a in blobs())
    held_out, held_labels = (torch.from_numpy(a) for a in blobs(seed=1))
    done = 0
    for record in result.records:
        losses = 0.0
        wrong = 0
        for start in range(0, 70, 16):
            x, y = points[start:start + 16], labels[start:start + 16]
            optimizer.param_groups[0]["lr"] = 0.1 * (1 + math.cos(math.pi * done / 15)) / 2
            optimizer.zero_grad()
            outputs = theirs(x)
            loss = torch.nn.functional.cross_entropy(outputs, y)
            loss.backward()
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(theirs.parameters(), clip)
            optimizer.step()
            losses += loss.item() * len(y)
            wrong += (outputs.argmax(1) != y).sum().item()
            done += 1
        assert record.train_loss == pytest.approx(losses / 70, abs=1e-5)
        assert record.train_error == pytest.approx(wrong / 70)
        with torch.no_grad():
            expected = torch.nn.functional.cross_entropy(theirs(held_out), held_labels).item()
        assert record.validation_loss == pytest.approx(expected, abs=1e-5)
        assert record.learning_rate == pytest.approx(optimizer.param_groups[0]["lr"])


def test_the_best_epochs_weights_are_left_in_the_model():
    model, result = fitted(epochs=12, lr=1.5)
    losses = [r.validation_loss for r in result.records]
    assert result.best.validation_loss == min(losses) < losses[-1]
    assert result.best.epoch == 1 + losses.index(min(losses))
    again = training.evaluate(model, nn.CrossEntropyLoss(), loader(1))
    assert again.loss == pytest.approx(min(losses), rel=1e-6)
    assert [r.epoch for r in result.records if r.best][-1] == result.best.epoch


def test_monitoring_the_error_breaks_ties_by_loss():
    _, result = fitted(epochs=12, lr=1.5, monitor="error")
    keys = [(r.validation_error, r.validation_loss) for r in result.records]
    assert (result.best.validation_error, result.best.validation_loss) == min(keys)


def test_patience_ends_a_run_that_no_longer_gets_better():
    _, result = fitted(epochs=50, lr=1.5, patience=2)
    assert result.stopped_early
    assert result.records[-1].epoch == result.best.epoch + 2 < 50


def test_two_runs_are_equal_to_the_last_bit():
    losses = [[(r.train_loss, r.validation_loss) for r in fitted()[1].records] for _ in range(2)]
    assert losses[0] == losses[1]


def test_a_continued_run_follows_the_schedule_where_it_was():
    model, _ = model_and_twin()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    arguments = (model, nn.CrossEntropyLoss(), optimizer, loader(), loader(1))
    training.fit(*arguments, epochs=4, schedule=training.linear)
    optimizer.param_groups[0]["lr"] = 99.0  # what a half-run schedule may have left there
    start = training.TrainingState(epoch=4, updates=20)
    result = training.fit(*arguments, epochs=8, start=start, schedule=training.linear)
    assert [r.epoch for r in result.records] == [5, 6, 7, 8]
    assert result.records[0].learning_rate == pytest.approx(0.1 * (1 - (4 * 5 + 4) / 40))


def test_listeners_hear_everything_in_order():
    recorder = Recorder()
    fitted(epochs=2, listeners=[recorder])
    batches = [("batch", n) for n in (16, 16, 16, 16, 6)]
    assert recorder.calls == [
        ("begin", 2, 1, 5), *batches, ("epoch", 1), *batches, ("epoch", 2), ("end",)
    ]


def test_ctrl_c_ends_the_run_with_what_it_has():
    class Impatient(Recorder):
        def batch(self, loss, error, samples):
            super().batch(loss, error, samples)
            if len(self.calls) > 9:
                raise KeyboardInterrupt

    recorder = Impatient()
    model, result = fitted(epochs=5, listeners=[recorder])
    assert result.interrupted
    assert [r.epoch for r in result.records] == [1]
    assert recorder.calls[-1] == ("end",)
    again = training.evaluate(model, nn.CrossEntropyLoss(), loader(1))
    assert again.loss == pytest.approx(result.best.validation_loss, rel=1e-6)


def test_a_diverging_run_says_what_to_do_and_keeps_the_best():
    recorder = Recorder()
    model = nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 2))
    with pytest.raises(FloatingPointError, match="smaller learning rate"), np.errstate(all="ignore"):
        fitted(model, epochs=30, lr=1e30, listeners=[recorder])
    assert recorder.calls[-1] == ("end",)


def test_regression_has_no_error_and_any_loss_will_do():
    points, labels = blobs()
    targets = talweg.from_numpy(points.sum(axis=1, keepdims=True))
    data = DataLoader(TensorDataset(talweg.from_numpy(points), targets), 10)
    talweg.manual_seed(0)
    model = nn.Linear(3, 1)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    result = training.fit(model, nn.MSELoss(), optimizer, data, data, epochs=40, error=None)
    assert result.records[-1].validation_loss < 1e-2
    assert result.records[-1].train_error is None


def test_evaluation_leaves_the_mode_and_uses_the_evaluation_one():
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2))
    model.train()
    scores = [training.evaluate(model, nn.CrossEntropyLoss(), loader()).loss for _ in range(2)]
    assert scores[0] == scores[1]
    assert model.training
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"epochs": 0}, "epochs"),
        ({"monitor": "accuracy"}, "monitor"),
        ({"patience": 0}, "patience"),
        ({"monitor": "error", "error": None}, "needs"),
        ({"train": DataLoader([], 4)}, "no batches"),
        ({"validation": DataLoader([], 4)}, "no samples"),
    ],
)
def test_bad_arguments_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        fitted(**{"epochs": 1, **options})


# Metrics


labels_and_guesses = st.integers(1, 60).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 3), min_size=n, max_size=n)] * 2)
)


@given(labels_and_guesses)
@settings(max_examples=60, deadline=None)
def test_metrics_agree_with_scikit_learn(pair):
    labels, guesses = (np.array(a) for a in pair)
    classes = [0, 1, 2, 3]
    counts = training.confusion_matrix(guesses, labels, 4)
    np.testing.assert_array_equal(counts, sklearn.metrics.confusion_matrix(labels, guesses, labels=classes))
    expected = sklearn.metrics.precision_recall_fscore_support(labels, guesses, labels=classes, zero_division=0)
    found = training.class_scores(counts)
    np.testing.assert_allclose([[s.precision, s.recall, s.f1, s.support] for s in found], np.transpose(expected))
    assert training.error_rate(guesses, labels) == pytest.approx(1 - sklearn.metrics.accuracy_score(labels, guesses))


@given(st.integers(2, 7), st.integers(1, 40), st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_top_k_accuracy_agrees_with_pytorchs_order_and_scikit_learn(classes, count, seed, tied):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(count, classes))
    scores = scores.round() if tied else scores
    labels = rng.integers(0, classes, count)
    order = torch.from_numpy(scores).sort(dim=1, descending=True, stable=True).indices.numpy()
    found = [training.top_k_accuracy(scores, labels, k) for k in range(1, classes + 1)]
    np.testing.assert_allclose(found, [(order[:, :k] == labels[:, None]).any(1).mean() for k in range(1, classes + 1)])
    assert found[0] == pytest.approx(np.mean(scores.argmax(1) == labels))
    assert found[-1] == 1
    if not tied and classes > 2:
        theirs = [sklearn.metrics.top_k_accuracy_score(labels, scores, k=k, labels=range(classes)) for k in range(1, classes)]
        np.testing.assert_allclose(found[:-1], theirs)


def test_a_row_with_a_nan_is_wrong_for_every_k():
    scores = np.array([[0.0, 1, 2], [np.nan, 0, 1]])
    assert [training.top_k_accuracy(scores, np.array([2, 2]), k) for k in (1, 3)] == [0.5, 0.5]


def test_which_k_are_told():
    assert [training.telling_ks(n) for n in (1, 3, 4, 6, 10, 1000)] == [[], [], [2], [2, 3], [2, 3, 5], [2, 3, 5]]


def test_errors_count_rows_and_a_nan_is_one():
    outputs = talweg.tensor([[0.0, 1.0], [2.0, 1.0], [float("nan"), 0.0]])
    assert training.count_errors(outputs, talweg.tensor([1, 1, 0])) == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda: training.error_rate(np.array([]), np.array([])),
        lambda: training.error_rate(np.array([1]), np.array([1, 2])),
        lambda: training.confusion_matrix(np.array([4]), np.array([0]), 4),
        lambda: training.confusion_matrix(np.array([0]), np.array([-1]), 4),
        lambda: training.top_k_accuracy(np.zeros((0, 3)), np.zeros(0, int), 1),
        lambda: training.top_k_accuracy(np.zeros((2, 3)), np.array([0, 3]), 1),
        lambda: training.top_k_accuracy(np.zeros((2, 3)), np.array([0, 1]), 4),
        lambda: training.top_k_accuracy(np.zeros((2, 3)), np.array([0, 1]), 0),
        lambda: training.top_k_accuracy(np.zeros(3), np.array([0, 1, 2]), 1),
        lambda: training.count_errors(talweg.zeros(3), talweg.zeros(3).long()),
        lambda: training.count_errors(talweg.zeros(3, 2), talweg.zeros(2).long()),
    ],
)
def test_metrics_refuse_what_does_not_fit(call):
    with pytest.raises(ValueError):
        call()


def test_softmax_holds_where_the_exponential_does_not():
    scores = np.array([[1e4, -1e4, 0], [1, 2, 3]])
    np.testing.assert_allclose(training.softmax(scores), torch.from_numpy(scores).softmax(-1).numpy(), atol=1e-12)


# Schedules


def test_schedules_start_at_one_and_end_where_they_should():
    t = np.linspace(0, 1, 51)
    for name, end in (("constant", 1), ("cosine", 0), ("linear", 0), ("step", 0.01), ("plateau", 1)):
        factors = [training.SCHEDULES[name](x) for x in t]
        assert factors[0] == 1
        assert factors[-1] == pytest.approx(end)
        assert all(a >= b for a, b in zip(factors, factors[1:]))


def test_the_cosine_is_pytorchs():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 40)
    for step in range(40):
        assert training.cosine(step / 40) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
        optimizer.step()
        schedule.step()


def test_warming_up_rises_to_one_and_then_follows():
    factor = training.warmed_up(training.linear, 0.2)
    assert [factor(0), factor(0.1), factor(0.2), factor(0.6), factor(1)] == pytest.approx([0, 0.5, 1, 0.5, 0])
    for share in (-0.1, 1, float("nan")):
        with pytest.raises(ValueError, match="share"):
            training.warmed_up(training.linear, share)


# History, progress, summary


def test_history_is_written_at_once_and_read_back(tmp_path):
    class Reader(training.Listener):
        def epoch(self, record):
            assert training.read_history(tmp_path)[-1] == record

    _, result = fitted(epochs=3, listeners=[training.History(tmp_path), Reader()])
    assert training.read_history(tmp_path) == result.records
    rows = list(csv.DictReader((tmp_path / "history.csv").open()))
    assert list(rows[0]) == COLUMNS
    assert [float(row["validation_loss"]) for row in rows] == [r.validation_loss for r in result.records]
    for line in (tmp_path / "history.jsonl").read_text().splitlines():
        assert set(json.loads(line)) == set(COLUMNS)


def test_a_history_cut_short_loses_its_last_line_only(tmp_path):
    _, result = fitted(epochs=3, listeners=[training.History(tmp_path)])
    path = tmp_path / "history.jsonl"
    text = path.read_text()
    path.write_text(text[:-7])
    assert training.read_history(tmp_path) == result.records[:2]
    path.write_text("[]\n" + text)
    with pytest.raises(ValueError, match=r"history\.jsonl: line 1"):
        training.read_history(tmp_path)
    with pytest.raises(FileNotFoundError):
        training.read_history(tmp_path / "nothing")


def test_a_file_gets_plain_lines_and_quiet_gets_none():
    text = io.StringIO()
    fitted(epochs=2, listeners=[training.progress_for(Console(file=text, width=200))])
    lines = text.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2  train loss ")
    assert "\x1b" not in text.getvalue()
    fitted(epochs=1, listeners=[training.progress_for(Console(file=text), quiet=True)])
    assert text.getvalue().splitlines() == lines


def test_a_terminal_gets_a_bar_with_loss_error_and_speed():
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=120)
    fitted(epochs=2, listeners=[training.progress_for(console)])
    for word in ("epoch", "loss", "error", "samples/s", "%"):
        assert word in text.getvalue()


def test_the_summary_shows_each_layer_as_it_ran():
    model = build("lenet", (1, 28, 28), 10)
    rows = training.summarise(model, talweg.zeros(2, 1, 28, 28))
    assert [(r.name, r.output_shape, r.parameters) for r in rows] == [
        ("conv1", (2, 32, 24, 24), 832),
        ("conv2", (2, 64, 4, 4), 51264),
        ("fc1", (2, 200), 51400),
        ("fc2", (2, 10), 2010),
    ]
    assert sum(r.parameters for r in rows) == training.parameter_count(model) == 105_506
    model.fc1.weight.requires_grad_(False)
    rows = training.summarise(model, talweg.zeros(1, 1, 28, 28))
    assert rows[2].trainable == 200
    assert not model._forward_hooks
    assert model.training


def test_the_summary_counts_shared_layers_once_and_lists_the_unused():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(talweg.ones(3))
            self.twice = nn.Linear(3, 3)
            self.never = nn.Linear(3, 1)

        def forward(self, x):
            return self.twice(self.twice(x)) * self.scale

    model = Odd()
    rows = training.summarise(model, talweg.zeros(1, 3))
    assert [(r.name, r.parameters, r.output_shape) for r in rows] == [
        ("twice", 12, (1, 3)), ("twice", 0, (1, 3)), ("Odd", 3, (1, 3)), ("never", 4, None)
    ]
    assert sum(r.parameters for r in rows) == training.parameter_count(model)


def test_the_environment_names_versions_and_the_processor():
    facts = training.environment()
    assert facts["talweg"] == talweg.__version__
    assert facts["numpy"] == np.__version__
    assert facts["processor"]
    assert int(facts["cores"]) >= 1


# The models


def test_the_books_mlp_has_1557_parameters():
    assert training.parameter_count(MLP([50, 25, 10, 2])) == 1557


def twin(ours, theirs):
    theirs.load_state_dict({k: torch.from_numpy(v.detach().numpy().copy()) for k, v in ours.state_dict().items()})
    return theirs


def test_mlp_and_lenet_compute_what_pytorch_computes():
    talweg.manual_seed(3)
    x = np.random.default_rng(0).normal(size=(4, 1, 28, 28)).astype(np.float32)
    mlp = MLP([784, 12, 5], "tanh")
    theirs = torch.nn.ModuleDict({"layers": torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(784, 12), torch.nn.Tanh(), torch.nn.Linear(12, 5)
    )})
    expected = twin(mlp, theirs)["layers"](torch.from_numpy(x))
    np.testing.assert_allclose(mlp(talweg.from_numpy(x)).detach().numpy(), expected.detach().numpy(), atol=1e-5)

    lenet = LeNet()
    n = torch.nn.functional
    t = twin(lenet, torch.nn.ModuleDict({
        "conv1": torch.nn.Conv2d(1, 32, 5), "conv2": torch.nn.Conv2d(32, 64, 5),
        "fc1": torch.nn.Linear(256, 200), "fc2": torch.nn.Linear(200, 10),
    }))
    h = n.relu(n.max_pool2d(t["conv1"](torch.from_numpy(x)), 3))
    h = n.relu(n.max_pool2d(t["conv2"](h), 2))
    expected = t["fc2"](n.relu(t["fc1"](h.flatten(1))))
    np.testing.assert_allclose(lenet(talweg.from_numpy(x)).detach().numpy(), expected.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: MLP([5]), "two or more"),
        (lambda: MLP([5, 0, 2]), "positive"),
        (lambda: MLP([5, 2.0]), "positive"),
        (lambda: MLP([5, 2], "rellu"), "activation"),
        (lambda: LeNet(channels=0), "channels"),
        (lambda: build("lenet", (1, 8, 8), 10), "28"),
        (lambda: build("lenet", (1, 28, 28), 10, hidden=[3]), "no setting hidden"),
        (lambda: build("mlp", (1, 8, 8), 10, hiden=[3]), "no setting hiden"),
        (lambda: entry("lennet"), "did you mean 'lenet'"),
        (lambda: entry("zzz"), "there are: lenet, mlp"),
    ],
)
def test_models_refuse_what_cannot_be(call, match):
    with pytest.raises(ValueError, match=match):
        call()
