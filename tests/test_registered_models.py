"""What the names of the registry mean by default: the published parameter counts and operations, without any option."""

import pytest
from click.testing import CliRunner

from talweg import nn
from talweg.cli.main import main
from talweg.inspection import macs_of, recorded
from talweg.models import build, entry
from talweg.nn import init

COUNTS = {
    "lenet": 105_506, "lenet5": 61_706, "lenet5_1998": 60_000, "convnet": 61_706, "alexnet": 61_100_840, "vgg11": 132_863_336,
    "vgg16": 138_357_544, "vgg16_bn": 138_365_992, "resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032,
    "resnet101": 44_549_160, "gpt": 116_534_784, "gpt2": 124_439_808, "gpt2_medium": 354_823_168, "gpt2_large": 774_030_080,
    "gpt2_xl": 1_557_611_200, "bert_base": 109_482_240, "vit_b_16": 86_567_656, "vit_b_32": 88_224_232,
    "vit_l_16": 304_326_632, "vit_ti_16": 5_717_416, "vit_s_16": 22_050_664, "ssd300": 35_641_826, "fcn_resnet50": 35_322_218,
    "unet": 31_030_658, "pspnet50": 49_081_578, "whisper_tiny": 37_760_640, "whisper_base": 72_593_920,
    "whisper_small": 241_734_912, "clip_vit_b_32": 151_277_313, "clip_vit_b_16": 149_620_737, "clip_vit_l_14": 427_616_513,
    "clip_rn50": 102_007_137, "ddpm_unet": 35_746_307, "dqn": 1_686_180,
}


def registered(name):
    found = entry(name)
    with init.skipped():
        return build(name, found.input_shape, found.classes), found.example(found.input_shape)


@pytest.mark.parametrize("name", COUNTS)
def test_a_name_alone_is_the_published_model(name):
    assert sum(p.numel() for p in registered(name)[0].parameters()) == COUNTS[name]


class BothHeads(nn.Module):
    """A segmentation network as torchvision runs it, with its auxiliary head."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model.both(x)


def test_row_10_fcns_operations_with_both_heads():
    """torchvision publishes 152.717 GMAC, for both heads; a forward pass of ours takes the auxiliary one in training only."""
    model, example = registered("fcn_resnet50")
    one, both = (sum(macs_of(recorded(m, *example)).values()) / 1e9 for m in (model, BothHeads(model)))
    assert both == pytest.approx(152.717, rel=0.01)
    side = 520 // 8
    assert both - one == pytest.approx(side * side * (1024 * 256 * 9 + 256 * 21) / 1e9, rel=0.05)


@pytest.mark.parametrize("name", ["vit_b_16", "fcn_resnet50", "bert_base", "gat", "realnvp"])
def test_summaries_and_drawings_need_no_option(name, tmp_path):
    for arguments in (("summary", name, "--depth", "1"), ("draw", name, "--out", str(tmp_path / "m.svg"))):
        result = CliRunner().invoke(main, list(arguments))
        assert result.exit_code == 0, result.stderr
    assert (tmp_path / "m.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("command", ["summary", "draw"])
def test_an_unknown_name_is_answered_with_the_nearest(command):
    result = CliRunner().invoke(main, [command, "vit_b_61"])
    assert result.exit_code == 1
    assert "did you mean 'vit_b_16'" in result.stderr
