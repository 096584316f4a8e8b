"""Several transforms one after the other, and a random few of many (RandAugment)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from . import warp
from .annotated import Annotated, Transform
from .colour import grey, towards
from .draws import Draws


@dataclass(frozen=True)
class Sequential:
    """One after the other, each with random numbers of its own: adding one at the end changes none before it."""

    transforms: Sequence[Transform]

    def __call__(self, sample: Annotated, draws: Draws) -> Annotated:
        for place, transform in enumerate(self.transforms):
            sample = transform(sample, draws.at(place))
        return sample


@dataclass(frozen=True)
class RandAugment:
    """`count` transforms drawn from fourteen, each of strength `magnitude` out of 30 with a random sign.

    Cubuk et al. (2020), table 1; the ranges at magnitude 30 are theirs: 30 degrees, shear of 0.3, 0.45 of the side,
    colours by a factor of 1.9. Boxes and masks follow.
    """

    count: int = 2
    magnitude: float = 9.0

    def __post_init__(self) -> None:
        if self.count < 0 or not 0 <= self.magnitude <= 30:
            raise ValueError(f"RandAugment: count must be 0 or more and magnitude between 0 and 30, got {self.count} and "
                             f"{self.magnitude}")

    def __call__(self, sample: Annotated, draws: Draws) -> Annotated:
        for _ in range(self.count):
            operation = OPERATIONS[draws.below(len(OPERATIONS))]
            sign = 1 if draws.happens(0.5) else -1
            sample = operation(sample, self.magnitude / 30, sign)
        return sample


Operation = Callable[[Annotated, float, int], Annotated]


def _moving(matrix: Callable[[float, tuple[int, int]], np.ndarray]) -> Operation:
    return lambda s, m, sign: warp.warped(s, warp.about_the_middle(matrix(m * sign, s.size), s.size))


def _pixels(change: Callable[[np.ndarray, float], np.ndarray]) -> Operation:
    return lambda s, m, sign: s.with_image(change(s.image, m * sign))


def _autocontrast(image: np.ndarray, _: float) -> np.ndarray:
    low = image.min((1, 2), keepdims=True)
    high = image.max((1, 2), keepdims=True)
    return np.where(high > low, (image - low) / np.maximum(high - low, 1e-6), image)


def _equalised(image: np.ndarray, _: float) -> np.ndarray:
    """Each value by its rank among the channel's different values' frequencies: a flat histogram."""
    found = []
    for channel in image:
        levels, place, counts = np.unique(np.round(255 * channel), return_inverse=True, return_counts=True)
        ranks = (np.cumsum(counts) - counts[0]) / max(1, channel.size - counts[0])
        found.append(channel if len(levels) < 2 else ranks[place].reshape(channel.shape))
    return np.stack(found)


def _sharpened(image: np.ndarray, m: float) -> np.ndarray:
    """Away from (m > 0) or towards a blur of 3x3 pixels."""
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="edge")
    height, width = image.shape[1:]
    windows = [padded[:, y:y + height, x:x + width] for y in range(3) for x in range(3)]
    return towards(image, (sum(windows) + 4 * image) / 13, 1 + 0.9 * m)


OPERATIONS: tuple[Operation, ...] = (
    lambda s, m, sign: s,
    _pixels(_autocontrast),
    _pixels(_equalised),
    _pixels(lambda x, m: np.where(x >= 1 - abs(m), 1 - x, x)),  # solarise
    _pixels(lambda x, m: np.round(x * (2 ** round(8 - 4 * abs(m)) - 1)) / (2 ** round(8 - 4 * abs(m)) - 1)),  # posterise
    _pixels(lambda x, m: x * (1 + 0.9 * m)),
    _pixels(lambda x, m: towards(x, np.float32(grey(x).mean()), 1 + 0.9 * m)),
    _pixels(lambda x, m: towards(x, grey(x), 1 + 0.9 * m)),
    _pixels(_sharpened),
    _moving(lambda m, _: warp.turn(30 * m)),
    _moving(lambda m, _: warp.shear(np.degrees(np.arctan(0.3 * m)))),
    _moving(lambda m, _: warp.shear(np.degrees(np.arctan(0.3 * m))).T),
    _moving(lambda m, size: warp.shift(0.45 * m * size[1], 0)),
    _moving(lambda m, size: warp.shift(0, 0.45 * m * size[0])),
)
