"""AlexNet, VGG and ResNet against torchvision and timm: weights through their files, outputs, gradients."""

from pathlib import Path

import numpy as np
import pytest
import torch
from parity import assert_close, assert_same_gradients, assert_same_outputs, assert_written_back, shake, written
from PIL import Image
from references import reference

from talweg.io import Checkpoint, load_published
from talweg.models import FCN, VGG, AlexNet, ResNet

torch.set_num_threads(1)
SMALL = 64  # a width for the linear layers, instead of 4096


def images(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def narrow(model, layers, classes=7):
    """Fewer hidden units: the same network, a file of megabytes instead of half a gigabyte."""
    first, second, last = layers
    inputs = model.classifier[first].in_features
    model.classifier[first] = torch.nn.Linear(inputs, SMALL)
    model.classifier[second] = torch.nn.Linear(SMALL, SMALL)
    model.classifier[last] = torch.nn.Linear(SMALL, classes)
    return model


def alexnet(tv):
    return narrow(tv.alexnet(), (1, 4, 6)), AlexNet, images(2, 3, 96, 80)


def vgg(name):
    def make(tv):
        return narrow(getattr(tv, name)(), (0, 3, 6)), VGG, images(2, 3, 32, 40)

    return make


def resnet(block, counts):
    def make(tv):
        kind = getattr(tv.resnet, block)
        return tv.ResNet(kind, counts, num_classes=11), ResNet, images(2, 3, 64, 48)

    return make


CASES = {
    "alexnet": alexnet, "vgg11": vgg("vgg11"), "vgg16_bn": vgg("vgg16_bn"),
    "resnet basic": resnet("BasicBlock", [2, 1, 1, 2]), "resnet bottleneck": resnet("Bottleneck", [1, 2, 1, 1]),
}


@pytest.mark.parametrize("name", CASES)
def test_torchvisions_files_give_its_outputs_and_gradients_and_are_written_back(name, tmp_path):
    tv = reference("torchvision", "models")
    torch.manual_seed(0)
    theirs, kind, x = CASES[name](tv)
    folder = written(shake(theirs), tmp_path / "published")
    ours = kind.from_pretrained(folder)
    assert ours.load_report.complete
    assert ours.load_report.layout == "torchvision"
    assert_same_outputs(ours, theirs, x)
    assert_same_gradients(ours, theirs, x)
    assert_written_back(ours, theirs, tmp_path / "again")


def test_resnet50_at_full_size(tmp_path):
    tv = reference("torchvision", "models")
    theirs = shake(tv.resnet50())
    ours = ResNet.from_pretrained(written(theirs, tmp_path / "published"))
    assert (ours.block, ours.counts) == ("bottleneck", (3, 4, 6, 3))
    assert_same_outputs(ours, theirs, images(1, 3, 224, 224))


def test_batch_normalisation_in_training_mode(tmp_path):
    tv = reference("torchvision", "models")
    theirs = shake(tv.ResNet(tv.resnet.BasicBlock, [1, 1, 1, 1], num_classes=5))
    ours = ResNet.from_pretrained(written(theirs, tmp_path / "published"))
    x = images(4, 3, 64, 64)
    assert_same_outputs(ours.train(), theirs.train(), x)
    assert_same_gradients(ours, theirs, x)
    for name, value in theirs.state_dict().items():
        assert_close(ours.state_dict()[name].numpy().astype(float), value.numpy().astype(float), name)


def test_timms_resnet_has_the_same_names(tmp_path):
    timm = reference("timm", "models", "resnet")
    theirs = shake(timm.ResNet(timm.Bottleneck, (1, 1, 1, 1), num_classes=6))
    folder = written(theirs, tmp_path / "published")
    (folder / "config.json").write_text(
        '{"architecture": "resnet14", "pretrained_cfg": {"input_size": [3, 176, 176], "crop_pct": 0.95, "mean": '
        '[0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "interpolation": "bicubic"}}')
    ours = ResNet.from_pretrained(folder)
    assert (ours.preprocessing.resize, ours.preprocessing.interpolation) == (185, "bicubic")
    assert_same_outputs(ours, theirs, images(2, 3, 64, 64))


@pytest.mark.parametrize(("preset", "kind"), [
    ("ResNet50_Weights.IMAGENET1K_V1", ResNet), ("ResNet50_Weights.IMAGENET1K_V2", ResNet),
    ("segmentation.FCN_ResNet50_Weights.DEFAULT", FCN),
])
@pytest.mark.parametrize("size", [(300, 401), (263, 200)])
def test_preprocessing_is_torchvisions_preset(preset, kind, size):
    weights = reference("torchvision", "models")
    for part in preset.split("."):
        weights = getattr(weights, part)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8))
    file = weights.url.rsplit("/", 1)[-1].replace(".pth", ".safetensors")
    prepare = kind.preprocessing_of(Checkpoint(Path(file), {}))
    np.testing.assert_allclose(prepare(picture).numpy(), weights.transforms()(picture).numpy(), atol=1e-6)


def test_a_resnet_does_not_load_into_another(tmp_path):
    tv = reference("torchvision", "models")
    folder = written(shake(tv.ResNet(tv.resnet.BasicBlock, [1, 1, 1, 1], num_classes=5)), tmp_path / "published")
    with pytest.raises(RuntimeError, match="missing: layer1.0.conv3.weight"):
        load_published(ResNet(counts=(1, 1, 1, 1), classes=5), folder)
    report = load_published(ResNet("basic", (1, 1, 1, 1), classes=9), folder, strict=False)
    assert sorted(report.wrong_shapes) == ["fc.bias", "fc.weight"]
    with pytest.raises(ValueError, match="do not describe a VGG"):
        VGG.from_pretrained(folder)
