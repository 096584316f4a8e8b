"""Diffusion: the forward process against closed forms, samplers with a model that is known, the recipe, published folders."""

import json

import numpy as np
import pytest
from bars import bar_folder
from click.testing import CliRunner
from PIL import Image
from resuming import resumed_differs

import talweg as tw
from talweg.cli.main import main
from talweg.models import DDPMUNet
from talweg.models.diffusion import Diffusion, betas_of, made, moments, spaced
from talweg.recipes.diffuse import RECIPE, Noised
from talweg.recipes.diffuse_published import published_diffusion
from talweg.recipes.diffuse_settings import Options, Settings
from talweg.recipes.registry import recipe_of

SMALL = {"widths": [8], "noise_steps": 12, "draws": 1, "batch_size": 32, "epochs": 1}
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    return str(bar_folder(tmp_path_factory.mktemp("data") / "bars"))


class Knows(tw.nn.Module):
    """The best model of data that are N(mean, spread^2) in every pixel: E[noise | x_t]."""

    def __init__(self, process, mean, spread):
        super().__init__()
        self.register_buffer("kept", tw.tensor(process.kept.astype(np.float32)))
        self.mean, self.spread = mean, spread

    def forward(self, x, t):
        kept = self.kept[t.long()][:, None, None, None]
        variance = kept * self.spread**2 + 1 - kept
        return (1 - kept).sqrt() * (x - kept.sqrt() * self.mean) / variance


# The process


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("steps", [20, 1000])
def test_schedules_go_from_a_picture_to_noise(schedule, steps):
    process = Diffusion(betas_of(schedule, steps))
    assert len(process.betas) == steps
    assert (np.diff(process.kept) < 0).all()
    assert process.kept[-1] < 1e-3
    assert process.kept[0] > 0.9


def test_the_linear_schedule_of_1000_steps_is_the_papers():
    betas = betas_of("linear", 1000)
    assert (betas[0], betas[-1]) == (1e-4, 0.02)
    np.testing.assert_allclose(np.diff(betas), np.diff(betas)[0])


def test_the_moments_of_noised_pictures_are_those_of_the_steps_one_after_the_other():
    process = Diffusion(betas_of("linear", 30))
    start, t = 0.7, 17
    mean, variance = start, 0.0
    for beta in process.betas[: t + 1]:
        mean, variance = np.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
    noise = RNG.standard_normal((200_000, 1))
    found = process.noised(np.full_like(noise, start), np.full(len(noise), t), noise)
    assert found.mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / len(noise)))
    assert found.var() == pytest.approx(variance, rel=0.02)
    assert (np.sqrt(process.kept[t]) * start, 1 - process.kept[t]) == pytest.approx((mean, variance))


def test_the_posterior_is_that_of_bayes():
    process = Diffusion(betas_of("linear", 30))
    t, start, x = 9, 0.4, -0.3
    before, beta = process.kept[t - 1], process.betas[t]
    # q(x_{t-1} | x_0) q(x_t | x_{t-1}), two normal densities of x_{t-1}, multiplied
    precision = 1 / (1 - before) + (1 - beta) / beta
    mean = (np.sqrt(before) * start / (1 - before) + np.sqrt(1 - beta) * x / beta) / precision
    assert process.posterior(np.array(x), t, np.array(start)) == pytest.approx((mean, 1 / precision))
    assert process.posterior(np.array(x), 0, np.array(start)) == pytest.approx((start, 0))


def test_the_clean_picture_comes_back_from_its_own_noise():
    process = Diffusion(betas_of("cosine", 50))
    x, noise = RNG.uniform(-1, 1, (4, 1, 2, 2)), RNG.standard_normal((4, 1, 2, 2))
    for t in (0, 20, 40):
        noised = process.noised(x, np.full(4, t), noise)
        np.testing.assert_allclose(process.clean(noised, t, noise), x, atol=1e-4)


@pytest.mark.parametrize("how", [{}, {"variance": "large"}, {"steps": 60}, {"steps": 15}, {"steps": 60, "eta": 1.0}])
def test_a_model_that_knows_the_data_makes_such_data(how):
    process = Diffusion(betas_of("linear", 60))
    found = made(process, Knows(process, 0.2, 0.3), 400, (1, 2, 2), seed=3, **how)
    assert found.shape == (400, 1, 2, 2)
    assert found.mean() == pytest.approx(0.2, abs=0.04)
    # Implicit steps solve an equation, the coarser the fewer they are: the spread then falls short.
    assert found.std() == pytest.approx(0.3, rel=0.3 if how.get("steps") == 15 else 0.2)


