"""CLIP's ResNet-50 as image encoder (Radford et al., 2021, section 2.4): three stem convolutions, pooling that avoids
aliasing (He et al., 2019; Zhang, 2019), and attention in place of the last average."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from .. import nn
from ..nn import functional as F
from ..nn import init
from ..tensor import Tensor, cat, empty
from .blocks import Attention


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around a shortcut; a stride is an average, in the shortcut as well.

    (B, width_in, H, W) to (B, 4 width, H / stride, W / stride).
    """

    def __init__(self, width_in: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.pool = nn.AvgPool2d(stride) if stride > 1 else None
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = None
        if stride > 1 or width_in != 4 * width:
            # The published names count from -1.
            self.downsample = nn.Sequential(OrderedDict([
                ("-1", nn.AvgPool2d(stride)), ("0", nn.Conv2d(width_in, 4 * width, 1, bias=False)),
                ("1", nn.BatchNorm2d(4 * width)),
            ]))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = y if self.pool is None else self.pool(y)
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class AttentionPool(nn.Module):
    """The mean of all places asks the places and itself: (B, width, side, side) to (B, embedding)."""

    def __init__(self, side: int, width: int, heads: int, embedding: int) -> None:
        super().__init__()
        self.positions = nn.Parameter(empty(side * side + 1, width))
        self.attention = Attention(width, heads)
        self.attention.out = nn.Linear(width, embedding)
        init.normal_(self.positions, std=width**-0.5)
        for part in self.attention.children():
            init.normal_(part.weight, std=width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(2).transpose(1, 2)  # (B, C, H, W) -> (B, H W, C)
        x = cat([x.mean(1, keepdim=True), x], 1) + self.positions
        return self.attention(x[:, :1], self.attention.keys_values(x))[:, 0]


class ImageResNet(nn.Module):
    """Images (B, 3, size, size) to (B, embedding). With its defaults it is the encoder of RN50."""

    def __init__(
        self, embedding: int, size: int = 224, width: int = 64, layers: Sequence[int] = (3, 4, 6, 3),
        heads: int | None = None,
    ) -> None:
        super().__init__()
        if size % 32:
            raise ValueError(f"ImageResNet: the image's side must be a multiple of 32, got {size}")
        self.size = size
        half = width // 2
        self.conv1 = nn.Conv2d(3, half, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, half, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = nn.Conv2d(half, width, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        widths = [width, *(4 * width * 2**i for i in range(4))]
        for i, (blocks, width_in) in enumerate(zip(layers, widths)):
            stage = [Bottleneck(width_in if j == 0 else widths[i + 1], width * 2**i, 2 if i and j == 0 else 1)
                     for j in range(blocks)]
            setattr(self, f"layer{i + 1}", nn.Sequential(*stage))
        self.attnpool = AttentionPool(size // 32, widths[-1], heads or max(width // 2, 1), embedding)

    def forward(self, images: Tensor) -> Tensor:
        if tuple(images.shape[-2:]) != (self.size, self.size):
            raise ValueError(f"CLIP: expected images of {self.size} x {self.size}, got {list(images.shape)}")
        x = F.relu(self.bn1(self.conv1(images)))  # (B, width / 2, size / 2, size / 2)
        x = F.relu(self.bn2(self.conv2(x)))
        x = F.avg_pool2d(F.relu(self.bn3(self.conv3(x))), 2)  # (B, width, size / 4, size / 4)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (B, 32 width, size / 32, size / 32)
        return self.attnpool(x)
