"""Flows: their log-determinant against autograd, the inverse, the Gaussian baseline against scikit-learn, the recipe."""

import json
import math

import numpy as np
import pytest
from bars import bar_folder
from click.testing import CliRunner
from resuming import resumed_differs

import talweg as tw
from talweg.cli.main import main
from talweg.models import NICE, RealNVP
from talweg.models.whitened import WhitenedFlow
from talweg.nn import init
from talweg.recipes.flow import (
    RECIPE,
    Dequantised,
    bits_loss,
    dequantised,
    inversion_error,
    levels_of,
    log_densities,
    made,
)
from talweg.recipes.flow_settings import Options, Settings
from talweg.recipes.shrunk_gaussian import Gaussian

RNG = np.random.default_rng(0)
SMALL = {"hidden": [8], "couplings": 2, "draws": 2, "batch_size": 32, "epochs": 2}


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    return str(bar_folder(tmp_path_factory.mktemp("data") / "bars"))


def lively(kind, width=6):
    tw.manual_seed(0)
    model = WhitenedFlow(kind(width, 3, [8]))
    for parameter in model.parameters():
        init.normal_(parameter, std=0.4)
    model.fit(RNG.standard_normal(width), Gaussian.of(RNG.standard_normal((40, width)) * np.arange(1, width + 1)).whitening())
    return model


@pytest.mark.parametrize("kind", [NICE, RealNVP])
def test_the_log_determinant_is_that_of_autograds_jacobian(kind):
    model = lively(kind)
    x = tw.from_numpy(RNG.standard_normal((3, 6)).astype(np.float32))
    _, change = model(x)
    for row, found in zip(x, change):
        jacobian = tw.autograd.functional.jacobian(lambda v: model(v[None])[0][0], row).numpy()
        assert found.item() == pytest.approx(np.linalg.slogdet(jacobian.astype(np.float64))[1], abs=1e-4)


@pytest.mark.parametrize("kind", [NICE, RealNVP])
def test_the_inverse_undoes_forward(kind):
    model = lively(kind)
    x = RNG.standard_normal((50, 6))
    assert inversion_error(model, x) < 1e-5
    with tw.no_grad():
        z = tw.randn(20, 6)
        np.testing.assert_allclose(model(model.inverse(z))[0].numpy(), z.numpy(), atol=1e-4)


@pytest.mark.parametrize("kind", [NICE, RealNVP])
def test_densities_add_up_to_one(kind):
    model = lively(kind, 2)
    width = 12.0
    grid = np.linspace(-width, width, 301)
    points = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)
    total = np.exp(log_densities(model, points + model.mean.numpy())).sum() * (grid[1] - grid[0]) ** 2
    assert total == pytest.approx(1, abs=0.02)


def test_a_flow_that_has_learnt_nothing_is_the_normal_distribution_it_begins_with():
    rows = RNG.standard_normal((200, 5)) @ RNG.standard_normal((5, 5)) + 3
    baseline = Gaussian.of(rows)
    model = WhitenedFlow(RealNVP(5, 2, [4]))
    model.fit(baseline.mean, baseline.whitening())
    np.testing.assert_allclose(log_densities(model, rows), baseline.log_density(rows), rtol=1e-4)
    loss = bits_loss("realnvp")(model(tw.from_numpy(rows.astype(np.float32))), tw.from_numpy(rows.astype(np.float32)))
    assert loss.item() == pytest.approx(-baseline.log_density(rows).mean() / 5 / math.log(2), rel=1e-4)


def test_the_baseline_is_scikit_learns():
    covariance = pytest.importorskip("sklearn.covariance")
    for count in (10, 300):
        rows = RNG.standard_normal((count, 8)) * np.arange(1, 9)
        theirs = covariance.LedoitWolf().fit(rows)
        ours = Gaussian.of(rows)
        assert ours.shrinkage == pytest.approx(theirs.shrinkage_)
        np.testing.assert_allclose(ours.covariance, theirs.covariance_)
        whitening = ours.whitening()
        np.testing.assert_allclose(whitening @ ours.covariance @ whitening, np.eye(8), atol=1e-9)
    plain = Gaussian.of(rows, shrunk=False)
    np.testing.assert_allclose(plain.covariance, np.cov(rows.T, bias=True))
    with pytest.raises(ValueError, match="1 rows have no covariance"):
        Gaussian.of(np.zeros((1, 3)))


@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), -np.eye(3), np.full((3, 3), np.nan)])
def test_a_first_layer_that_cannot_be_undone_is_refused(matrix):
    with pytest.raises(ValueError, match="no inverse"):
        WhitenedFlow(RealNVP(3, 2, [4])).fit(np.zeros(3), matrix)


def test_fractions_lie_below_a_level_and_depend_on_seed_epoch_and_place_alone():
    images = RNG.integers(0, 17, (5, 1, 2, 2)) / 16
    levels = levels_of(images, 17)
    rows = dequantised(images, 17, 0, 3)
    assert rows.shape == (15, 4)
    np.testing.assert_array_equal(np.floor(rows), np.tile(levels, (3, 1)))
    data = Dequantised(images, Settings(draws=2))
    x, _ = data.batch([1, 6])
    np.testing.assert_array_equal(np.floor(x.numpy()), levels[[1, 1]])
    assert not np.array_equal(x.numpy()[0], x.numpy()[1])
    np.testing.assert_array_equal(data.at_epoch(0).batch([6])[0].numpy()[0], x.numpy()[1])
    assert not np.array_equal(data.at_epoch(1).batch([6])[0].numpy()[0], x.numpy()[1])


def test_made_pictures_are_whole_levels_by_the_seed():
    model = WhitenedFlow(RealNVP(4, 2, [4]))
    model.fit(np.full(4, 8.0), np.eye(4) / 3)
    first = made(model, 6, Settings(), (1, 2, 2), 5)
    np.testing.assert_allclose(first * 16, np.round(first * 16), atol=1e-5)
    np.testing.assert_array_equal(first, made(model, 6, Settings(), (1, 2, 2), 5))
    assert 0 <= first.min() <= first.max() <= 1


# The recipe


def test_a_resumed_run_ends_with_the_same_bits(bars, tmp_path):
    assert resumed_differs(RECIPE, Settings(data=bars, levels=256, **SMALL), tmp_path, 7) == []


def called(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_commands_train_measure_and_draw(bars, tmp_path):
    run = tmp_path / "run"
    done = called("train", "nice", "--data", bars, "--levels", 256, "--hidden", "8", "--epochs", 2, "--draws", 1, "--out", run)
    assert done.exit_code == 0, done.output
    assert "bits per pixel" in done.output
    figures = json.loads(called("evaluate", run, "--json").output)
    assert figures["inversion_error"] < 1e-5
    assert "Least and most probable" in (run / "report.html").read_text()
    drawn = called("generate", run, "--n", 4, "--out", tmp_path / "made.png")
    assert drawn.exit_code == 0, drawn.output
    assert (tmp_path / "made.png").exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"levels": 1}, "between 2 and 256"), ({"couplings": 1}, "2 or more"), ({"hidden": [0]}, "widths of 1 or more"),
     ({"model": "glow"}, "one of realnvp, nice")],
)
def test_settings_that_cannot_be_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        Settings(**wrong)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"seed": -1}])
def test_options_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=f"setting {next(iter(wrong))} must be"):
        Options(**wrong)
