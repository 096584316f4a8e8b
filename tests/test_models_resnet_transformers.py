"""ResNet as transformers publishes it: other names, a config, both places for the stride."""

import json

import numpy as np
import pytest
import torch
from parity import assert_close, assert_same_gradients, assert_same_outputs, shake
from references import reference

import talweg
from talweg.io import read_checkpoint
from talweg.models import ResNet

torch.set_num_threads(1)
READ = {"read": lambda out: out.logits}


def published(folder, **settings):
    transformers = reference("transformers")
    config = transformers.ResNetConfig(
        embedding_size=8, depths=[1, 2, 1, 1], num_labels=5, **({"hidden_sizes": [32, 64, 128, 256]} | settings))
    torch.manual_seed(0)
    theirs = shake(transformers.ResNetForImageClassification(config))
    theirs.save_pretrained(folder)
    return theirs


@pytest.mark.parametrize(("settings", "stride_in"), [
    ({}, "3x3"), ({"downsample_in_bottleneck": True}, "1x1"),
    ({"layer_type": "basic", "hidden_sizes": [8, 16, 32, 64]}, "3x3"),
])
def test_its_files_give_its_outputs_and_gradients_and_are_written_back(tmp_path, settings, stride_in):
    theirs = published(tmp_path / "published", **settings)
    (tmp_path / "published" / "preprocessor_config.json").write_text(json.dumps({
        "size": {"shortest_edge": 224}, "crop_pct": 0.875, "resample": 3, "image_mean": [0.4] * 3, "image_std": [0.2] * 3}))
    ours = ResNet.from_pretrained(tmp_path / "published")
    assert ours.load_report.complete
    assert ours.load_report.layout == "transformers"
    assert ours.stride_in == stride_in
    assert (ours.preprocessing.resize, ours.preprocessing.crop) == (256, (224, 224))
    x = np.random.default_rng(0).standard_normal((2, 3, 64, 48)).astype(np.float32)
    assert_same_outputs(ours, theirs, x, **READ)
    assert_same_gradients(ours, theirs, x, layout=ours.layouts[1], **READ)
    ours.save_pretrained(tmp_path / "again", "transformers")
    again = type(theirs).from_pretrained(tmp_path / "again").eval()
    assert set(read_checkpoint(tmp_path / "again").tensors) == set(read_checkpoint(tmp_path / "published").tensors)
    with torch.no_grad():
        assert torch.equal(again(torch.from_numpy(x)).logits, theirs(torch.from_numpy(x)).logits)


def test_the_place_of_the_stride_matters(tmp_path):
    theirs = published(tmp_path)
    x = np.random.default_rng(0).standard_normal((2, 3, 64, 64)).astype(np.float32)
    with talweg.no_grad():
        other = ResNet.from_pretrained(tmp_path, stride_in="1x1")(talweg.from_numpy(x)).numpy()
        same = ResNet.from_pretrained(tmp_path, stride_in="3x3")(talweg.from_numpy(x)).numpy()
    wanted = theirs(torch.from_numpy(x)).logits.detach().numpy()
    assert_close(same, wanted)
    assert np.abs(other - wanted).max() > 0.01 * np.abs(wanted).max()


@pytest.mark.parametrize("changed", [
    {"hidden_act": "gelu"}, {"embedding_size": 12}, {"depths": None}, {"layer_type": "wide"}, {"hidden_sizes": "many"},
])
def test_a_config_of_another_network_is_refused(tmp_path, changed):
    model = ResNet(counts=(1, 1, 1, 1), widths=(8, 16, 32, 64), classes=3)
    model.save_pretrained(tmp_path, "transformers")
    (tmp_path / "config.json").write_text(json.dumps(read_checkpoint(tmp_path).config | changed))
    with pytest.raises((ValueError, RuntimeError)):
        ResNet.from_pretrained(tmp_path)
