"""The detection recipe: matching, losses, answers, learning, using, published backbones, bad data."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from resuming import whole_and_resumed
from test_annotations import coco

import talweg as tw
from talweg import nn
from talweg.cli.main import main
from talweg.data.augment import transforms_of
from talweg.data.boxes import overlaps
from talweg.models import VGG
from talweg.models.ssd import SSD300, VGG16
from talweg.models.ssd_answers import detections
from talweg.models.ssd_boxes import decode, default_boxes
from talweg.models.ssd_small import SmallSSD
from talweg.models.ssd_training import MultiBoxLoss, corners_of, matched, targets_of
from talweg.nn import init
from talweg.recipes.detect import RECIPE
from talweg.recipes.detect_data import Boxed, fitting_scales
from talweg.recipes.detect_settings import Settings
from talweg.recipes.drawing import colour_of, with_boxes
from talweg.recipes.task import started
from talweg.training import freeze

torch.set_num_threads(1)
QUICK = {"size": 32, "batch_size": 4, "epochs": 2}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Forty scenes, a few epochs: enough to see that something is learned."""
    out = tmp_path_factory.mktemp("runs") / "ssd"
    return RECIPE.train(Settings(scenes=40, size=32, batch_size=8, epochs=5), out)


# Matching, by hand


def square(x, y, side):
    return [x, y, x + side, y + side]


def test_a_box_stands_for_the_object_it_overlaps_most_if_that_is_half():
    boxes = np.array([square(0, 0, 1.0), square(0.1, 0, 1.0), square(5, 5, 1.0), square(0, 0.7, 1.0)])
    objects = np.array([square(0, 0, 1.0)])
    assert matched(objects, boxes).tolist() == [0, 0, -1, -1]
    assert matched(objects, boxes, least=0.9).tolist() == [0, -1, -1, -1]


def test_every_object_has_a_box_however_small_the_overlap():
    boxes = np.array([square(0, 0, 1.0), square(5, 5, 1.0)])
    assert matched(np.array([square(5.9, 5.9, 1.0)]), boxes).tolist() == [-1, 0]


def test_where_two_objects_want_one_box_the_nearer_has_it_and_the_other_takes_another():
    boxes = np.array([square(0, 0, 1.0), square(0.8, 0, 1.0), square(9, 9, 1.0)])
    objects = np.array([square(0.2, 0, 1.0), square(0.05, 0, 1.0)])
    assert matched(objects, boxes).tolist() == [1, 0, -1]


def test_without_objects_nothing_is_matched_and_without_overlap_each_has_one():
    boxes = np.array([square(0, 0, 1.0), square(1, 0, 1.0)])
    assert matched(np.zeros((0, 4)), boxes).tolist() == [-1, -1]
    far = matched(np.array([square(20, 0, 1.0), square(30, 0, 1.0)]), boxes)
    assert sorted(far.tolist()) == [0, 1]


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_what_is_matched_is_what_decoding_the_targets_gives(seed):
    rng = np.random.default_rng(seed)
    boxes = default_boxes(SmallSSD(side=32).plan) if seed % 2 else np.concatenate(
        [rng.uniform(0.2, 0.8, (30, 2)), rng.uniform(0.1, 0.5, (30, 2))], axis=1).astype(np.float32)
    corner = rng.uniform(0, 0.6, (4, 2))
    objects = np.concatenate([corner, corner + rng.uniform(0.05, 0.4, (4, 2))], axis=1).astype(np.float32)
    labels = rng.integers(0, 7, 4)
    offsets, classes = targets_of(objects, labels, boxes)
    stands_for = matched(objects, corners_of(boxes))
    assert set(range(4)) <= set(stands_for)
    positive = stands_for >= 0
    np.testing.assert_array_equal(classes, np.where(positive, labels[stands_for] + 1, 0))
    back = decode(tw.from_numpy(offsets), tw.from_numpy(boxes)).numpy()
    np.testing.assert_allclose(back[positive], objects[stands_for[positive]], atol=1e-5)
    near = overlaps(objects, corners_of(boxes)).max(axis=0) >= 0.5
    assert (positive >= near).all()


