"""SSD300 (L 6.3, fig. 6.1): Liu, Anguelov, Erhan, Szegedy, Reed, Fu, Berg, SSD: single shot multibox detector (2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import nn
from ..io import Checkpoint, ImagePreprocessing, Layout, Pretrained, Rule
from ..nn import functional as F
from ..tensor import Tensor, cat, from_numpy, full
from .ssd_boxes import SSD300 as PLAN
from .ssd_boxes import default_boxes
from .vgg import vgg_features

MAPS = (512, 1024, 512, 256, 256, 256)
CONV4_3, CONV5_3 = 23, 30  # how many layers of VGG-16 lie before the pooling behind each of them
# The published weights continue VGG weights that were trained on pixels less these means, not divided by a spread.
CAFFE_MEANS = (0.48235, 0.45882, 0.40784)
# A classifier's weights to start from: its convolutions up to conv5_3. Its linear layers have no place here as they are.
VGG16 = Layout("vgg16", (
    *(Rule(f"features.{i}.**", f"backbone.features.{i}.**") for i in range(CONV4_3)),
    *(Rule(f"features.{i}.**", f"backbone.extra.0.{i - CONV4_3}.**") for i in range(CONV4_3, CONV5_3)),
))


class SSD300(Pretrained):
    """Images (B, 3, 300, 300) to offsets (B, 8732, 4) and logits (B, 8732, classes), class 0 being no object.

    `boxes` are the 8732 default boxes that the offsets are relative to (models/ssd_boxes.py has `decode`).
    26,285,486 parameters with 21 classes, 35,641,826 with 91. Names are torchvision's.
    """

    layouts = (Layout("torchvision", (Rule("backbone.scale_weight", "backbone.norm.weight"),)), VGG16)

    def __init__(self, classes: int = 91) -> None:
        super().__init__()
        self.backbone = MultiScaleVGG()
        self.head = nn.ModuleDict({
            "classification_head": BoxHead(MAPS, PLAN.boxes_per_cell, classes),
            "regression_head": BoxHead(MAPS, PLAN.boxes_per_cell, 4),
        })
        self.register_buffer("boxes", from_numpy(default_boxes()), persistent=False)  # (8732, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if tuple(x.shape[-2:]) != (PLAN.image, PLAN.image):
            raise ValueError(f"SSD300: images must be 300 x 300, got {x.shape[-2]} x {x.shape[-1]}; resize them first")
        maps = self.backbone(x)
        return self.head["regression_head"](maps), self.head["classification_head"](maps)

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        outputs = checkpoint.shapes["head.classification_head.module_list.0.weight"][0]
        return {"classes": outputs // PLAN.boxes_per_cell[0]}

    @classmethod
    def preprocessing_of(cls, checkpoint: Checkpoint) -> ImagePreprocessing | None:
        told = super().preprocessing_of(checkpoint)
        return told or ImagePreprocessing((300, 300), None, mean=CAFFE_MEANS, std=(1 / 255,) * 3)


class MultiScaleVGG(nn.Module):
    """VGG-16 to conv5_3, its first two linear layers as convolutions, and four blocks more: maps at six scales."""

    def __init__(self) -> None:
        super().__init__()
        layers = list(vgg_features(16))
        layers[16].ceil_mode = True  # the third pooling rounds up: 75 -> 38
        self.features = nn.Sequential(*layers[:CONV4_3])
        self.extra = nn.ModuleList([
            nn.Sequential(*layers[CONV4_3:CONV5_3], _converted_linear_layers()),
            _block(1024, 256, 512, stride=2, padding=1),  # (B, 512, 10, 10)
            _block(512, 128, 256, stride=2, padding=1),  # (B, 256, 5, 5)
            _block(256, 128, 256, stride=1, padding=0),  # (B, 256, 3, 3)
            _block(256, 128, 256, stride=1, padding=0),  # (B, 256, 1, 1)
        ])
        for module in self.extra[0][-1].modules():
            _xavier(module)
        for block in self.extra[1:]:
            for module in block.modules():
                _xavier(module)
        self.norm = ScaledNorm(512)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.features(x)  # (B, 3, 300, 300) -> (B, 512, 38, 38)
        maps = [self.norm(x)]
        for block in self.extra:
            x = block(x)  # (B, 1024, 19, 19), then as noted above
            maps.append(x)
        return maps


class ScaledNorm(nn.Module):
    """Each position's vector brought to length 1, each map then scaled by a learned factor, 20 at first (section 3.1).

    The values of conv4_3 are much larger than those of the later maps.
    """

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(full((maps,), 20.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight[:, None, None] * F.normalize(x, dim=1)  # (B, C, H, W)


class BoxHead(nn.Module):
    """`numbers` for each default box of each position: one 3x3 convolution a map."""

    def __init__(self, maps: Sequence[int], boxes: Sequence[int], numbers: int) -> None:
        super().__init__()
        self.numbers = numbers
        self.module_list = nn.ModuleList(
            nn.Conv2d(width, count * numbers, kernel_size=3, padding=1) for width, count in zip(maps, boxes)
        )
        for module in self.module_list:
            _xavier(module)

    def forward(self, maps: list[Tensor]) -> Tensor:
        rows = []
        for layer, x in zip(self.module_list, maps):
            y = layer(x).permute(0, 2, 3, 1)  # (B, boxes * numbers, H, W) -> (B, H, W, boxes * numbers)
            rows.append(y.reshape(y.shape[0], -1, self.numbers))  # (B, H * W * boxes, numbers)
        return cat(rows, dim=1)  # (B, 8732, numbers)


def _converted_linear_layers() -> nn.Sequential:
    """fc6 and fc7 of VGG as convolutions; the dilation makes up for the pooling before, which now keeps the sides."""
    return nn.Sequential(
        nn.MaxPool2d(kernel_size=3, stride=1, padding=1),
        nn.Conv2d(512, 1024, kernel_size=3, padding=6, dilation=6), nn.ReLU(),
        nn.Conv2d(1024, 1024, kernel_size=1), nn.ReLU(),
    )


def _block(maps_in: int, width: int, maps_out: int, stride: int, padding: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(maps_in, width, kernel_size=1), nn.ReLU(),
        nn.Conv2d(width, maps_out, kernel_size=3, stride=stride, padding=padding), nn.ReLU(),
    )


def _xavier(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
