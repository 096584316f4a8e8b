"""Basis functions (rows 2 and 3), capacity (row 4) and double descent (row 45) as demonstrations."""

import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch
from numpy.polynomial import legendre as numpy_legendre

import talweg as tw
from talweg.demos import basis, double_descent, overfit
from talweg.demos.figures import save
from talweg.demos.points import CURVE, points_of, truth

torch.set_num_threads(1)


def design(points, k):
    return basis.kernels(tw.from_numpy(points.x), k), tw.from_numpy(points.y)


# --- points
def test_a_column_is_scaled_and_keeps_its_pairs():
    from sklearn.datasets import load_diabetes

    points = points_of("diabetes:bmi", seed=3)
    table = load_diabetes()
    assert (points.x.min(), points.x.max(), len(points.x)) == (0.0, 1.0, 442)
    bmi = table.data[:, 2]
    scaled = (bmi - bmi.min()) / (bmi.max() - bmi.min())
    np.testing.assert_allclose(sorted(zip(points.x, points.y)), sorted(zip(scaled, table.target)))
    assert not np.array_equal(points.x, points_of("diabetes:bmi", seed=4).x)


def test_the_curve_is_the_truth_and_noise_of_the_stated_size():
    points = points_of(CURVE, seed=0, count=20000)
    noise = points.y - truth(points.x)
    assert noise.mean() == pytest.approx(0, abs=0.01)
    assert noise.std() == pytest.approx(0.25, rel=0.03)
    assert abs(np.corrcoef(points.x, noise)[0, 1]) < 0.03
    again = points_of(CURVE, seed=0, count=20000)
    assert np.array_equal(points.y, again.y)


@pytest.mark.parametrize(("data", "words"), [
    ("curves", "TABLE:COLUMN"), ("diabetes", "TABLE:COLUMN"), ("boston:age", "TABLE:COLUMN"), ("diabetes:bmx", "bmi"),
    ("", "curve"),
])
def test_unknown_data_are_refused_with_what_there_is(data, words):
    with pytest.raises(ValueError, match=words):
        points_of(data, 0)


# --- rows 2 and 3
@pytest.mark.parametrize("k", [2, 5, 10])
@pytest.mark.parametrize("data", ["diabetes:bmi", CURVE])
def test_row_2_the_closed_form_is_least_squares(data, k):
    phi, y = design(points_of(data, 1), k)
    expected = torch.linalg.lstsq(torch.tensor(phi.numpy()), torch.tensor(y.numpy())[:, None], driver="gelsd").solution[:, 0]
    np.testing.assert_allclose(basis.closed_form(phi, y).numpy(), expected.numpy(), rtol=1e-6, atol=1e-6)


def test_row_2_no_other_weights_have_a_smaller_loss():
    phi, y = design(points_of("diabetes:bmi", 0), 6)
    w = basis.closed_form(phi, y)
    least = basis.mean_squared_error(phi, y, w)
    tw.manual_seed(0)
    assert all(basis.mean_squared_error(phi, y, w + tw.randn(6, dtype=tw.float64)) > least for _ in range(20))


def test_row_2_descent_reaches_the_loss_of_the_closed_form():
    phi, y = design(points_of(CURVE, 0), 5)
    descent = basis.gradient_descent(phi, y, 400)
    least = basis.mean_squared_error(phi, y, basis.closed_form(phi, y))
    assert all(b <= a for a, b in zip(descent.losses, descent.losses[1:]))  # a step of 1 / L never goes up
    assert least <= descent.losses[-1] <= 1.01 * least
    w = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    theirs = torch.tensor(phi.numpy())
    optimizer = torch.optim.SGD([w], 1 / torch.linalg.eigvalsh(2 * theirs.T @ theirs / len(theirs))[-1].item())
    for _ in range(400):
        optimizer.zero_grad()
        ((theirs @ w - torch.tensor(y.numpy())) ** 2).mean().backward()
        optimizer.step()
    np.testing.assert_allclose(descent.weights.numpy(), w.detach().numpy(), rtol=1e-8)


def test_row_3_the_figure_has_every_kernel_the_points_and_the_fit(tmp_path):
    shown = basis.run(data="diabetes:bmi", k=7, steps=30)
    axes = shown.figures["basis"]().axes[0]
    points, *kernels, fit = [line for line in axes.lines if len(line.get_xdata())]
    assert len(points.get_xdata()) == 442
    assert len(kernels) == 7
    np.testing.assert_allclose(sum(k.get_ydata() for k in kernels), fit.get_ydata(), atol=1e-9)
    files = save(shown.figures["basis"](), tmp_path, "basis")
    assert [f.suffix for f in files] == [".svg", ".png"]
    assert "7 kernels" in " ".join(ElementTree.parse(files[0]).getroot().itertext())