# Losses


def torchs_loss(offsets, logits, wanted, classes, negatives):
    """Written for one picture at a time, by the paper's words."""
    total, count = 0.0, 0
    for o, g, w, c in zip(offsets, logits, wanted, classes):
        positive = c > 0
        number = int(positive.sum())
        count += number
        entropy = torch.nn.functional.cross_entropy(g, c, reduction="none")
        total = total + torch.nn.functional.smooth_l1_loss(o[positive], w[positive], reduction="sum") + entropy[positive].sum()
        hardest = entropy[~positive].topk(min(int(negatives * max(number, 1)), int((~positive).sum()))).values
        total = total + hardest.sum()
    return total / max(count, 1)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5])
def test_the_loss_and_its_gradients_are_those_of_the_papers_words(share):
    rng = np.random.default_rng(3)
    offsets, wanted = rng.standard_normal((2, 3, 40, 4)).astype(np.float32)
    logits = rng.standard_normal((3, 40, 5)).astype(np.float32)
    classes = np.where(rng.random((3, 40)) < share, rng.integers(1, 5, (3, 40)), 0)
    ours = [tw.tensor(a, requires_grad=True) for a in (offsets, logits)]
    theirs = [torch.tensor(a, requires_grad=True) for a in (offsets, logits)]
    loss = MultiBoxLoss()(tuple(ours), (tw.from_numpy(wanted), tw.from_numpy(classes)))
    expected = torchs_loss(*theirs, torch.tensor(wanted), torch.tensor(classes), 3)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    loss.backward()
    expected.backward()
    for a, b in zip(ours, theirs):
        wanted_gradient = np.zeros(a.shape, np.float32) if b.grad is None else b.grad.numpy()
        np.testing.assert_allclose(a.grad.numpy(), wanted_gradient, atol=1e-6)


# Answers


def test_answers_are_the_boxes_that_were_asked_for():
    boxes = tw.from_numpy(default_boxes(SmallSSD(side=32).plan))
    objects = np.array([[0.1, 0.1, 0.4, 0.35], [0.5, 0.4, 0.9, 0.95]], np.float32)
    offsets, classes = targets_of(objects, np.array([2, 0]), boxes.numpy())
    logits = 9 * np.eye(4, dtype=np.float32)[classes]
    [found] = detections(tw.from_numpy(offsets[None]), tw.from_numpy(logits[None]), boxes, least_score=0.5)
    order = np.argsort(found.labels)
    assert found.labels[order].tolist() == [0, 2]
    np.testing.assert_allclose(found.boxes[order], objects[::-1], atol=1e-5)
    assert (found.scores > 0.99).all()
    [none] = detections(tw.from_numpy(offsets[None]), tw.from_numpy(np.zeros_like(logits[None])), boxes, least_score=0.5)
    assert none.boxes.shape == (0, 4)


# Data


def test_scales_span_the_objects(tmp_path):
    rng = np.random.default_rng(0)
    sides = rng.uniform(8, 24, 400)
    boxes = [np.array([[0, 0, s, s]]) for s in sides]
    scales = fitting_scales(boxes, 64)
    assert scales[0] == pytest.approx(np.quantile(sides, 0.1) / 64, rel=1e-3)
    assert scales[2] == pytest.approx(np.quantile(sides, 0.9) / 64, rel=1e-3)
    SmallSSD(scales=scales)
    SmallSSD(scales=fitting_scales([np.array([[0, 0, 64, 64.0]])], 64))
    SmallSSD(scales=fitting_scales([np.array([[0, 0, 0.5, 0.5]])], 64))


