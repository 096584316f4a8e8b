"""FCN (L 6.4): Long, Shelhamer, Darrell, Fully convolutional networks for semantic segmentation (2015).

The published form with a ResNet backbone: its last two stages keep their sides and dilate, a small convolutional head
classifies each position, and the logits are enlarged to the image.
"""

from __future__ import annotations

from typing import Any

from .. import nn
from ..io import Checkpoint, ImagePreprocessing, Layout, Pretrained
from ..nn import functional as F
from ..tensor import Tensor
from .resnet import DEPTHS, ResNetBackbone, backbone_settings


class FCN(Pretrained):
    """Images (B, 3, H, W) to logits (B, classes, H, W). 35,322,218 parameters with 21 classes and the auxiliary head.

    `depth` is 50, 101 or 152. With `auxiliary`, `both` also gives the logits of a second head on the third
    stage, whose loss is added in training with a small weight. Names are torchvision's.
    """

    layouts = (Layout("torchvision"),)

    def __init__(self, depth: int = 50, classes: int = 21, channels: int = 3, auxiliary: bool = True) -> None:
        super().__init__()
        if depth not in DEPTHS or DEPTHS[depth][0] != "bottleneck":
            raise ValueError(f"FCN: depth must be 50, 101 or 152, got {depth}")
        self.backbone = ResNetBackbone(*DEPTHS[depth], channels=channels, dilate=(False, True, True))
        self.classifier = dense_head(2048, classes)
        self.aux_classifier = dense_head(1024, classes) if auxiliary else None

    def forward(self, x: Tensor) -> Tensor:
        return _enlarged(self.classifier(self.backbone(x)), x)  # (B, 2048, H / 8, W / 8) -> (B, classes, H, W)

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the main and the auxiliary head. Raises RuntimeError for a model without the second."""
        if self.aux_classifier is None:
            raise RuntimeError("FCN.both: this model has no auxiliary head; build it with auxiliary=True")
        *_, third, last = self.backbone.stages(x)  # (B, 1024, H / 8, W / 8), (B, 2048, H / 8, W / 8)
        return _enlarged(self.classifier(last), x), _enlarged(self.aux_classifier(third), x)

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        shapes = checkpoint.shapes
        told = backbone_settings(shapes, "backbone.")
        depths = [depth for depth, (block, counts) in DEPTHS.items()
                  if (block, counts) == (told["block"], tuple(told["counts"]))]
        return {
            "depth": depths[0] if depths else 0, "classes": shapes["classifier.4.weight"][0],
            "channels": told["channels"], "auxiliary": "aux_classifier.4.weight" in shapes,
        }

    @classmethod
    def preprocessing_of(cls, checkpoint: Checkpoint) -> ImagePreprocessing | None:
        return super().preprocessing_of(checkpoint) or ImagePreprocessing(resize=520, crop=None)


def dense_head(maps: int, classes: int) -> nn.Sequential:
    """Logits of each position: 3x3 to a quarter of the maps, batch normalisation, then 1x1 to the classes."""
    return nn.Sequential(
        nn.Conv2d(maps, maps // 4, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(maps // 4), nn.ReLU(),
        nn.Dropout(0.1), nn.Conv2d(maps // 4, classes, kernel_size=1),
    )


def _enlarged(logits: Tensor, image: Tensor) -> Tensor:
    return F.interpolate(logits, size=tuple(image.shape[-2:]), mode="bilinear", align_corners=False)
