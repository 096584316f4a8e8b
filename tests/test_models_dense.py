"""FCN and SSD300 against torchvision, DDPM's U-Net against diffusers: weights, outputs, gradients, and the way back."""

import json

import numpy as np
import pytest
import torch
from parity import assert_same_gradients, assert_same_outputs, assert_written_back, shake, written
from references import reference
from safetensors.torch import save_file

import talweg
from talweg.io import read_checkpoint
from talweg.models import FCN, SSD300, DDPMUNet, default_boxes
from talweg.models.ddpm_layouts import OLD_NAMES
from talweg.models.ssd_boxes import decode, encode

torch.set_num_threads(1)


def images(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.slow
def test_fcn(tmp_path):
    tv = reference("torchvision", "models")
    theirs = shake(tv.segmentation.fcn_resnet50(weights=None, weights_backbone=None, num_classes=4, aux_loss=True))
    folder = written(theirs, tmp_path / "published")
    ours = FCN.from_pretrained(folder)
    x = images(1, 3, 40, 33)
    both = {"read": lambda out: (out["out"], out["aux"]), "call": ours.both}
    assert_same_outputs(ours, theirs, x, **both)
    assert_same_outputs(ours, theirs, x, read=lambda out: out["out"])
    assert_same_gradients(ours, theirs, x, **both)
    assert_written_back(ours, theirs, tmp_path / "again")


def test_ssd300(tmp_path):
    tv = reference("torchvision", "models", "detection")
    theirs = shake(tv.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=5))
    theirs.backbone.scale_weight.data.uniform_(1, 3)
    ours = SSD300.from_pretrained(written(theirs, tmp_path / "published"))

    def offsets_and_logits(x):
        out = theirs.head(list(theirs.backbone(x).values()))
        return out["bbox_regression"], out["cls_logits"]

    assert_same_outputs(ours, offsets_and_logits, images(1, 3, 300, 300))
    assert_written_back(ours, theirs, tmp_path / "again")


def test_ssds_default_boxes_and_decoding_are_torchvisions():
    detection = reference("torchvision", "models", "detection")
    generator = detection.anchor_utils.DefaultBoxGenerator(
        [[2], [2, 3], [2, 3], [2, 3], [2], [2]], scales=[0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05],
        steps=[8, 16, 32, 64, 100, 300])
    boxes = generator._grid_default_boxes([[n, n] for n in (38, 19, 10, 5, 3, 1)], [300, 300]).numpy()
    np.testing.assert_allclose(default_boxes(), boxes, atol=1e-6)
    corners = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)
    offsets = images(len(boxes), 4)
    coder = detection._utils.BoxCoder((10.0, 10.0, 5.0, 5.0))
    wanted = coder.decode_single(torch.from_numpy(offsets), torch.from_numpy(corners)).numpy()
    found = decode(talweg.from_numpy(offsets), talweg.from_numpy(boxes))
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-5)
    np.testing.assert_allclose(encode(found, talweg.from_numpy(boxes)).numpy(), offsets, atol=1e-3)


# DDPM

SMALL = {
    "in_channels": 3, "out_channels": 3, "block_out_channels": (8, 16, 16), "layers_per_block": 1, "norm_num_groups": 4,
    "norm_eps": 1e-6, "downsample_padding": 0, "attention_head_dim": None, "freq_shift": 1, "flip_sin_to_cos": False,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
}
STEPS = np.array([3, 981], np.int64)


def unet(**changed):
    torch.manual_seed(0)
    return shake(reference("diffusers").UNet2DModel(**(SMALL | changed)))


@pytest.mark.parametrize("changed", [
    {}, {"attention_head_dim": 4, "layers_per_block": 2}, {"freq_shift": 0, "flip_sin_to_cos": True, "norm_eps": 1e-5},
])
def test_ddpm(tmp_path, changed):
    theirs = unet(**changed)
    theirs.save_pretrained(tmp_path / "published")
    ours = DDPMUNet.from_pretrained(tmp_path / "published")
    assert ours.load_report.complete
    x = images(2, 3, 16, 8)
    read = lambda out: out.sample
    assert_same_outputs(ours, theirs, x, STEPS, read=read)
    assert_same_gradients(ours, theirs, x, STEPS, read=read)
    assert_written_back(ours, theirs, tmp_path / "again")
    again = type(theirs).from_pretrained(tmp_path / "again").eval()
    assert all(torch.equal(a, again.state_dict()[name]) for name, a in theirs.state_dict().items())
    with torch.no_grad():
        assert torch.equal(again(torch.from_numpy(x), torch.from_numpy(STEPS)).sample,
                           theirs(torch.from_numpy(x), torch.from_numpy(STEPS)).sample)


def test_ddpm_reads_the_old_names_of_its_attention(tmp_path):
    theirs = unet()
    theirs.save_pretrained(tmp_path)
    old = {}
    for name, value in theirs.state_dict().items():
        for before, after in OLD_NAMES.items():
            name = name.replace(f".{after}.", f".{before}.") if ".attentions." in name else name
        old[name] = value.contiguous()
    assert any("proj_attn" in name for name in old)
    save_file(old, tmp_path / "diffusion_pytorch_model.safetensors")
    assert_same_outputs(DDPMUNet.from_pretrained(tmp_path), theirs, images(2, 3, 8, 8), STEPS, read=lambda o: o.sample)


@pytest.mark.parametrize("changed", [
    {"act_fn": "gelu"}, {"downsample_padding": 1}, {"resnet_time_scale_shift": "scale_shift"}, {"out_channels": 6},
    {"up_block_types": ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D"]}, {"down_block_types": ["ResnetDownsampleBlock2D"]},
    {"block_out_channels": [8, 18, 16]}, {"block_out_channels": None}, {"norm_num_groups": "four"},
])
def test_a_config_of_another_network_is_refused(tmp_path, changed):
    model = DDPMUNet(3, (8, 16, 16), (False, True, False), 1, groups=4)
    model.save_pretrained(tmp_path)
    config = read_checkpoint(tmp_path).config | changed
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError):
        DDPMUNet.from_pretrained(tmp_path)
