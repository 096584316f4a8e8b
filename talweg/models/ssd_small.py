"""A single-shot detector for small pictures (L 6.3): the heads and default boxes of SSD on a backbone of eight convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from .. import nn
from ..tensor import Tensor, from_numpy
from .ssd import BoxHead
from .ssd_boxes import BoxPlan, default_boxes

STRIDES = (4, 8, 16)
SCALES = (0.15, 0.2, 0.27, 0.36)
RATIOS = ((2,), (2,), (2,))


class SmallSSD(nn.Module):
    """Images (B, channels, side, side) to offsets (B, boxes, 4) and logits (B, boxes, classes), class 0 being no object.

    Maps of side / 4, side / 8 and side / 16 positions have four default boxes each, two square ones, a wide and a tall one:
    1,344 boxes for 64 pixels. `scales` are the boxes' sides, in parts of the image, of the three maps and of one more that
    would follow. Raises ValueError for a side that is no multiple of 16, and for scales that are not four growing numbers.
    """

    def __init__(
        self, channels: int = 1, classes: int = 11, side: int = 64, scales: Sequence[float] = SCALES, width: int = 24,
    ) -> None:
        super().__init__()
        if side < 32 or side % STRIDES[-1]:
            raise ValueError(f"SmallSSD: side must be a multiple of {STRIDES[-1]}, 32 or more, got {side}")
        if len(scales) != len(STRIDES) + 1 or not all(0 < a < b for a, b in zip(scales, scales[1:])):
            raise ValueError(f"SmallSSD: scales must be {len(STRIDES) + 1} growing positive numbers, got {list(scales)}")
        self.side = side
        self.plan = BoxPlan(side, tuple(side // s for s in STRIDES), STRIDES, tuple(scales), RATIOS)
        maps = (8 * width // 3, 4 * width, 4 * width)
        self.stem = nn.Sequential(*_convolution(channels, width, 2), *_convolution(width, 2 * width))
        self.stages = nn.ModuleList(
            nn.Sequential(*_convolution(before, after, 2), *_convolution(after, after))
            for before, after in zip((2 * width, *maps), maps)
        )
        self.offsets = BoxHead(maps, self.plan.boxes_per_cell, 4)
        self.classes = BoxHead(maps, self.plan.boxes_per_cell, classes)
        self.register_buffer("boxes", from_numpy(default_boxes(self.plan)), persistent=False)  # (boxes, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if tuple(x.shape[-2:]) != (self.side, self.side):
            found = f"{x.shape[-2]} x {x.shape[-1]}"
            raise ValueError(f"SmallSSD: images must be {self.side} x {self.side}, got {found}; resize them first")
        x = self.stem(x)  # (B, 2 width, H / 2, W / 2)
        maps = []
        for stage in self.stages:
            x = stage(x)  # (B, C, H / 4, W / 4), then half as long sides each time
            maps.append(x)
        return self.offsets(maps), self.classes(maps)


def _convolution(maps_in: int, maps_out: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(maps_in, maps_out, kernel_size=3, stride=stride, padding=1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return [convolution, nn.BatchNorm2d(maps_out), nn.ReLU()]
