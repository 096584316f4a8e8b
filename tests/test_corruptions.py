"""Corrupted pictures: what each corruption does, against other libraries and closed forms, and accuracy under them (row 108)."""

import json

import numpy as np
import pytest
import scipy.ndimage
from click.testing import CliRunner
from PIL import Image

from talweg.cli.main import main
from talweg.data.augment import Draws
from talweg.recipes import corruptions
from talweg.recipes.align import RECIPE as ALIGN
from talweg.recipes.align_settings import Settings as AlignSettings
from talweg.recipes.classify import RECIPE, Settings
from talweg.recipes.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from talweg.recipes.robustness import MOST, measured
from talweg.training import keep_section

RNG = np.random.default_rng(0)


def photographs(count=3, channels=3, height=20, width=26):
    coarse = RNG.random((count, channels, 4, 5)).astype(np.float32)
    return np.clip(scipy.ndimage.zoom(coarse, (1, 1, height / 4, width / 5), order=1), 0, 1).astype(np.float32)


def draws(index=0):
    return Draws(0, 1, index)


# One corruption


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(3, 20, 26), (1, 28, 28), (1, 9, 8)])
def test_pictures_keep_their_shape_and_range_and_change(name, shape):
    pictures = photographs(2, *shape)
    before = pictures.copy()
    for severity in SEVERITIES:
        found = corrupted(pictures, name, severity)
        assert (found.shape, found.dtype) == (pictures.shape, np.float32)
        assert found.min() >= 0
        assert found.max() <= 1
        assert not np.array_equal(found, pictures)
    np.testing.assert_array_equal(pictures, before)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_severities_go_further_from_the_picture(name):
    pictures = photographs(40)
    distances = [np.square(corrupted(pictures, name, severity) - pictures).mean() for severity in SEVERITIES]
    assert distances == sorted(distances)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_seed_says_what_becomes_of_each_picture(name):
    pictures = photographs(4)
    found = corrupted(pictures, name, 2, seed=5)
    np.testing.assert_array_equal(found, corrupted(pictures, name, 2, seed=5))
    np.testing.assert_array_equal(found[:2], corrupted(pictures[:2], name, 2, seed=5))  # whatever else is there
    random = name in ("noise", "salt and pepper", "rotation", "shift", "occlusion")
    others = [corrupted(pictures, name, 2, seed=seed) for seed in range(6, 12)]
    assert any(not np.array_equal(found, other) for other in others) == random


@pytest.mark.parametrize("change", [
    corruptions.noise, corruptions.salt_and_pepper, corruptions.contrast, corruptions.brightness, corruptions.rotation,
    corruptions.translation, corruptions.smaller,
])
def test_nothing_of_a_corruption_is_the_picture(change):
    picture = photographs(1)[0]
    np.testing.assert_allclose(change(picture, 0.0, draws()), picture, atol=1e-6)


def test_noise_has_its_deviation_and_salt_its_share():
    grey = np.full((3, 90, 100), 0.5, np.float32)
    noise = corruptions.noise(grey, 0.1, draws()) - grey
    assert noise.mean() == pytest.approx(0, abs=0.004)
    assert noise.std() == pytest.approx(0.1, rel=0.03)
    changed = corruptions.salt_and_pepper(grey, 0.2, draws())
    assert set(np.unique(changed).tolist()) == {0, 0.5, 1}
    assert np.mean(changed != 0.5) == pytest.approx(0.2, abs=0.02)
    assert np.mean(changed == 1) == pytest.approx(0.1, abs=0.015)
    np.testing.assert_array_equal(changed[0], changed[2])


@pytest.mark.parametrize("part", [0.05, 0.12])
def test_blur_is_scipys(part):
    picture = photographs(1, height=24, width=31)[0]
    sigma = part * 24
    expected = scipy.ndimage.gaussian_filter(picture, (0, sigma, sigma), mode="nearest", radius=int(np.ceil(3 * sigma)))
    np.testing.assert_allclose(corruptions.blur(picture, part, draws()), expected, atol=1e-5)


def test_contrast_goes_to_the_mean_and_brightness_up():
    picture = photographs(1, channels=1)[0]
    half = corruptions.contrast(picture, 0.5, draws())
    assert half.mean() == pytest.approx(picture.mean(), abs=1e-5)
    assert half.std() == pytest.approx(picture.std() / 2, rel=1e-4)
    np.testing.assert_allclose(corruptions.brightness(picture, 0.25, draws()), picture + 0.25)


