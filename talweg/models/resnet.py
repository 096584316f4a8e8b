"""ResNet (L 5.2, fig. 5.3 to 5.5): He, Zhang, Ren, Sun, Deep residual learning for image recognition (2015), table 1."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from .. import nn
from ..io import Checkpoint, ImagePreprocessing, Pretrained
from ..nn import functional as F
from ..tensor import Tensor
from .resnet_layouts import HUGGING_FACE, PRESETS, TORCHVISION, hugging_face_config, hugging_face_settings

# Block and number of blocks in each stage, by the number of layers with weights.
DEPTHS: dict[int, tuple[str, tuple[int, ...]]] = {
    18: ("basic", (2, 2, 2, 2)), 34: ("basic", (3, 4, 6, 3)), 50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)), 152: ("bottleneck", (3, 8, 36, 3)),
}
STEMS = ("7x7", "3x3", "deep")


class BasicBlock(nn.Module):
    """y = ReLU(x + f(x)) with two 3x3 convolutions, each with batch normalisation (fig. 5.3)."""

    expansion = 1

    def __init__(self, maps_in: int, width: int, stride: int, dilation: int, stride_in: str) -> None:
        super().__init__()
        if dilation > 1:
            raise ValueError("ResNet: the basic block has no dilated form; use the bottleneck (depth 50 or more)")
        self.conv1 = convolution(maps_in, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = convolution(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(maps_in, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))  # (B, C, H, W) -> (B, width, H / stride, W / stride)
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """y = ReLU(x + f(x)) with 1x1 to fewer maps, 3x3 among them, 1x1 to four times as many (fig. 5.3, 5.4).

    A stride is on the first 1x1 in the paper and the book, on the 3x3 in the published checkpoints: the same
    parameters, other outputs. A 1x1 with a stride never looks at three quarters of its input.
    """

    expansion = 4

    def __init__(self, maps_in: int, width: int, stride: int, dilation: int, stride_in: str) -> None:
        super().__init__()
        first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
        self.conv1 = convolution(maps_in, width, 1, first)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = convolution(width, width, 3, second, dilation)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = convolution(width, width * self.expansion, 1)
        self.bn3 = nn.BatchNorm2d(width * self.expansion)
        self.downsample = shortcut(maps_in, width * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))  # (B, C, H, W) -> (B, width, H, W)
        y = F.relu(self.bn2(self.conv2(y)))  # (B, width, H / stride, W / stride)
        y = self.bn3(self.conv3(y))  # (B, 4 width, H / stride, W / stride)
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


BLOCKS: dict[str, type[BasicBlock] | type[Bottleneck]] = {"basic": BasicBlock, "bottleneck": Bottleneck}


class ResNetBackbone(Pretrained):
    """The convolutions of a ResNet: images (B, channels, H, W) to the maps of its stages.

    `counts` are the blocks of each stage and `widths` the maps inside them. Stages after the first halve the
    sides, except where `dilate` is true: those keep the sides and dilate their 3x3 convolutions instead (for dense
    prediction). `stem`: "7x7" with stride 2 and pooling (the paper), "3x3" without either (small images),
    "deep" (three 3x3, PSPNet). Names are torchvision's. Raises ValueError for a setting outside these.
    """

    def __init__(
        self, block: str = "bottleneck", counts: Sequence[int] = (3, 4, 6, 3),
        widths: Sequence[int] = (64, 128, 256, 512), channels: int = 3, stem: str = "7x7", stride_in: str = "3x3",
        dilate: Sequence[bool] = (),
    ) -> None:
        super().__init__()
        _check(block, counts, widths, stem, stride_in)
        self.block, self.counts, self.widths = block, tuple(counts), tuple(widths)
        self.stem, self.stride_in = stem, stride_in
        maps = self._add_stem(channels, widths[0])
        dilation = 1
        for i, (count, width) in enumerate(zip(counts, widths)):
            stride = 1 if i == 0 else 2
            first_dilation = dilation
            if i > 0 and i - 1 < len(dilate) and dilate[i - 1]:
                dilation, stride = dilation * stride, 1
            strides = [(stride, first_dilation)] + [(1, dilation)] * (count - 1)
            stage, maps = self._stage(maps, width, strides)
            setattr(self, f"layer{i + 1}", stage)
        self.maps = maps
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def stages(self, x: Tensor) -> list[Tensor]:
        """What each stage gives: for a 7x7 stem (B, C, H / 4, W / 4), (B, 2 C, H / 8, W / 8), ..."""
        x = self._stemmed(x)
        found = []
        for i in range(len(self.counts)):
            x = getattr(self, f"layer{i + 1}")(x)
            found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x)[-1]

    def _add_stem(self, channels: int, width: int) -> int:
        if self.stem == "deep":
            self.conv1 = convolution(channels, width, 3, 2)
            self.bn1 = nn.BatchNorm2d(width)
            self.conv2 = convolution(width, width, 3)
            self.bn2 = nn.BatchNorm2d(width)
            self.conv3 = convolution(width, 2 * width, 3)
            self.bn3 = nn.BatchNorm2d(2 * width)
            return 2 * width
        size, stride = (7, 2) if self.stem == "7x7" else (3, 1)
        self.conv1 = convolution(channels, width, size, stride)
        self.bn1 = nn.BatchNorm2d(width)
        return width

    def _stemmed(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))  # (B, 64, H / 2, W / 2), or H x W with the 3x3 stem
        if self.stem == "3x3":
            return x
        if self.stem == "deep":
            x = F.relu(self.bn2(self.conv2(x)))
            x = F.relu(self.bn3(self.conv3(x)))  # (B, 128, H / 2, W / 2)
        return F.max_pool2d(x, kernel_size=3, stride=2, padding=1)  # (B, ..., H / 4, W / 4)

    def _stage(self, maps: int, width: int, strides: list[tuple[int, int]]) -> tuple[nn.Sequential, int]:
        kind = BLOCKS[self.block]
        blocks = []
        for stride, dilation in strides:
            blocks.append(kind(maps, width, stride, dilation, self.stride_in))
            maps = width * kind.expansion
        return nn.Sequential(*blocks), maps


class ResNet(ResNetBackbone):
    """Classification: the backbone, the mean over all positions, one linear layer. Logits (B, classes).

    ResNet.of_depth(50) has 25,557,032 parameters with 1000 classes. Settings as in ResNetBackbone.
    """

    layouts = (TORCHVISION, HUGGING_FACE)

    def __init__(
        self, block: str = "bottleneck", counts: Sequence[int] = (3, 4, 6, 3),
        widths: Sequence[int] = (64, 128, 256, 512), classes: int = 1000, channels: int = 3, stem: str = "7x7",
        stride_in: str = "3x3",
    ) -> None:
        super().__init__(block, counts, widths, channels, stem, stride_in)
        self.fc = nn.Linear(self.maps, classes)

    @classmethod
    def of_depth(cls, depth: int, classes: int = 1000, channels: int = 3, stride_in: str = "3x3") -> ResNet:
        """ResNet-18, 34, 50, 101 or 152. Raises ValueError for another depth."""
        if depth not in DEPTHS:
            raise ValueError(f"ResNet: depth must be one of {', '.join(map(str, DEPTHS))}, got {depth}")
        block, counts = DEPTHS[depth]
        return cls(block, counts, classes=classes, channels=channels, stride_in=stride_in)

    @classmethod
    def for_small_images(cls, classes: int = 10, channels: int = 3, blocks: int = 1, width: int = 16) -> ResNet:
        """The form of section 4.2 of the paper, for images of 28 or 32 a side: 6 `blocks` + 2 layers."""
        return cls("basic", (blocks,) * 3, (width, 2 * width, 4 * width), classes, channels, stem="3x3")

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)  # (B, C, H / 32, W / 32)
        return self.fc(x.mean(dim=(2, 3)))  # (B, C) -> (B, classes)

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        if checkpoint.config.get("model_type") == "resnet":
            return hugging_face_settings(checkpoint.config)
        return {"classes": checkpoint.shapes["fc.weight"][0], **backbone_settings(checkpoint.shapes)}

    def config_of(self, layout: str) -> dict[str, Any]:
        return hugging_face_config(self) if layout == HUGGING_FACE.name else {}

    @classmethod
    def preprocessing_of(cls, checkpoint: Checkpoint) -> ImagePreprocessing | None:
        told = super().preprocessing_of(checkpoint)
        return told or ImagePreprocessing(resize=PRESETS.get(checkpoint.path.stem, 256))


def backbone_settings(shapes: dict[str, tuple[int, ...]], prefix: str = "") -> dict[str, Any]:
    """What the tensors of a checkpoint with torchvision's names say of its backbone."""
    stages = itertools.takewhile(lambda i: f"{prefix}layer{i}.0.conv1.weight" in shapes, itertools.count(1))
    counts = []
    widths = []
    for i in stages:
        blocks = itertools.takewhile(lambda j: f"{prefix}layer{i}.{j}.conv1.weight" in shapes, itertools.count())  # noqa: B023
        counts.append(len(list(blocks)))
        widths.append(shapes[f"{prefix}layer{i}.0.conv1.weight"][0])
    first = shapes[f"{prefix}conv1.weight"]
    block = "bottleneck" if f"{prefix}layer1.0.conv3.weight" in shapes else "basic"
    stem = "7x7" if first[-1] == 7 else "3x3"
    return {"block": block, "counts": counts, "widths": widths, "channels": first[1], "stem": stem}


