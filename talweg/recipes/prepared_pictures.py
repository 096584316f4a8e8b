"""How pictures of detection and segmentation become a model's input, kept with a run so that a new one becomes it alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..data.annotations import AnnotatedSet
from ..data.sources.photographs import with_channels

IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


@dataclass(frozen=True)
class PreparedPictures:
    """Side, channels, mean and deviation of each channel, classes, and what stands for the content of the data."""

    side: int
    channels: int
    mean: list[float]
    std: list[float]
    classes: list[str]
    fingerprint: str

    def __post_init__(self) -> None:
        if self.side < 1 or self.channels not in (1, 3) or not len(self.mean) == len(self.std) == self.channels:
            raise ValueError("settings side, channels, mean and std do not go together: mean and std have a number a channel")
        if not all(s > 0 for s in self.std) or not self.classes:
            raise ValueError("setting std must be positive, and classes must not be empty")

    def readied(self, pixels: np.ndarray) -> np.ndarray:
        """A picture of any size, uint8, as (C, side, side), normalised; ratios of sides are not kept."""
        resized = np.asarray(Image.fromarray(pixels).resize((self.side, self.side), Image.Resampling.BILINEAR))
        return self.normalised(np.ascontiguousarray(with_channels(resized, self.channels).transpose(2, 0, 1), np.float32) / 255)

    def normalised(self, picture: np.ndarray) -> np.ndarray:
        """(C, H, W) with values in [0, 1]."""
        mean, std = (np.array(v, np.float32)[:, None, None] for v in (self.mean, self.std))
        return ((picture - mean) / std).astype(np.float32)


def repeated(pictures: AnnotatedSet, channels: int) -> AnnotatedSet:
    """Grey pictures for a model of colours: the same values in every channel."""
    if pictures.channels == channels:
        return pictures
    return AnnotatedSet(**{**vars(pictures), "images": np.repeat(pictures.images, channels, axis=1)})
