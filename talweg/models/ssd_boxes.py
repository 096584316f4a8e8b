"""The default boxes of SSD (L 6.3): where each output of the detector looks, and how its four numbers are read.

Liu, Anguelov, Erhan, Szegedy, Reed, Fu, Berg, SSD: single shot multibox detector (2016), section 2.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..tensor import Tensor, cat, exp, log

# A box's offsets are divided by these before they are learned: (centre, size), as in the authors' code.
VARIANCES = (0.1, 0.2)


@dataclass(frozen=True)
class BoxPlan:
    """One line a map: its grid, pixels between centres, box side (and the next map's) in parts of the image, ratios."""

    image: int
    grids: tuple[int, ...]
    steps: tuple[int, ...]
    scales: tuple[float, ...]
    ratios: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if not len(self.grids) == len(self.steps) == len(self.ratios) == len(self.scales) - 1:
            raise ValueError("BoxPlan: grids, steps and ratios must be as many, and one scale more")

    @property
    def boxes_per_cell(self) -> list[int]:
        """Two square boxes, and a wide and a tall one for each ratio."""
        return [2 + 2 * len(ratios) for ratios in self.ratios]


SSD300 = BoxPlan(
    image=300, grids=(38, 19, 10, 5, 3, 1), steps=(8, 16, 32, 64, 100, 300),
    scales=(0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05),
    ratios=((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)),
)


def default_boxes(plan: BoxPlan = SSD300) -> np.ndarray:
    """All boxes as (centre x, centre y, width, height) in parts of the image, float32 (boxes, 4); 8732 for SSD300.

    Map after map, row after row, position after position, box after box: the order of the outputs.
    """
    maps = [
        _boxes_of_map(grid, plan.image / step, _sizes(scale, following, ratios))
        for grid, step, scale, following, ratios in zip(
            plan.grids, plan.steps, plan.scales, plan.scales[1:], plan.ratios
        )
    ]
    return np.concatenate(maps).astype(np.float32)


def decode(offsets: Tensor, boxes: Tensor) -> Tensor:
    """Boxes (..., 4) as corners (left, top, right, bottom) from offsets to default boxes (boxes, 4).

    centre = c + 0.1 w t, size = w exp(0.2 t), for the default box's centre c and size w.
    """
    centres = boxes[:, :2] + VARIANCES[0] * offsets[..., :2] * boxes[:, 2:]
    sizes = boxes[:, 2:] * exp(VARIANCES[1] * offsets[..., 2:])
    return cat([centres - sizes / 2, centres + sizes / 2], dim=-1)


def encode(corners: Tensor, boxes: Tensor) -> Tensor:
    """The offsets that `decode` turns into these corners: what the regression learns."""
    centres = (corners[..., :2] + corners[..., 2:]) / 2
    sizes = corners[..., 2:] - corners[..., :2]
    shifts = (centres - boxes[:, :2]) / (VARIANCES[0] * boxes[:, 2:])
    return cat([shifts, log(sizes / boxes[:, 2:]) / VARIANCES[1]], dim=-1)


def _sizes(scale: float, following: float, ratios: Sequence[int]) -> np.ndarray:
    """(width, height) of each box of a cell; none is larger than the image."""
    sizes = [(scale, scale), (math.sqrt(scale * following),) * 2]
    for ratio in ratios:
        wide, flat = scale * math.sqrt(ratio), scale / math.sqrt(ratio)
        sizes += [(wide, flat), (flat, wide)]
    return np.clip(np.array(sizes), 0, 1)


def _boxes_of_map(grid: int, cells: float, sizes: np.ndarray) -> np.ndarray:
    centres = (np.arange(grid) + 0.5) / cells
    rows, columns, which = np.meshgrid(np.arange(grid), np.arange(grid), np.arange(len(sizes)), indexing="ij")
    boxes = [centres[columns], centres[rows], sizes[which, 0], sizes[which, 1]]
    return np.stack([part.reshape(-1) for part in boxes], axis=1)
