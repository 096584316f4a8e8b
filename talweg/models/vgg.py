"""VGG (L 5.2): Simonyan, Zisserman, Very deep convolutional networks for large-scale image recognition (2014), table 1."""

from __future__ import annotations

import re
from typing import Any

from .. import nn
from ..io import Checkpoint, ImagePreprocessing, Layout, Pretrained
from ..tensor import Tensor

# How many 3x3 convolutions each of the five stages has, by the number of layers with weights: columns A, B, D, E.
STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)


class VGG(Pretrained):
    """3x3 convolutions in five stages that end in 2x2 max pooling, then three linear layers.

    Images (B, channels, H, W) of at least 32 x 32, logits (B, classes). `depth` is 11, 13, 16 or 19;
    `batch_norm` puts batch normalisation after each convolution (not in the paper). VGG-16 has 138,357,544
    parameters with 1000 classes. Names are torchvision's. Raises ValueError for another depth.
    """

    layouts = (Layout("torchvision"),)

    def __init__(
        self, depth: int = 16, batch_norm: bool = False, classes: int = 1000, channels: int = 3, hidden: int = 4096,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.features = vgg_features(depth, batch_norm, channels)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, classes),
        )
        for layer in self.classifier:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0.0, 0.01)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (B, C, H, W) -> (B, 512, H / 32, W / 32)
        x = self.avgpool(x)  # (B, 512, 7, 7)
        return self.classifier(x.flatten(1))  # (B, 25088) -> (B, classes)

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        shapes = checkpoint.shapes
        kernels = sum(len(s) == 4 for n, s in shapes.items() if re.fullmatch(r"features\.\d+\.weight", n))
        return {
            "depth": kernels + 3, "batch_norm": "features.1.running_mean" in shapes,
            "classes": shapes["classifier.6.weight"][0], "hidden": shapes["classifier.6.weight"][1],
            "channels": shapes["features.0.weight"][1],
        }

    @classmethod
    def preprocessing_of(cls, checkpoint: Checkpoint) -> ImagePreprocessing | None:
        return super().preprocessing_of(checkpoint) or ImagePreprocessing()


def vgg_features(depth: int, batch_norm: bool = False, channels: int = 3) -> nn.Sequential:
    """The convolutions: (B, channels, H, W) -> (B, 512, H / 32, W / 32)."""
    if depth not in STAGES:
        raise ValueError(f"VGG: depth must be one of {', '.join(map(str, STAGES))}, got {depth}")
    layers: list[nn.Module] = []
    for count, width in zip(STAGES[depth], WIDTHS):
        for _ in range(count):
            layers += _convolution(channels, width, batch_norm)
            channels = width
        layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
    return nn.Sequential(*layers)


def _convolution(maps_in: int, maps_out: int, batch_norm: bool) -> list[nn.Module]:
    convolution = nn.Conv2d(maps_in, maps_out, kernel_size=3, padding=1)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    nn.init.zeros_(convolution.bias)
    return [convolution, *([nn.BatchNorm2d(maps_out)] if batch_norm else []), nn.ReLU()]
