"""PSPNet (L 6.4): Zhao, Shi, Qi, Wang, Jia, Pyramid scene parsing network (2017), section 3.2 and 4.

As the authors published it: three 3x3 convolutions as the stem, every 3x3 of the last two stages dilated by 2 and 4,
bilinear enlargement with aligned corners.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import nn
from ..io import Checkpoint, ImagePreprocessing, Layout, Pretrained, Rule
from ..nn import functional as F
from ..tensor import Tensor, cat
from .resnet import DEPTHS, ResNetBackbone, backbone_settings

BINS = (1, 2, 3, 6)

# The authors keep the stem in one sequence, and the backbone's stages beside it.
STEM = {0: "conv1", 1: "bn1", 3: "conv2", 4: "bn2", 6: "conv3", 7: "bn3"}
SEMSEG = Layout(
    "semseg",
    (
        *(Rule(f"layer0.{i}.**", f"backbone.{name}.**") for i, name in STEM.items()),
        *(Rule(f"layer{i}.**", f"backbone.layer{i}.**") for i in (1, 2, 3, 4)),
    ),
)


class PyramidPooling(nn.Module):
    """The maps, and beside them their means over 1, 4, 9 and 36 regions, each reduced to a quarter of the maps."""

    def __init__(self, maps: int, bins: Sequence[int] = BINS) -> None:
        super().__init__()
        reduced = maps // len(bins)
        self.features = nn.ModuleList(
            nn.Sequential(
                nn.AdaptiveAvgPool2d(side), nn.Conv2d(maps, reduced, kernel_size=1, bias=False),
                nn.BatchNorm2d(reduced), nn.ReLU(),
            )
            for side in bins
        )

    def forward(self, x: Tensor) -> Tensor:
        sides = tuple(x.shape[-2:])
        pooled = [  # (B, C / 4, bin, bin) -> (B, C / 4, H, W)
            F.interpolate(level(x), size=sides, mode="bilinear", align_corners=True) for level in self.features
        ]
        return cat([x, *pooled], dim=1)  # (B, 2 C, H, W)


class PSPNet(Pretrained):
    """Images (B, 3, H, W), with H - 1 and W - 1 multiples of 8, to logits (B, classes, H, W).

    46,716,373 parameters at depth 50 with 21 classes; the auxiliary head, on the third stage, adds 2,365,205.
    Names in the published layout are those of the authors' repository (hszhao/semseg).
    """

    layouts = (SEMSEG,)

    def __init__(self, depth: int = 50, classes: int = 21, channels: int = 3, auxiliary: bool = True) -> None:
        super().__init__()
        if depth not in DEPTHS or DEPTHS[depth][0] != "bottleneck":
            raise ValueError(f"PSPNet: depth must be 50, 101 or 152, got {depth}")
        self.backbone = ResNetBackbone(*DEPTHS[depth], channels=channels, stem="deep", dilate=(False, True, True))
        _dilate_the_first_blocks_too(self.backbone)
        self.ppm = PyramidPooling(2048)
        self.cls = _head(4096, 512, classes)
        self.aux = _head(1024, 256, classes) if auxiliary else None

    def forward(self, x: Tensor) -> Tensor:
        return _enlarged(self.cls(self.ppm(self._stages(x)[-1])), x)

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the main and the auxiliary head. Raises RuntimeError for a model without the second."""
        if self.aux is None:
            raise RuntimeError("PSPNet.both: this model has no auxiliary head; build it with auxiliary=True")
        *_, third, last = self._stages(x)  # (B, 1024, H / 8, W / 8), (B, 2048, H / 8, W / 8)
        return _enlarged(self.cls(self.ppm(last)), x), _enlarged(self.aux(third), x)

    def _stages(self, x: Tensor) -> list[Tensor]:
        height, width = x.shape[-2:]
        if (height - 1) % 8 or (width - 1) % 8:
            raise ValueError(
                f"PSPNet: height and width less 1 must be multiples of 8, so that corners stay aligned, got {height} "
                f"x {width}; take {height - (height - 1) % 8} x {width - (width - 1) % 8}"
            )
        return self.backbone.stages(x)

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        shapes = {name.removeprefix("module."): shape for name, shape in checkpoint.shapes.items()}
        told = backbone_settings({"conv1.weight": shapes["layer0.0.weight"], **shapes})
        depths = [d for d, kind in DEPTHS.items() if kind == (told["block"], tuple(told["counts"]))]
        return {
            "depth": depths[0] if depths else 0, "classes": shapes["cls.4.weight"][0],
            "channels": told["channels"], "auxiliary": "aux.4.weight" in shapes,
        }

    @classmethod
    def preprocessing_of(cls, checkpoint: Checkpoint) -> ImagePreprocessing | None:
        return super().preprocessing_of(checkpoint) or ImagePreprocessing((473, 473), None)


def _dilate_the_first_blocks_too(backbone: ResNetBackbone) -> None:
    """In this network the first block of a dilated stage has the stage's dilation, not that of the one before."""
    for stage, dilation in ((backbone.layer3, 2), (backbone.layer4, 4)):
        stage[0].conv2.dilation = stage[0].conv2.padding = (dilation, dilation)


def _head(maps: int, width: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(maps, width, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Dropout2d(0.1), nn.Conv2d(width, classes, kernel_size=1),
    )


def _enlarged(logits: Tensor, image: Tensor) -> Tensor:
    return F.interpolate(logits, size=tuple(image.shape[-2:]), mode="bilinear", align_corners=True)