def convolution(maps_in: int, maps_out: int, size: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """Without a bias, which the batch normalisation behind it has, and padded so that stride 1 keeps the sides."""
    padding = dilation * (size // 2)
    return nn.Conv2d(maps_in, maps_out, size, stride, padding, dilation, bias=False)


def shortcut(maps_in: int, maps_out: int, stride: int) -> nn.Sequential | None:
    """None where x can be added as it is, otherwise a 1x1 convolution with batch normalisation (option B)."""
    if stride == 1 and maps_in == maps_out:
        return None
    return nn.Sequential(convolution(maps_in, maps_out, 1, stride), nn.BatchNorm2d(maps_out))


def _check(block: str, counts: Sequence[int], widths: Sequence[int], stem: str, stride_in: str) -> None:
    words = {"block": (block, tuple(BLOCKS)), "stem": (stem, STEMS), "stride_in": (stride_in, ("1x1", "3x3"))}
    for name, (given, valid) in words.items():
        if given not in valid:
            raise ValueError(f"ResNet: {name} must be one of {', '.join(valid)}, got {given!r}")
    if not counts or len(counts) != len(widths) or min(*counts, *widths) < 1:
        raise ValueError(f"ResNet: counts and widths must be as many, each 1 or more, got {counts} and {widths}")