def test_equal_seeds_make_equal_pictures_and_moments_are_seen():
    process = Diffusion(betas_of("linear", 10))
    model = Knows(process, 0.0, 0.3)
    seen = []
    first = made(process, model, 3, (1, 2, 2), seed=1, keep=lambda i, x: seen.append(i))
    assert seen == list(range(11))
    np.testing.assert_array_equal(first, made(process, model, 3, (1, 2, 2), seed=1))
    assert not np.array_equal(first, made(process, model, 3, (1, 2, 2), seed=2))


def test_spaced_times_hold_both_ends():
    assert spaced(10, 10) == list(range(9, -1, -1))
    assert spaced(100, 2) == [99, 0]
    for steps in (0, 11):
        with pytest.raises(ValueError, match="not between 1 and the 10"):
            spaced(10, steps)


@pytest.mark.parametrize("betas", [[], [0.0], [1.0], [0.1, -0.1], [[0.1]], [float("nan")]])
def test_variances_that_cannot_be_are_refused(betas):
    with pytest.raises(ValueError, match="numbers between 0 and 1"):
        Diffusion(betas)


def test_what_there_is_not_is_refused():
    with pytest.raises(ValueError, match="one of linear, cosine"):
        betas_of("square", 10)
    process = Diffusion([0.1])
    with pytest.raises(ValueError, match="one of small, large"):
        made(process, Knows(process, 0, 1), 1, (1, 1, 1), variance="medium")


# The recipe


def test_samples_are_noised_by_seed_epoch_and_place_alone():
    process = Diffusion(betas_of("linear", 10))
    images = RNG.random((5, 1, 4, 4)).astype(np.float32)
    data = Noised(images, process, 3, 4)
    (x, t), noise = data.batch([2, 13])
    assert len(data) == 20
    again = data.at_epoch(0).batch([13])
    np.testing.assert_array_equal(x.numpy()[1:], again[0][0].numpy())
    assert not np.array_equal(x.numpy(), data.at_epoch(1).batch([2, 13])[0][0].numpy())
    expected = process.noised(2 * images[[2, 3]] - 1, t.numpy().astype(int), noise.numpy())
    np.testing.assert_allclose(x.numpy(), expected, atol=1e-6)


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_same_bits(bars, tmp_path):
    chosen = Settings(data=bars, **{**SMALL, "epochs": 3}, dropout=0.1)
    assert resumed_differs(RECIPE, chosen, tmp_path, 5) == []


def called(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.mark.slow
def test_commands_train_measure_and_draw(bars, tmp_path):
    run = tmp_path / "run"
    flags = ("--widths", "8", "--noise-steps", 12, "--draws", 2, "--epochs", 2)
    done = called("train", "ddpm", "--data", bars, "--out", run, *flags)
    assert done.exit_code == 0, done.output
    assert "Frechet distance" in done.output
    assert "From noise to pictures" in (run / "report.html").read_text()
    figures = json.loads(called("evaluate", run, "--json").output)
    assert figures["frechet_of_real"] < figures["frechet"]
    drawn = called("generate", run, "--n", 3, "--trace", 4, "--out", tmp_path / "strip.png")
    assert drawn.exit_code == 0, drawn.output
    with Image.open(tmp_path / "strip.png") as strip:
        assert strip.size == (4 * 50 - 2, 3 * 50 - 2)
    few = called("generate", run, "--n", 2, "--steps", 3, "--json")
    assert json.loads(few.output)["steps"] == 3
    wrong = called("generate", run, "--steps", 13)
    assert wrong.exit_code != 0
    assert "trained with 12 steps" in wrong.output


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"size": 9}, "multiple of 2"), ({"widths": [12]}, "multiples of 8"), ({"noise": "none"}, "one of linear, cosine"),
     ({"noise_steps": 1}, "2 or more"), ({"channels": 2}, "1 .grey. or 3")],
)
def test_settings_that_cannot_be_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        Settings(**wrong)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"steps": 0}, {"eta": 2.0}, {"trace": 1}, {"seed": -1}])
def test_options_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=f"setting {next(iter(wrong))} must be"):
        Options(**wrong)


# Published folders