def test_a_quarter_turn_is_numpys():
    picture = photographs(1, height=16, width=16)[0]
    found = {corruptions.rotation(picture, 90, draws(i)).tobytes() for i in range(12)}
    both = [np.ascontiguousarray(np.rot90(picture, k, (1, 2))) for k in (1, 3)]
    assert len(found) == 2
    for turned in found:
        values = np.frombuffer(turned, np.float32).reshape(picture.shape)
        assert min(np.abs(values - wanted).max() for wanted in both) < 1e-5


def test_a_blob_moves_as_far_as_it_is_said_to():
    y, x = np.mgrid[:40, :50]
    blob = np.exp(-((x - 25) ** 2 + (y - 20) ** 2) / 18).astype(np.float32)[None]
    places = np.array([scipy.ndimage.center_of_mass(corruptions.translation(blob, 0.2, draws(i))[0]) for i in range(20)])
    np.testing.assert_allclose(np.hypot(*(places - [20, 25]).T), 0.2 * 40, atol=0.05)
    assert np.ptp(places, axis=0).min() > 8  # in all directions
    shrunk = corruptions.smaller(blob, 0.5, draws())
    assert shrunk.sum() == pytest.approx(blob.sum() / 4, rel=0.02)


def test_what_covers_lies_inside_and_what_is_pixelated_is_flat():
    picture = np.zeros((1, 20, 30), np.float32)
    for i in range(10):
        rows, columns = np.nonzero(corruptions.occlusion(picture, 0.4, draws(i))[0])
        assert (np.ptp(rows), np.ptp(columns), len(rows)) == (7, 7, 64)
    flat = corruptions.pixelation(photographs(1, height=20, width=30)[0], 0.25, draws())
    squares = flat.reshape(3, 4, 5, 6, 5)
    np.testing.assert_array_equal(squares, np.broadcast_to(squares[:, :, :1, :, :1], squares.shape))


@pytest.mark.parametrize(("pictures", "name", "severity"), [
    (photographs(1), "fog", 1), (photographs(1), "noise", 0), (photographs(1), "noise", 4), (photographs(1)[0], "noise", 1),
    (photographs(1, 2), "blur", 1),
])
def test_what_cannot_be_corrupted(pictures, name, severity):
    with pytest.raises(ValueError, match="corrupted"):
        corrupted(pictures, name, severity)


# The suite


def test_a_suite_asks_for_every_corruption_of_the_same_pictures():
    pictures = photographs(6)
    seen = []

    def accuracy(given, which):
        seen.append((given.copy(), which.tolist()))
        return len(seen) / 100

    suite = measured(lambda which: pictures[which], 6, accuracy, "test", seed=3)
    assert all(which == list(range(6)) for _, which in seen)
    assert len(seen) == 1 + 3 * len(CORRUPTIONS)
    np.testing.assert_array_equal(seen[-1][0], pictures)
    assert suite.plain == len(seen) / 100
    np.testing.assert_array_equal(seen[1][0], corrupted(pictures, "noise", 2, 3))
    assert suite.by_corruption["noise"] == (0.01, 0.02, 0.03)
    found = suite.evaluation().as_dict()
    assert found["corrupted_accuracy"] == pytest.approx(np.mean(np.arange(1, len(seen)) / 100))
    assert found["corruptions"]["noise"] == {"1": 0.01, "2": 0.02, "3": 0.03}


def test_of_many_pictures_some_are_taken_evenly(monkeypatch):
    monkeypatch.setattr("talweg.recipes.robustness.MOST", 5)
    assert MOST == 2000
    taken = []
    suite = measured(lambda which: taken.append(which) or photographs(len(which)), 17, lambda given, which: 0.5, "test")
    assert taken[0].tolist() == [0, 4, 8, 12, 16]
    assert "5 of 17 pictures" in suite.evaluation().summary
    with pytest.raises(ValueError, match="no pictures"):
        measured(lambda which: photographs(0), 0, lambda given, which: 0.0, "test")


@pytest.fixture(scope="module")
def lenet(tmp_path_factory):
    settings = Settings(model="lenet", epochs=5, batch_size=32)
    return RECIPE.train(settings, tmp_path_factory.mktemp("runs") / "lenet")


def test_a_trained_lenet_loses_accuracy_with_severity(lenet):
    suite = RECIPE.corrupted(lenet.run)
    assert suite.plain == pytest.approx(lenet.test.figures["accuracy"])
    assert suite.plain > 0.93
    by_severity = np.mean(list(suite.by_corruption.values()), axis=0)
    assert suite.plain > by_severity[0] > by_severity[1] > by_severity[2]
    assert suite.mean == pytest.approx(by_severity.mean())
    assert all(found[2] <= found[0] + 0.02 for found in suite.by_corruption.values())


