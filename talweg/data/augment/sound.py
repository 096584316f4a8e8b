"""Sounds (samples,) and their spectrograms (bands, frames): loudness, noise, time shift, and masks (SpecAugment)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .annotated import checked_share
from .draws import Draws


@dataclass(frozen=True)
class Gain:
    """Louder or fainter by up to `decibel`."""

    decibel: float = 6.0

    def __call__(self, sound: np.ndarray, draws: Draws) -> np.ndarray:
        return (sound * 10 ** (draws.between(-self.decibel, self.decibel) / 20)).astype(np.float32)


@dataclass(frozen=True)
class Noise:
    """White noise with a signal-to-noise ratio between the two, in decibel of mean power. Silence stays silent."""

    ratio: tuple[float, float] = (10.0, 40.0)

    def __call__(self, sound: np.ndarray, draws: Draws) -> np.ndarray:
        power = np.mean(np.square(sound, dtype=np.float64)) / 10 ** (draws.between(*self.ratio) / 10)
        return (sound + np.sqrt(power) * draws.normals(len(sound))).astype(np.float32)


@dataclass(frozen=True)
class TimeShift:
    """Later or earlier by up to `most` of the length; what is uncovered is silent."""

    most: float = 0.1

    def __post_init__(self) -> None:
        checked_share("TimeShift", "most", self.most)

    def __call__(self, sound: np.ndarray, draws: Draws) -> np.ndarray:
        by = round(draws.between(-self.most, self.most) * len(sound))
        moved = np.zeros_like(sound)
        moved[max(0, by):len(sound) + min(0, by)] = sound[max(0, -by):len(sound) - max(0, by)]
        return moved


@dataclass(frozen=True)
class SpecAugment:
    """`count` masks of up to `bands` neighbouring bands and as many of up to `frames` frames of a spectrogram
    (..., bands, frames), set to its mean; the two are shares of the size (Park et al. 2019)."""

    bands: float = 0.2
    frames: float = 0.2
    count: int = 1

    def __post_init__(self) -> None:
        checked_share("SpecAugment", "bands", self.bands)
        checked_share("SpecAugment", "frames", self.frames)

    def __call__(self, picture: np.ndarray, draws: Draws) -> np.ndarray:
        masked = picture.copy()
        mean = picture.mean()
        height, width = picture.shape[-2:]
        for _ in range(self.count):
            high = draws.below(round(self.bands * height) + 1)
            top = draws.below(height - high + 1)
            masked[..., top:top + high, :] = mean
            wide = draws.below(round(self.frames * width) + 1)
            left = draws.below(width - wide + 1)
            masked[..., left:left + wide] = mean
        return masked
