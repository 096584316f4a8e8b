"""Autoencoders: the divergence against Monte Carlo, the linear baseline against scikit-learn, the recipe."""

import json
import math

import numpy as np
import pytest
from bars import bar_folder
from click.testing import CliRunner
from resuming import resumed_differs

import talweg as tw
from talweg.cli.main import main
from talweg.models import VAE, negative_elbo
from talweg.recipes.autoencode import RECIPE, Repeated, between, elbo_parts, mean_picture_nats
from talweg.recipes.autoencode_settings import Options, Settings
from talweg.recipes.latent_map import latent_map
from talweg.recipes.linear_codes import LinearCode

RNG = np.random.default_rng(0)
SMALL = {"width": 4, "hidden": 8, "latent": 2, "draws": 2, "batch_size": 32, "epochs": 2}


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    return str(bar_folder(tmp_path_factory.mktemp("data") / "bars"))


# Figures


def test_the_closed_divergence_is_that_of_monte_carlo():
    tw.manual_seed(0)
    model = VAE(1, 4, 3, 4, 8).eval()
    x = RNG.random((2, 1, 4, 4)).astype(np.float32)
    mean, log_variance = (p.detach().numpy().astype(np.float64) for p in model.encode(tw.from_numpy(x)))
    mean, log_variance = mean + [0.5, -1, 0.2], log_variance - 0.7
    z = mean + np.exp(log_variance / 2) * RNG.standard_normal((200_000, 2, 3))
    log_q = -0.5 * ((z - mean) ** 2 / np.exp(log_variance) + log_variance + math.log(2 * math.pi)).sum(-1)
    log_p = -0.5 * (z**2 + math.log(2 * math.pi)).sum(-1)
    drawn = (log_q - log_p).mean()
    zero, half = tw.zeros(2, 1, 4, 4), tw.full((2, 1, 4, 4), 0.5)
    given = (tw.from_numpy(a.astype(np.float32)) for a in (mean, log_variance))
    closed = negative_elbo(zero, *given, half).item() - 16 * math.log(2)  # every pixel of an even chance costs one bit
    assert closed == pytest.approx(drawn, rel=0.01)


def test_the_parts_of_the_bound_are_the_loss():
    tw.manual_seed(0)
    model = VAE(1, 4, 3, 4, 8).eval()
    x = RNG.random((40, 1, 4, 4)).astype(np.float32)
    nats, kl = elbo_parts(model, x, 0, draws=60)
    with tw.no_grad():
        losses = [negative_elbo(*model(tw.from_numpy(x)), tw.from_numpy(x)).item() for _ in range(60)]
    assert nats + kl == pytest.approx(np.mean(losses), rel=0.01)
    assert (nats, kl) == pytest.approx(elbo_parts(model, x, 0, draws=60), rel=1e-6)


def test_the_mean_picture_is_the_best_without_codes():
    train = RNG.random((50, 1, 2, 2))
    best = mean_picture_nats(train, train)
    p = train.mean(0)
    assert best == pytest.approx(-(train * np.log(p) + (1 - train) * np.log(1 - p)).sum((1, 2, 3)).mean())
    assert np.isfinite(mean_picture_nats(np.zeros((3, 1, 2, 2)), np.ones((3, 1, 2, 2))))


def test_the_linear_code_is_scikit_learns():
    decomposition = pytest.importorskip("sklearn.decomposition")
    rows, others = RNG.random((60, 3, 4)), RNG.random((20, 3, 4))
    theirs = decomposition.PCA(5).fit(rows.reshape(60, -1))
    ours = LinearCode.of(rows, 5)
    flat = others.reshape(20, -1)
    back = theirs.inverse_transform(theirs.transform(flat))
    assert ours.error(others) == pytest.approx(((back - flat) ** 2).mean())
    np.testing.assert_allclose(ours.deviations, np.sqrt(theirs.explained_variance_))
    assert LinearCode.of(rows, 12).error(rows) == pytest.approx(0, abs=1e-20)
    with pytest.raises(ValueError, match="13 numbers are not between 1 and 12"):
        LinearCode.of(rows, 13)


def test_codes_between_two_begin_and_end_with_them():
    first, last = RNG.random((3, 2)), RNG.random((3, 2))
    codes = between(first, last, 5).reshape(3, 5, 2)
    np.testing.assert_allclose(codes[:, 0], first, rtol=1e-6)
    np.testing.assert_allclose(codes[:, -1], last, rtol=1e-6)
    np.testing.assert_allclose(codes[:, 2], (first + last) / 2, rtol=1e-6)


@pytest.mark.parametrize("numbers", [1, 2, 5])
def test_a_map_has_a_point_for_every_picture(numbers):
    page = latent_map(RNG.standard_normal((30, numbers)), RNG.integers(0, 2, 30), ["<a>", "b"])
    assert page.count("<circle") == 30
    assert "&lt;a&gt;" in page
    assert "nan" not in latent_map(np.zeros((3, numbers)), np.zeros(3, int), ["a"])


# The recipe


@pytest.mark.parametrize("kind", ["autoencoder", "vae"])
def test_a_resumed_run_ends_with_the_same_bits(bars, tmp_path, kind):
    assert resumed_differs(RECIPE, Settings(model=kind, data=bars, **SMALL), tmp_path, 5) == []


def called(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_commands_train_measure_and_draw(bars, tmp_path):
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
    for kind in ("autoencoder", "vae"):
        done = called("train", kind, "--data", bars, "--out", tmp_path / kind, *flags)
        assert done.exit_code == 0, done.output
        assert "principal components" in done.output
        assert "Where the pictures lie" in (tmp_path / kind / "report.html").read_text()
    figures = json.loads(called("evaluate", tmp_path / "vae", "--json").output)
    assert figures["kl"] >= 0
    assert figures["negative_elbo"] > figures["kl"]
    drawn = called("generate", tmp_path / "vae", "--n", 3, "--walk", 4, "--out", tmp_path / "walk.png")
    assert drawn.exit_code == 0, drawn.output
    assert (tmp_path / "walk.png").exists()
    refused = called("generate", tmp_path / "autoencoder")
    assert refused.exit_code != 0
    assert "train a vae" in refused.output


def test_an_epoch_shows_every_picture_as_often_as_it_is_told():
    images = RNG.random((3, 1, 2, 2)).astype(np.float32)
    x, target = Repeated(images, 2).batch([1, 4])
    np.testing.assert_array_equal(x.numpy(), images[[1, 1]])
    assert target is x


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"size": 10}, "multiple of 4"), ({"latent": 0}, "1 or more"), ({"model": "gan"}, "one of autoencoder, vae")],
)
def test_settings_that_cannot_be_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        Settings(**wrong)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"walk": 1}, {"seed": -1}])
def test_options_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=f"setting {next(iter(wrong))} must be"):
        Options(**wrong)
