"""Networks trained by the way: doubt (row 69), metric learning (row 20) and weight decay (row 21) as demonstrations."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

import talweg as tw
from talweg import nn
from talweg.demos import learning, mc_dropout, metric, weight_decay
from talweg.demos.ranks import auroc

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


# --- what they share
def test_few_digits_are_balanced_and_drawn_by_the_seed(digits):
    few = digits.few(50, seed=1)
    assert few.x.shape == (50, 1, 8, 8)
    assert np.array_equal(np.bincount(few.y.numpy()), [5] * 10)
    assert np.array_equal(few.x.numpy(), digits.few(50, seed=1).x.numpy())
    assert not np.array_equal(few.x.numpy(), digits.few(50, seed=2).x.numpy())
    assert few.test_x is digits.test_x


def test_training_repeats_to_the_last_bit(digits):
    ends = []
    for _ in range(2):
        tw.manual_seed(3)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Dropout(0.1))
        learning.learn(model, digits.x[:200], digits.y[:200], epochs=3, lr=1e-2, batch=50, seed=3)
        ends.append(model[1].weight.detach().numpy().copy())
    assert np.array_equal(*ends)


@pytest.mark.parametrize("seed", range(4))
def test_the_area_under_the_curve_is_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, 60).astype(float) if seed % 2 else rng.standard_normal(60)  # with ties, and without
    positive = rng.random(60) < 0.3
    assert auroc(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


def test_an_area_without_one_of_the_kinds_is_nan():
    assert math.isnan(auroc(np.arange(3.0), np.array([True] * 3)))
    assert math.isnan(auroc(np.arange(0.0), np.zeros(0, bool)))


# --- row 69
def test_entropy_is_that_of_the_probabilities():
    p = np.array([[1.0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0, 0]])
    np.testing.assert_allclose(mc_dropout.entropy(p), [0, math.log(4), math.log(2)], atol=1e-12)


def test_passes_differ_and_their_mean_is_a_distribution(digits):
    tw.manual_seed(0)
    model = mc_dropout.network(0.5)
    x = digits.test_x[:20]
    one, other = (mc_dropout.predictive(model, x, 1) for _ in range(2))
    assert np.abs(one - other).max() > 1e-3
    many = mc_dropout.predictive(model, x, 30)
    np.testing.assert_allclose(many.sum(1), 1, rtol=1e-6)
    assert not model.training
    without = mc_dropout.network(1e-9)
    without.load_state_dict(model.state_dict())
    with tw.no_grad():
        plain = model(x).softmax(1).numpy()
    np.testing.assert_allclose(mc_dropout.predictive(without, x, 3), plain, atol=1e-6)  # nothing left out, nothing varies


def test_coverage_keeps_the_most_certain():
    found = mc_dropout.Judged(np.zeros((5, 2)), np.array([0.5, 0.1, 0.9, 0.2, 0.3]), np.array([True, True, False, True, False]))
    assert [found.accuracy_of(k) for k in (0.2, 0.4, 0.6, 1.0)] == pytest.approx([1, 1, 2 / 3, 3 / 5])


def test_pieces_of_the_photograph_span_the_range_of_digits(digits):
    pieces = mc_dropout.pieces(digits).numpy() * digits.std + digits.mean
    assert pieces.shape[1:] == (1, 8, 8)
    np.testing.assert_allclose([pieces.min((1, 2, 3)).max(), pieces.max((1, 2, 3)).min()], [0, 1], atol=1e-5)


def test_row_69_entropy_tells_what_is_wrong():
    shown = mc_dropout.run(passes=20, epochs=12, seed=0)
    assert shown.holds, [c for c in shown.claims if not c.holds]
    assert 0.9 < shown.facts["accuracy"] < 1
    assert len(shown.figures["mc-dropout"]().axes) == 12


# --- row 20
def test_partners_are_of_the_right_classes_and_evenly_drawn():
    labels = np.array([0, 1, 2, 1, 0, 2, 2, 1, 0, 2])
    anchors = np.arange(10)
    seen = np.zeros((10, 10))
    for epoch in range(600):
        positives, negatives = metric.partners(labels, anchors, 0, epoch)
        assert (labels[positives] == labels).all()
        assert (positives != anchors).all()
        assert (labels[negatives] != labels).all()
        seen[anchors, positives] += 1
        seen[anchors, negatives] += 1
    same = labels[:, None] == labels
    for i in range(10):
        for kind in (same[i] & (np.arange(10) != i), ~same[i]):
            np.testing.assert_allclose(seen[i, kind], 600 / kind.sum(), rtol=0.35)


def test_distances_are_scipys():
    from scipy.spatial.distance import cdist

    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((7, 3)), rng.standard_normal((4, 3))
    np.testing.assert_allclose(metric.distances(x, y), cdist(x, y), atol=1e-12)


def test_row_20_the_nearest_neighbour_has_the_class():
    shown = metric.run(epochs=12)
    assert shown.holds, [c for c in shown.claims if not c.holds]
    assert shown.facts["losses"][-1] < 0.2 * shown.facts["losses"][0]
    shown.figures["metric"]()


# --- row 21
def test_row_21_penalty_and_decay_are_one_with_sgd_and_two_with_adam(digits):
    few = digits.few(50, 0)
    ends = {way: weight_decay.short_run(few, way, seed=0) for way in weight_decay.WAYS}
    assert weight_decay.apart(ends, "SGD") < 1e-12
    assert weight_decay.apart(ends, "Adam") > 1e-3


def test_row_21_descent_with_decay_is_pytorchs(digits):
    few = digits.few(50, 0)
    model = weight_decay.network(0)
    theirs = twin(model)
    weight_decay.descend(model, tw.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=0.01), few, 10)
    optimizer = torch.optim.SGD(theirs.parameters(), 0.1, momentum=0.9, weight_decay=0.01)
    for _ in range(10):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(theirs(torch.tensor(few.x.numpy()).flatten(1)), torch.tensor(few.y.numpy())).backward()
        optimizer.step()
    for ours, expected in zip(model.parameters(), theirs.parameters()):
        np.testing.assert_allclose(ours.detach().numpy(), expected.detach().numpy(), atol=1e-5)


def test_row_21_holds(monkeypatch):
    monkeypatch.setattr(weight_decay, "DECAYS", (0.0, 0.01, 0.1))
    shown = weight_decay.run(steps=150)
    assert shown.holds, [c for c in shown.claims if not c.holds]
    shown.figures["weight-decay"]()


# --- what is refused
@pytest.mark.parametrize(("call", "words"), [
    (lambda: mc_dropout.run(passes=1), "--passes"), (lambda: mc_dropout.run(dropout=1.0), "--dropout"),
    (lambda: mc_dropout.run(dropout=math.nan), "--dropout"),
    (lambda: metric.run(epochs=0), "--epochs"), (lambda: weight_decay.run(steps=0), "--steps"),
])
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
