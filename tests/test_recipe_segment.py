"""The segmentation recipe: scores of pixels, networks, learning, using, bad data."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from resuming import whole_and_resumed
from test_annotations import halves, masked

import talweg as tw
from talweg.cli.main import main
from talweg.data.augment import transforms_of
from talweg.models import build
from talweg.models.dense_small import SmallFCN, SmallPSPNet
from talweg.recipes.drawing import in_colours, overlaid
from talweg.recipes.registry import recipe_for
from talweg.recipes.segment import RECIPE
from talweg.recipes.segment_data import Masked
from talweg.recipes.segment_settings import Settings
from talweg.training.pixel_scores import intersection_over_union, mean_iou, pixel_accuracy

torch.set_num_threads(1)
QUICK = {"size": 16, "width": 4, "levels": 2, "batch_size": 4, "epochs": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures that are bright where the mask is 1."""
    root = masked(tmp_path_factory.mktemp("masked"), lambda i: half(i), ["dark", "bright"], count=20)
    for i in range(20):
        noise = np.random.default_rng(i).integers(0, 60, (20, 40), dtype=np.uint8)
        Image.fromarray(noise + 150 * half(i)).save(root / "images" / f"{i}.jpg")
    return root


def half(i):
    """The left half or more."""
    mask = np.zeros((20, 40), np.uint8)
    mask[:, :16 + i] = 1
    return mask


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    chosen = Settings(data=str(folder), **{**QUICK, "epochs": 6, "lr": 1e-2})
    return RECIPE.train(chosen, tmp_path_factory.mktemp("runs") / "unet")


# Scores


def test_scores_are_their_definitions_on_sets_of_pixels():
    rng = np.random.default_rng(0)
    truth, found = rng.integers(0, 3, (2, 500))
    confusion = np.zeros((4, 4), int)
    np.add.at(confusion, (truth, found), 1)
    ious = intersection_over_union(confusion)
    for c in range(3):
        there, said = set(np.flatnonzero(truth == c)), set(np.flatnonzero(found == c))
        assert ious[c] == pytest.approx(len(there & said) / len(there | said))
    assert np.isnan(ious[3])
    assert mean_iou(confusion) == pytest.approx(ious[:3].mean())
    assert pixel_accuracy(confusion) == pytest.approx((truth == found).mean())
    assert np.isnan(mean_iou(np.zeros((2, 2))))
    assert np.isnan(pixel_accuracy(np.zeros((2, 2))))


# Networks and data


@pytest.mark.parametrize("name", ["unet", "fcn_small", "pspnet_small"])
def test_the_small_networks_answer_for_every_pixel(name):
    own = {"width": 4, "levels": 2, "same": True} if name == "unet" else {}
    model = build(name, (3, 24, 24), 5, **own).eval()
    with tw.no_grad():
        assert tuple(model(tw.zeros(2, 3, 24, 32)).shape) == (2, 5, 24, 32)


def test_pyramid_pooling_lets_every_pixel_see_the_whole_picture():
    """A change in one corner reaches the other; without the pyramid it does not."""
    rng = np.random.default_rng(0)
    images = rng.standard_normal((2, 1, 64, 64)).astype(np.float32)
    images[1] = images[0]
    images[1, :, :4, :4] += 5
    moved = {}
    for kind in (SmallFCN, SmallPSPNet):
        tw.manual_seed(0)
        with tw.no_grad():
            logits = kind(1, 3, (4, 4, 4)).eval()(tw.from_numpy(images)).numpy()
        moved[kind] = np.abs(logits[1] - logits[0])[:, -8:, -8:].max()
    assert moved[SmallFCN] == 0
    assert moved[SmallPSPNet] > 0


def test_the_names_lead_to_this_recipe():
    assert recipe_for("unet") == ("segment", "unet")
    assert recipe_for("segment") == ("segment", "unet")
    assert recipe_for("pspnet_small")[0] == "segment"