def test_augmented_pictures_are_functions_of_the_epoch_and_boxes_move_along():
    chosen = Settings(scenes=6, **QUICK)
    material = RECIPE.material(chosen)
    prepared = RECIPE.prepare(chosen, material)
    boxes = RECIPE.model(chosen, prepared).boxes.numpy()
    data = Boxed(material, material.part("train"), prepared, boxes, transforms_of(["shift"]), seed=1)
    first, again, other = (data.at_epoch(e).batch([0, 2]) for e in (1, 1, 2))
    np.testing.assert_array_equal(first[0].numpy(), again[0].numpy())
    assert not np.array_equal(first[0].numpy(), other[0].numpy())
    plain = Boxed(material, material.part("train"), prepared, boxes)
    assert plain.at_epoch(3) is plain
    image, (offsets, classes) = plain[1]
    found = decode(offsets, tw.from_numpy(boxes)).numpy()[classes.numpy() > 0] * 32
    wanted = material.boxes[material.part("train")[1]]
    assert image.shape == (1, 32, 32)
    assert all(np.abs(found - w).max(axis=1).min() < 1e-3 for w in wanted)


@pytest.mark.parametrize("values", [
    {"size": 40}, {"size": 16}, {"channels": 2}, {"scales": [0.1, 0.2]}, {"scales": [0.4, 0.3, 0.2, 0.1]}, {"negatives": 0.0},
    {"overlap": 1.0}, {"augment": ["nonsense"]}, {"scenes": 0}, {"model": "unet"}, {"model": "ssd300", "size": 64},
    {"model": "ssd300", "scales": [0.1, 0.2, 0.3, 0.4]},
])
def test_settings_that_cannot_be_are_refused(values):
    with pytest.raises(ValueError, match=list(values)[-1] if "augment" not in values else "augmentation"):
        Settings(**values)