def test_too_few_steps_of_descent_fail_the_claim():
    shown = basis.run(steps=2)
    assert not shown.holds
    assert [c.holds for c in shown.claims] == [True, False, True]


# --- row 4
def test_legendres_polynomials_are_numpys():
    x = np.linspace(0, 1, 50)
    for degree in (0, 1, 2, 9):
        found = overfit.legendre(tw.from_numpy(x), degree).numpy()
        np.testing.assert_allclose(found, numpy_legendre.legvander(2 * x - 1, degree), atol=1e-12)


@pytest.mark.parametrize("data", [CURVE, "diabetes:bmi"])
@pytest.mark.parametrize("seed", range(4))
def test_row_4_training_error_falls_and_test_error_has_its_minimum_between(data, seed):
    train, test = points_of(data, seed).split(20)
    sweep = [overfit.fit(train, test, n) for n in range(16)]
    assert all(b.train <= a.train * (1 + 1e-9) for a, b in zip(sweep, sweep[1:]))
    best = min(sweep, key=lambda f: f.test).degree
    assert 0 < best < 15
    powers = np.polynomial.polynomial.polyvander(train.x, 3)
    residual = powers @ np.linalg.lstsq(powers, train.y, rcond=None)[0] - train.y
    assert sweep[3].train == pytest.approx(np.mean(residual**2), rel=1e-9)  # another basis of the same polynomials


def test_as_many_weights_as_points_leave_no_training_error():
    train, test = points_of(CURVE, 0).split(6)
    assert overfit.fit(train, test, 5).train < 1e-20


def test_row_4_a_network_learns_fifty_digits_by_heart(monkeypatch):
    monkeypatch.setattr(overfit, "COUNTS", (50, 450))
    shown = overfit.run()
    assert shown.holds
    assert [n["samples"] for n in shown.facts["networks"]] == [50, 450]
    assert len(shown.figures["overfit"]().axes) == 3


# --- row 45
def regression(phi, y, ridge):
    eye = np.eye(phi.shape[1])
    return np.linalg.solve(phi.T @ phi + ridge * eye, phi.T @ y)


@pytest.mark.parametrize("features", [5, 12, 40])
def test_either_system_of_the_ridge_gives_the_same_weights(features):
    rng = np.random.default_rng(features)
    phi, y = rng.standard_normal((12, features)), rng.standard_normal((12, 3))
    found = double_descent.smallest_weights(tw.from_numpy(phi), tw.from_numpy(y), 0.1).numpy()
    np.testing.assert_allclose(found, regression(phi, y, 0.1), rtol=1e-9, atol=1e-12)


def test_with_more_features_than_samples_the_weights_are_the_smallest():
    rng = np.random.default_rng(0)
    phi, y = rng.standard_normal((6, 30)), rng.standard_normal((6, 2))
    found = double_descent.smallest_weights(tw.from_numpy(phi), tw.from_numpy(y), 1e-12).numpy()
    np.testing.assert_allclose(found, np.linalg.pinv(phi) @ y, rtol=1e-6, atol=1e-9)


def test_row_45_the_test_error_peaks_at_as_many_features_as_samples():
    shown = double_descent.run(samples=60, repeats=3, seed=1)
    assert shown.holds
    errors = {m["features"]: m["test"] for m in shown.facts["sweep"]}
    assert errors[60] > 3 * errors[1200]
    assert all(m["train"] < 1e-4 for m in shown.facts["sweep"] if m["features"] >= 120)
    shown.figures["double-descent"]()


# --- what is refused
@pytest.mark.parametrize(("call", "words"), [
    (lambda: basis.run(k=1), "--k"), (lambda: basis.run(steps=0), "--steps"), (lambda: basis.run(data="x"), "TABLE:COLUMN"),
    (lambda: overfit.run(degree=1), "--degree"), (lambda: overfit.run(degree=20), "--degree"),
    (lambda: overfit.run(points=150), "half"), (lambda: double_descent.run(samples=5), "--samples"),
    (lambda: double_descent.run(ridge=0.0), "--ridge"), (lambda: double_descent.run(ridge=math.nan), "--ridge"),
    (lambda: double_descent.run(repeats=0), "--repeats"),
])
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
