"""What things look like: brightness, contrast, colours, noise, and holes (L 6.2). Boxes and masks stay."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .annotated import Annotated, checked_share
from .draws import Draws

LUMA = np.array([0.299, 0.587, 0.114], np.float32)[:, None, None]  # ITU-R 601


@dataclass(frozen=True)
class ColourJitter:
    """Brightness, contrast and saturation multiplied by 1 - s ... 1 + s, hue turned by up to `hue` of the circle.

    Saturation and hue leave grey images as they are.
    """

    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.02

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            checked_share("ColourJitter", name, getattr(self, name))
        if not 0 <= self.hue <= 0.5:
            raise ValueError(f"ColourJitter: hue must be between 0 and 0.5 of the circle, got {self.hue}")

    def __call__(self, sample: Annotated, draws: Draws) -> Annotated:
        image = sample.image * draws.between(1 - self.brightness, 1 + self.brightness)
        image = towards(image, np.float32(grey(image).mean()), draws.between(1 - self.contrast, 1 + self.contrast))
        saturation = draws.between(1 - self.saturation, 1 + self.saturation)
        angle = 2 * math.pi * draws.between(-self.hue, self.hue)
        if len(image) == 3:
            image = turned_hue(towards(image, grey(image), saturation), angle)
        return sample.with_image(image)


def grey(image: np.ndarray) -> np.ndarray:
    """(1, H, W) of (1, H, W) or (3, H, W)."""
    return (image * LUMA).sum(0, keepdims=True) if len(image) == 3 else image.mean(0, keepdims=True)


def towards(image: np.ndarray, other: np.ndarray | np.float32, factor: float) -> np.ndarray:
    """other + factor (image - other): 1 is the image, 0 the other, above 1 away from it."""
    return other + factor * (image - other)


def turned_hue(image: np.ndarray, angle: float) -> np.ndarray:
    """Colours (3, H, W) turned about the grey axis, by Rodrigues' formula; angle in radians."""
    c, s = math.cos(angle), math.sin(angle) / math.sqrt(3)
    t = (1 - c) / 3
    matrix = np.array([[c + t, t - s, t + s], [t + s, c + t, t - s], [t - s, t + s, c + t]], np.float32)
    return np.einsum("ij,jhw->ihw", matrix, image)


@dataclass(frozen=True)
class Cutout:
    """A square hole of `side` (a share of the shorter side) at a random place (DeVries and Taylor 2017)."""

    side: float = 0.4
    fill: float = 0.0

    def __post_init__(self) -> None:
        checked_share("Cutout", "side", self.side)

    def __call__(self, sample: Annotated, draws: Draws) -> Annotated:
        height, width = sample.size
        side = round(self.side * min(height, width))
        y, x = draws.below(height) - side // 2, draws.below(width) - side // 2
        image = sample.image.copy()
        image[:, max(0, y):max(0, y + side), max(0, x):max(0, x + side)] = self.fill
        return sample.with_image(image)


@dataclass(frozen=True)
class PixelNoise:
    """Normal noise of deviation up to `most` on every value."""

    most: float = 0.05

    def __call__(self, sample: Annotated, draws: Draws) -> Annotated:
        deviation = draws.between(0, self.most)
        return sample.with_image(sample.image + deviation * draws.normals(*sample.image.shape))