@pytest.mark.parametrize("values", [{"side": 40}, {"side": 16}, {"scales": [0.1]}, {"scales": [0.0, 0.1, 0.2, 0.3]}])
def test_a_network_that_cannot_be_is_refused(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        SmallSSD(**values)


def test_pictures_of_another_size_are_refused():
    with pytest.raises(ValueError, match="32 x 32, got 64 x 64"):
        SmallSSD(side=32)(tw.zeros(1, 1, 64, 64))


# Drawing


def test_boxes_are_drawn_where_they_are():
    page = np.zeros((90, 120), np.uint8)
    drawn = np.asarray(with_boxes(page, np.array([[30, 40, 80, 70]]), [3], [""]))
    coloured = np.argwhere((drawn == colour_of(3)).all(axis=2))
    assert coloured[:, 0].max() == 69
    assert (coloured[:, 1].min(), coloured[:, 1].max()) == (30, 79)
    assert (drawn[50, 40:70] == 0).all()
    assert len({colour_of(i) for i in range(90)}) == 90
    with_boxes(page, np.array([[0, 0, 120, 90], [-5, -5, 500, 500]]), [0, 1], ["a very long name indeed 0.99", "x"])


# The recipe


def test_a_few_steps_learn_something(run):
    records = run.result.records
    assert records[-1].validation_loss < 0.75 * records[0].validation_loss
    again = RECIPE.evaluate(run.run)
    assert again.figures == pytest.approx(run.test.figures, abs=1e-6)
    assert set(again.figures) == {"map50", "map"}
    report = (run.run / "report.html").read_text()
    assert "Precision by recall" in report
    assert report.count("data:image/png") == 12


@pytest.mark.slow
def test_an_interrupted_run_ends_with_the_same_weights(tmp_path):
    chosen = Settings(scenes=12, augment=["shift", "scale"], **QUICK)
    whole, resumed = whole_and_resumed(RECIPE, chosen, tmp_path, steps=4)
    assert whole == resumed


def test_it_is_used_from_the_command_line_on_ones_own_data(tmp_path):
    call = CliRunner().invoke
    data, out = coco(tmp_path / "data"), tmp_path / "run"
    small = [f"--{name.replace('_', '-')}={value}" for name, value in QUICK.items()]
    made = call(main, ["train", "ssd", "--data", str(data), "--out", str(out), "--json", *small])
    assert made.exit_code == 0, made.output
    assert 0 <= json.loads(made.output)["test_map50"] <= 1
    told = call(main, ["evaluate", str(out), "--split", "train"])
    assert "cat" in told.output
    assert "mAP@.5" in told.output
    drawn = tmp_path / "drawn.png"
    picture = str(data / "images" / "3.png")
    told = call(main, ["predict", str(out), picture, "--out", str(drawn), "--score", "0.02", "--json"])
    assert told.exit_code == 0, told.output
    facts = json.loads(told.output)
    assert (facts["width"], facts["height"]) == (40, 20)
    assert facts["detections"]
    for thing in facts["detections"]:
        left, top, right, bottom = thing["box"]
        assert 0 <= left < right <= 40
        assert 0 <= top < bottom <= 20
        assert thing["class"] in ("cat", "dog")
    assert min(Image.open(drawn).size) >= 256
    assert call(main, ["predict", str(out), picture, "--score", "2"]).exit_code != 0
    (data / "instances.json").write_text("{}")
    assert "`images` is none" in call(main, ["evaluate", str(out)]).output


# Published backbones


def test_vggs_published_weights_become_ssds_backbone(tmp_path):
    """A narrow VGG-16 with torchvision's names, as PyTorch saves it, into a narrow SSD300."""
    vgg, ssd = (narrow(kind) for kind in (VGG, SSD300))
    state = {name: torch.tensor(value.numpy()) for name, value in vgg.state_dict().items()}
    torch.save(state, tmp_path / "vgg16.pth")
    new, [remark] = started(tmp_path / "vgg16.pth", ssd)
    convolutions = [i for i, layer in enumerate(vgg.features) if isinstance(layer, nn.Conv2d)]
    for i in convolutions:
        there = ssd.backbone.features[i] if i < 23 else ssd.backbone.extra[0][i - 23]
        np.testing.assert_array_equal(there.weight.detach().numpy(), vgg.features[i].weight.detach().numpy())
        np.testing.assert_array_equal(there.bias.detach().numpy(), vgg.features[i].bias.detach().numpy())
    assert f"{2 * len(convolutions)} tensors loaded (vgg16 names)" in remark
    assert "missing: " in remark
    assert "unexpected: classifier.0.weight" in remark
    assert all(name.startswith(("backbone.extra.", "backbone.norm", "head.")) for name in new)
    frozen = freeze(ssd, ["backbone.features"])
    assert len(frozen) == 2 * sum(i < 23 for i in convolutions)
    assert VGG16 in SSD300.layouts


def test_weights_of_something_else_are_refused(tmp_path):
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(RuntimeError, match="nothing to start from"):
        started(tmp_path / "other.pth", narrow(SSD300))
    with pytest.raises(FileNotFoundError):
        started(tmp_path / "gone.pth", narrow(SSD300))
    (tmp_path / "bad.pth").write_bytes(b"\x80\x02junk")
    with pytest.raises(ValueError, match=r"bad\.pth"):
        started(tmp_path / "bad.pth", narrow(SSD300))


def narrow(kind, share=16):
    """The network with a sixteenth of the maps."""
    with init.skipped():
        model = kind(16, hidden=8, classes=3) if kind is VGG else kind(3)
        for parent in list(model.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, nn.Conv2d):
                    maps_in = child.in_channels if child.in_channels == 3 else child.in_channels // share
                    setattr(parent, name, nn.Conv2d(maps_in, max(1, child.out_channels // share), child.kernel_size, child.stride,
                                                    child.padding, child.dilation))
    for i, parameter in enumerate(model.parameters()):
        nn.init.constant_(parameter, i / 7)
    return model