def test_masks_move_with_augmented_pictures(folder):
    chosen = Settings(data=str(folder), **QUICK)
    material = RECIPE.material(chosen)
    data = Masked(material, material.part("train"), RECIPE.prepare(chosen, material), transforms_of(["mirror"]), seed=3)
    epochs = [data.at_epoch(e).batch(range(len(data))) for e in range(6)]
    for images, masks in epochs:
        bright = images.numpy()[:, 0] > 0
        assert (bright == (masks.numpy() == 1)).mean() > 0.9
    first, again = (data.at_epoch(4)[2][0].numpy() for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert any(not np.array_equal(epochs[0][1].numpy(), masks.numpy()) for _, masks in epochs[1:])


@pytest.mark.parametrize("values", [
    {"size": 20}, {"size": 4}, {"channels": 2}, {"width": 0}, {"levels": 9}, {"model": "lenet"}, {"augment": ["nonsense"]},
    {"data": "scenes32", "size": 64},
])
def test_settings_that_cannot_be_are_refused(values):
    with pytest.raises(ValueError, match=list(values)[-1] if "augment" not in values else "augmentation"):
        Settings(**values)


# Drawing


def test_masks_are_drawn_in_colours_over_the_picture():
    picture = np.full((6, 8), 100, np.uint8)
    mask = np.zeros((6, 8), np.uint8)
    mask[2:4, 3:5] = 7
    drawn = overlaid(picture, mask)
    assert (drawn[mask == 0] == 100).all()
    np.testing.assert_allclose(drawn[3, 4], 0.45 * 100 + 0.55 * in_colours(mask)[3, 4], atol=1)
    assert (in_colours(np.array([[0, 255]], np.uint8))[0] == [[0, 0, 0], [128, 128, 128]]).all()


# The recipe


def test_a_few_steps_learn_something(run):
    assert run.test.figures["pixel_accuracy"] > 0.9
    assert run.test.figures["miou"] > 0.8
    assert RECIPE.evaluate(run.run).figures == pytest.approx(run.test.figures, abs=1e-6)
    report = (run.run / "report.html").read_text()
    assert "bright" in report
    assert "IoU" in report
    assert report.count("data:image/png") == 3


def test_an_interrupted_run_ends_with_the_same_weights(folder, tmp_path):
    chosen = Settings(data=str(folder), augment=["shift", "mirror"], **QUICK)
    whole, resumed = whole_and_resumed(RECIPE, chosen, tmp_path, steps=5)
    assert whole == resumed


def test_pixels_of_which_nothing_is_said_do_not_count(tmp_path):
    def partly(i):
        mask = halves(i, 0, 1)
        mask[:10] = 255
        return mask

    masked(tmp_path / "data", partly)
    run = RECIPE.train(Settings(data=str(tmp_path / "data"), **{**QUICK, "epochs": 1}), tmp_path / "run")
    assert np.isfinite(run.result.records[0].train_loss)
    assert run.test.confusion.sum() == run.test.samples * 16 * 8


def test_it_is_used_from_the_command_line(folder, run, tmp_path):
    call = CliRunner().invoke
    out = tmp_path / "out"
    small = [f"--{name}={value}" for name, value in {"size": 16, "batch-size": 4, "epochs": 1}.items()]
    made = call(main, ["train", "fcn_small", "--data", str(folder), "--out", str(out), "--json", *small])
    assert made.exit_code == 0, made.output
    assert 0 <= json.loads(made.output)["test_miou"] <= 1
    picture, drawn, mask = str(folder / "images" / "3.jpg"), tmp_path / "drawn.png", tmp_path / "mask.png"
    told = call(main, ["predict", str(run.run), picture, "--out", str(drawn), "--json"])
    assert told.exit_code == 0, told.output
    facts = json.loads(told.output)
    assert sum(facts["shares"].values()) == pytest.approx(1)
    assert Image.open(drawn).size == (40, 20)
    assert call(main, ["predict", str(run.run), picture, "--out", str(mask), "--draw", "mask"]).exit_code == 0
    assert (np.asarray(Image.open(mask)) == half(3)).mean() > 0.85
    assert Image.open(mask).mode == "P"
    assert "must be one of overlay, mask" in call(main, ["predict", str(run.run), picture, "--draw", "x"]).output
    told = call(main, ["evaluate", str(out)])
    assert "pixel accuracy" in told.output
    assert "no images/ with masks/" in call(main, ["train", "unet", "--data", str(tmp_path)]).output