@pytest.fixture
def pipeline(tmp_path):
    """A small random pipeline in diffusers' layout: unet/ and scheduler/."""
    tw.manual_seed(0)
    DDPMUNet(3, [8, 8], [False, False], blocks=1, groups=4).save_pretrained(tmp_path / "unet")
    config = tmp_path / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"sample_size": 8}))
    (tmp_path / "model_index.json").write_text('{"_class_name": "DDPMPipeline"}')
    (tmp_path / "scheduler").mkdir()
    write_scheduler(tmp_path)
    return tmp_path


def write_scheduler(folder, **changes):
    scheduler = {"num_train_timesteps": 6, "beta_start": 0.1, "beta_end": 0.4, "beta_schedule": "linear",
                 "variance_type": "fixed_large", "clip_sample": True, "prediction_type": "epsilon", **changes}
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))


def test_a_published_pipeline_makes_pictures(pipeline, tmp_path):
    assert recipe_of(pipeline) is RECIPE
    model, process, shape, variance = published_diffusion(pipeline)
    assert (shape, variance) == ([3, 8, 8], "large")
    np.testing.assert_allclose(process.betas, np.linspace(0.1, 0.4, 6))
    done = called("generate", pipeline, "--n", 4, "--out", tmp_path / "made.png")
    assert done.exit_code == 0, done.output
    with Image.open(tmp_path / "made.png") as sheet:
        assert (sheet.mode, sheet.size) == ("RGB", (98, 98))
    assert recipe_of(pipeline / "unet") is RECIPE
    assert published_diffusion(pipeline / "unet")[1].steps == 1000


@pytest.mark.parametrize(
    ("change", "words"),
    [({"prediction_type": "sample"}, "prediction_type is 'sample'"), ({"beta_schedule": "sigmoid"}, "beta_schedule is 'sigmoid'"),
     ({"variance_type": "learned"}, "variance_type is 'learned'")],
)
def test_a_scheduler_that_is_not_known_is_refused(pipeline, change, words):
    write_scheduler(pipeline, **change)
    with pytest.raises(ValueError, match=words):
        published_diffusion(pipeline)


def test_a_pipeline_without_a_size_or_with_broken_json_is_refused(pipeline):
    config = pipeline / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"sample_size": None}))
    with pytest.raises(ValueError, match="sample_size must be"):
        published_diffusion(pipeline)
    (pipeline / "scheduler" / "scheduler_config.json").write_text("{")
    config.write_text(json.dumps(json.loads(config.read_text()) | {"sample_size": 8}))
    with pytest.raises(ValueError, match="is not valid JSON"):
        published_diffusion(pipeline)


@pytest.mark.parametrize("steps", [None, 4])
def test_moments_are_those_of_the_making_and_their_clean_ones_what_the_noise_leaves(steps):
    process = Diffusion(betas_of("linear", 8))
    model = Knows(process, 0.3, 0.5)
    found = moments(process, model, 3, (1, 4, 4), 20, seed=1, steps=steps)
    assert [m.done for m in found] == list(range((steps or 8) + 1))
    np.testing.assert_array_equal(found[-1].noisy, made(process, model, 3, (1, 4, 4), seed=1, steps=steps))
    for m in found[:-1]:
        noise = (m.noisy - np.sqrt(process.kept[m.time]) * m.clean) / np.sqrt(1 - process.kept[m.time])
        with tw.no_grad():
            told = model(tw.from_numpy(m.noisy), tw.full((3,), float(m.time))).numpy()
        inside = np.abs(m.clean) < 1  # elsewhere the picture was cut
        np.testing.assert_allclose(noise[inside], told[inside], atol=1e-4)


def test_few_moments_begin_with_noise_and_end_with_pictures():
    process = Diffusion(betas_of("linear", 9))
    found = moments(process, Knows(process, 0.0, 1.0), 2, (1, 4, 4), 4)
    assert [m.done for m in found] == [0, 3, 6, 9]
    assert [m.time for m in found] == [8, 5, 2, None]


@pytest.mark.parametrize(("count", "most", "steps"), [(0, 4, None), (257, 4, None), (2, 1, None), (2, 4, 10)])
def test_moments_that_cannot_be(count, most, steps):
    process = Diffusion(betas_of("linear", 9))
    with pytest.raises(ValueError, match=r"moments|steps"):
        moments(process, Knows(process, 0.0, 1.0), count, (1, 4, 4), most, steps=steps)
