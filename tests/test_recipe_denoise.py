"""The denoising recipe: what spoils pictures, what measures them, learning, using, bad data."""

import io
import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from resuming import whole_and_resumed

import talweg as tw
from talweg.cli.main import main
from talweg.data.augment import Draws
from talweg.data.problems import BadSample
from talweg.data.sources.photographs import load_photographs, named_photographs
from talweg.models import DenoisingAutoencoder
from talweg.recipes.degrade import degradation_of
from talweg.recipes.denoise import RECIPE, restored
from talweg.recipes.denoise_patches import Patches
from talweg.recipes.denoise_settings import Settings
from talweg.recipes.tiles import over_tiles
from talweg.training.quality import best_smoothed, psnr, smoothed

torch.set_num_threads(1)
QUICK = {"width": 4, "patch": 16, "patches": 48, "batch_size": 8, "epochs": 2, "lr": 1e-2}


def soft(seed, height=48, width=56):
    """A smooth colourful picture, uint8."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("photographs")
    for i in range(5):
        Image.fromarray(soft(i)).save(root / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    chosen = Settings(data=str(folder), **{**QUICK, "epochs": 8, "patches": 128, "width": 8, "lr": 5e-3})
    return RECIPE.train(chosen, tmp_path_factory.mktemp("runs") / "denoise")


# Degradations


def test_noise_has_its_deviation_and_is_a_function_of_its_draws():
    picture = np.full((200, 200, 3), 0.5, np.float32)
    spoil = degradation_of(["noise"], 25)
    first, again, other = (spoil(picture, Draws(0, 0, i)) for i in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert abs((first - picture).std() * 255 - 25) < 0.5
    assert abs((first - picture).mean() * 255) < 0.3
    assert psnr(first, picture) == pytest.approx(20 * np.log10(255 / 25), abs=0.1)


def test_what_is_taken_from_pictures_is_what_pillow_takes():
    picture = soft(3).astype(np.float32) / 255
    grey = degradation_of(["gray"], 25)(picture, Draws(0, 0, 0))
    assert (np.ptp(grey, axis=2) == 0).all()
    wanted = np.asarray(Image.fromarray(soft(3)).convert("L"), np.float32) / 255
    np.testing.assert_allclose(grey[..., 0], wanted, atol=1.01 / 255)
    small = degradation_of(["down2"], 25)(picture, Draws(0, 0, 0))
    means = picture.reshape(24, 2, 28, 2, 3).mean((1, 3))
    planes = [Image.fromarray(means[..., c]).resize((56, 48), Image.Resampling.BICUBIC) for c in range(3)]
    np.testing.assert_allclose(small, np.stack([np.asarray(p) for p in planes], axis=2), atol=1e-5)
    file = io.BytesIO()
    Image.fromarray(soft(3)).save(file, format="JPEG", quality=10)
    written = degradation_of(["jpeg10"], 25)(picture, Draws(0, 0, 0))
    np.testing.assert_allclose(written, np.asarray(Image.open(file), np.float32) / 255, atol=1e-6)


def test_degradations_follow_one_another():
    picture = soft(1).astype(np.float32) / 255
    both = degradation_of(["down2", "jpeg30"], 25)
    one = degradation_of(["jpeg30"], 25)(degradation_of(["down2"], 25)(picture, Draws(0, 0, 0)), Draws(0, 0, 0))
    np.testing.assert_array_equal(both(picture, Draws(0, 0, 0)), one)
    assert both.enlarges == 2
    assert not both.colours


@pytest.mark.parametrize("settings", [
    {"degrade": ["blur"]}, {"degrade": ["down1"]}, {"degrade": ["down"]}, {"degrade": ["jpeg0"]}, {"degrade": ["jpeg99"]},
    {"degrade": [""]}, {"sigma": 0.0}, {"sigma": float("nan")}, {"sigma": 300.0}, {"patch": 18}, {"patch": 8}, {"patches": 0},
    {"channels": 2}, {"degrade": ["gray"], "channels": 1}, {"zoom": [2.0, 1.0]}, {"zoom": [1.0]}, {"width": 0}, {"model": "mlp"},
    {"on_error": "weep"},
])
def test_settings_that_cannot_be_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Settings(**settings)


# Measures


def test_psnr_is_its_formula_and_refuses_other_shapes():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 9, 7, 3))
    wanted = 10 * torch.log10(1 / torch.nn.functional.mse_loss(torch.tensor(a), torch.tensor(b))).item()
    assert psnr(a, b) == pytest.approx(wanted, rel=1e-9)
    assert psnr(a, a) == float("inf")
    for other in (a[:3], np.zeros((0, 7, 3))):
        with pytest.raises(ValueError, match="psnr"):
            psnr(other, a if other.size else other)


def test_smoothing_is_a_convolution_with_a_gaussian():
    rng = np.random.default_rng(0)
    picture = rng.random((12, 10, 3))
    line = torch.exp(-0.5 * (torch.arange(-1.0, 2) / 0.8) ** 2).double()
    kernel = torch.outer(line, line) / line.sum() ** 2
    inner = torch.nn.functional.conv2d(torch.tensor(picture.transpose(2, 0, 1))[:, None], kernel[None, None])[:, 0]
    np.testing.assert_allclose(smoothed(picture, 0.8)[1:-1, 1:-1].transpose(2, 0, 1), inner.numpy(), atol=1e-12)
    noisy = picture + 0.1 * rng.standard_normal(picture.shape)
    assert best_smoothed(noisy, picture) >= psnr(np.clip(smoothed(noisy, 1.0), 0, 1), picture)


# Patches and tiles


def test_patches_are_functions_of_seed_epoch_and_index():
    def drawn(seed=0, epoch=0, zoom=(1.0, 1.0)):
        patches = Patches([soft(1), soft(2)], degradation_of(["noise"], 25), 16, 8, seed, epoch, zoom=zoom)
        return [t.numpy() for t in patches.batch([3, 5])]

    for zoom in ((1.0, 1.0), (0.7, 4.0)):
        first = drawn(zoom=zoom)
        assert [a.shape for a in first] == [(2, 3, 16, 16)] * 2
        for a, b in zip(first, drawn(zoom=zoom)):
            np.testing.assert_array_equal(a, b)
        assert not np.array_equal(first[1], drawn(epoch=1, zoom=zoom)[1])
        assert not np.array_equal(first[1], drawn(seed=1, zoom=zoom)[1])
        assert 0 <= first[1].min() <= first[1].max() <= 1
    patches = Patches([soft(1)], degradation_of(["noise"], 25), 16, 8)
    np.testing.assert_array_equal(patches.at_epoch(2)[3][0].numpy(), patches.at_epoch(2).batch([3])[0][0].numpy())


def test_every_patch_lies_in_a_photograph():
    photograph = soft(1)
    windows = np.lib.stride_tricks.sliding_window_view(photograph.astype(np.float32) / 255, (16, 16), axis=(0, 1))
    known = {w.tobytes() for row in windows for w in row.transpose(0, 2, 3, 1)}
    _, true = Patches([photograph], degradation_of(["noise"], 25), 16, 20).batch(range(20))
    for patch in true.numpy().transpose(0, 2, 3, 1):
        turned = [np.rot90(p, k) for p in (patch, patch[:, ::-1]) for k in range(4)]
        assert any(np.ascontiguousarray(t).tobytes() in known for t in turned)


def test_tiles_show_no_seams():
    tw.manual_seed(0)
    model = DenoisingAutoencoder(3, 4).eval()
    picture = np.random.default_rng(0).random((150, 203, 3)).astype(np.float32)

    def through(tile):
        with tw.no_grad():
            return model(tw.from_numpy(np.ascontiguousarray(tile.transpose(2, 0, 1)[None]))).numpy()[0].transpose(1, 2, 0)

    whole, tiled = over_tiles(through, picture), over_tiles(through, picture, core=64)
    assert whole.shape == tiled.shape == picture.shape
    inner = (slice(40, -40), slice(40, -40))  # near its edges the whole sees zeros, and a tile the mirrored picture
    np.testing.assert_allclose(tiled[inner], whole[inner], atol=1e-5)
    np.testing.assert_allclose(over_tiles(lambda t: t, picture, core=64), picture)


# Photographs


def test_photographs_are_dealt_or_kept_as_they_are_given(folder, tmp_path):
    found = load_photographs(folder)
    assert [len(p) for p in (found.train, found.validation, found.test)] == [3, 1, 1]
    assert found.fingerprint == load_photographs(folder).fingerprint != load_photographs(folder, channels=1).fingerprint
    for i, part in enumerate(("train", "val", "test")):
        (tmp_path / part).mkdir()
        Image.fromarray(soft(i)).save(tmp_path / part / "a.png")
    given = load_photographs(tmp_path)
    np.testing.assert_array_equal(given.test[0], soft(2))
    one = load_photographs(tmp_path / "train" / "a.png", least=8)
    assert np.concatenate([one.train[0], one.validation[0], one.test[0]], axis=1).shape == (48, 56, 3)
    assert one.notes


def test_photographs_that_cannot_be_used_are_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError):
        load_photographs(tmp_path / "gone")
    with pytest.raises(ValueError, match="holds no images"):
        load_photographs(tmp_path)
    with pytest.raises(BadSample, match="48 x 56 pixels, but both sides must have 64"):
        load_photographs(folder, least=64)
    with pytest.raises(ValueError, match="not one photograph"):
        load_photographs(folder, least=64, on_error="skip")
    for name in "ab":
        Image.fromarray(soft(1)).save(tmp_path / f"{name}.png")
    (tmp_path / "c.png").write_bytes(b"")
    with pytest.raises(BadSample, match=r"c\.png"):
        load_photographs(tmp_path)
    assert "skipped 1" in load_photographs(tmp_path, on_error="skip").notes[0]
    with pytest.raises(ValueError, match="too narrow"):
        load_photographs(tmp_path / "a.png", least=30)


def test_the_named_photographs_are_two():
    found = named_photographs()
    assert found.train[0].shape[1] + found.validation[0].shape[1] == 640
    assert found.test[0].shape == (427, 640, 3)


# The recipe


def test_a_few_steps_learn_something(run, folder):
    figures = run.test.figures
    assert figures["psnr"] > figures["psnr_degraded"] + 1
    assert RECIPE.evaluate(run.run).figures == pytest.approx(figures, rel=1e-5)
    report = (run.run / "report.html").read_text()
    assert "What is learned is a mean" in report
    assert report.count("data:image/png") == 3 + 3


def test_an_interrupted_run_ends_with_the_same_weights(folder, tmp_path):
    whole, resumed = whole_and_resumed(RECIPE, Settings(data=str(folder), **QUICK), tmp_path, steps=8)
    assert whole == resumed


def test_it_is_used_from_the_command_line(folder, tmp_path):
    call = CliRunner().invoke
    small = [f"--{name.replace('_', '-')}={value}" for name, value in QUICK.items()]
    out = tmp_path / "run"
    made = call(main, ["train", "denoise", "--data", str(folder), "--degrade", "down2", "--out", str(out), "--json", *small])
    assert made.exit_code == 0, made.output
    assert json.loads(made.output)["test_psnr"] > 0
    told = call(main, ["evaluate", str(out)])
    assert "restored" in told.output
    assert "bicubic" in told.output
    clean = tmp_path / "clean.png"
    told = call(main, ["predict", str(out), str(folder / "0.png"), "--out", str(clean), "--json"])
    assert told.exit_code == 0, told.output
    assert (json.loads(told.output)["width"], Image.open(clean).size) == (112, (112, 96))  # what shrinks is learned to enlarge
    told = call(main, ["predict", str(out), str(folder / "0.png"), "--degrade", "--json"])
    assert {"psnr", "psnr_degraded"} <= json.loads(told.output).keys()
    for arguments, code in ((["--out", str(tmp_path / "clean.txt")], 1), (["--nonsense"], 2)):
        assert call(main, ["predict", str(out), str(folder / "0.png"), *arguments]).exit_code == code
    assert "no such file" in call(main, ["predict", str(out), str(tmp_path / "gone.png")]).output


def test_a_picture_keeps_its_size_and_a_constant_model_its_values(run, tmp_path):
    Image.fromarray(soft(9, 37, 61)).convert("L").save(tmp_path / "odd.png")
    [answer] = RECIPE.predict(run.run, [str(tmp_path / "odd.png")])
    assert (answer.facts["width"], answer.facts["height"]) == (61, 37)
    tw.manual_seed(0)
    model = DenoisingAutoencoder(3, 4).eval()
    model.last.weight.data.zero_()
    model.last.bias.data.zero_()
    picture = soft(9, 37, 61).astype(np.float32) / 255
    np.testing.assert_array_equal(restored(model, picture), picture)