def test_the_command_prints_a_table_and_keeps_pictures_in_the_report(lenet, monkeypatch):
    monkeypatch.setattr("talweg.recipes.robustness.MOST", 40)
    run = str(lenet.run)
    before = (lenet.run / "report.html").read_text()
    done = CliRunner().invoke(main, ["evaluate", run, "--corrupted", "--split", "validation"])
    assert done.exit_code == 0, done.output
    assert all(f"\n{name} " in done.output for name in CORRUPTIONS)
    once = (lenet.run / "report.html").read_text()
    called = CliRunner().invoke(main, ["evaluate", run, "--corrupted", "--json"])
    found = json.loads(called.output)
    assert set(found["corruptions"]) == set(CORRUPTIONS)
    assert (found["split"], found["pictures"], found["of"]) == ("test", 40, 360)
    twice = (lenet.run / "report.html").read_text()
    for report, split in ((once, "validation"), (twice, "test")):
        assert report.count("<h2>Corrupted pictures</h2>") == 1
        added = report[report.index("<section><h2>Corrupted pictures"):]
        assert f"{split} split" in added
        assert added.count("<img") == 1 + 3 * len(CORRUPTIONS)
        assert report.replace(added, "</main></body></html>\n") == before
    (lenet.run / "report.html").unlink()
    done = CliRunner().invoke(main, ["evaluate", run, "--corrupted"])
    assert done.exit_code == 0
    assert "report.html" not in done.output
    (lenet.run / "report.html").write_text(before)


def test_top_k_accuracy_is_told_beside_the_confusion_matrix(lenet):
    found = json.loads(CliRunner().invoke(main, ["evaluate", str(lenet.run), "--json"]).output)
    shares = [found["accuracy"], *(found[f"top_{k}_accuracy"] for k in (2, 3, 5))]
    assert shares == sorted(shares)
    assert "top 5 " in CliRunner().invoke(main, ["evaluate", str(lenet.run)]).output
    assert "among the first 5" in (lenet.run / "report.html").read_text()
    assert np.sum(found["confusion"]) == 360


@pytest.mark.slow
def test_pictures_told_by_words_are_corrupted_too(tmp_path):
    colours = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 60, 230)}
    lines = ["image,caption"]
    for i in range(30):
        name = list(colours)[i % 3]
        pixels = np.clip(RNG.normal(colours[name], 20, (16, 16, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png,a {name} square of kind {i // 3}")
    (tmp_path / "pairs.csv").write_text("\n".join(lines) + "\n")
    small = {"size": 16, "width": 16, "layers": 1, "heads": 2, "embedding": 8, "epochs": 1, "batch_size": 8}
    settings = AlignSettings(**small, data=str(tmp_path / "pairs.csv"))
    run = ALIGN.train(settings, tmp_path / "clip").run
    suite = ALIGN.corrupted(run)
    assert suite.plain == pytest.approx(ALIGN.evaluate(run).figures["accuracy"])
    assert suite.originals.shape[1:] == (3, 16, 16)


def test_runs_that_are_not_measured_so(lenet, tmp_path):
    table = RECIPE.train(Settings(model="mlp", data="iris", epochs=1, hidden=[4]), tmp_path / "iris")
    for words, told in (
        ([str(table.run), "--corrupted"], "not on pictures"),
        ([str(lenet.run), "--corrupted", "--split", "tset"], "no split is called"),
        ([str(lenet.run), "--corrupted", "--episodes", "3"], "give one of them"),
        ([str(tmp_path / "none"), "--corrupted"], "no such run folder"),
    ):
        done = CliRunner().invoke(main, ["evaluate", *words])
        assert done.exit_code != 0
        assert told in done.output
    from talweg.recipes.language import RECIPE as LANGUAGE
    with pytest.raises(ValueError, match="tells no classes of pictures"):
        LANGUAGE.corrupted(tmp_path)


def test_a_report_that_is_none_is_left_alone(tmp_path):
    (tmp_path / "r.html").write_text("<p>mine</p>")
    with pytest.raises(ValueError, match="no report"):
        keep_section(tmp_path / "r.html", "T", "<section></section>")
    assert (tmp_path / "r.html").read_text() == "<p>mine</p>"
    with pytest.raises(FileNotFoundError):
        keep_section(tmp_path / "none.html", "T", "")


