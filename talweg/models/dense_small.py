"""Segmentation networks for small pictures (L 6.4): FCN's and PSPNet's heads on a residual backbone at half the sides."""

from __future__ import annotations

from collections.abc import Sequence

from .. import nn
from ..nn import functional as F
from ..tensor import Tensor
from .fcn import dense_head
from .pspnet import PyramidPooling
from .resnet import ResNetBackbone

WIDTHS = (12, 16, 24)


class SmallFCN(nn.Module):
    """Images (B, channels, H, W) to logits (B, classes, H, W): every position of the last maps is classified, and the logits
    are enlarged bilinearly.

    The backbone's three stages have one bottleneck block each; the second halves the sides, the third dilates instead.
    """

    def __init__(self, channels: int = 1, classes: int = 11, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.backbone = _backbone(channels, widths)
        self.classifier = dense_head(self.backbone.maps, classes)

    def forward(self, x: Tensor) -> Tensor:
        return _enlarged(self.classifier(self.backbone(x)), x)  # (B, 4 width, H / 2, W / 2) -> (B, classes, H, W)


class SmallPSPNet(nn.Module):
    """As SmallFCN, with pyramid pooling before the head: each position also sees the means over 1, 4, 9 and 36 regions."""

    def __init__(self, channels: int = 1, classes: int = 11, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.backbone = _backbone(channels, widths)
        self.ppm = PyramidPooling(self.backbone.maps)
        self.classifier = dense_head(2 * self.backbone.maps, classes)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.ppm(self.backbone(x))  # (B, 8 width, H / 2, W / 2)
        return _enlarged(self.classifier(maps), x)


def _backbone(channels: int, widths: Sequence[int]) -> ResNetBackbone:
    return ResNetBackbone("bottleneck", (1, 1, 2), widths, channels, stem="3x3", dilate=(False, True))


def _enlarged(logits: Tensor, image: Tensor) -> Tensor:
    return F.interpolate(logits, size=tuple(image.shape[-2:]), mode="bilinear", align_corners=False)
