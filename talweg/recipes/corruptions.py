"""What happens to pictures that nobody has trained for, at three severities: how robust a representation is (L 6.6).

After Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations (2019), and Mu
and Gilmer, MNIST-C (2019). Lengths are parts of a picture's side, so that small and large pictures suffer alike. A picture
has values in [0, 1], float32 (C, H, W), and keeps both; what comes in from outside is black.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..data.augment import Annotated, Draws, warped
from ..data.augment.colour import grey, towards
from ..data.augment.warp import about_the_middle, shift, stretch, turn
from .degrade import jpeg

SEVERITIES = (1, 2, 3)


@dataclass(frozen=True)
class Corruption:
    """`change(picture, amount, draws)`; `amounts` are those of the severities 1, 2 and 3, `unit` says what of."""

    change: Callable[[np.ndarray, float, Draws], np.ndarray]
    amounts: tuple[float, float, float]
    unit: str

    def __call__(self, picture: np.ndarray, severity: int, draws: Draws) -> np.ndarray:
        found = self.change(picture, self.amounts[severity - 1], draws)
        return np.clip(found, 0, 1).astype(np.float32)


def noise(picture: np.ndarray, deviation: float, draws: Draws) -> np.ndarray:
    return picture + deviation * draws.normals(*picture.shape)


def salt_and_pepper(picture: np.ndarray, share: float, draws: Draws) -> np.ndarray:
    """So many pixels become black or white, in all channels."""
    chance = draws.units(1, *picture.shape[1:])
    return np.where(chance < share / 2, 0, np.where(chance > 1 - share / 2, 1, picture))


def blur(picture: np.ndarray, deviation: float, draws: Draws) -> np.ndarray:
    """A Gaussian of this deviation, a part of the shorter side; at the edges the outermost pixels go on."""
    sigma = deviation * min(picture.shape[1:])
    reach = max(1, math.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    for axis in (1, 2):
        padding = [(reach, reach) if a == axis else (0, 0) for a in range(3)]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(picture, padding, "edge"), len(weights), axis)
        picture = windows @ weights
    return picture


def contrast(picture: np.ndarray, lost: float, draws: Draws) -> np.ndarray:
    """Towards the picture's mean brightness."""
    return towards(picture, np.float32(grey(picture).mean()), 1 - lost)


def brightness(picture: np.ndarray, added: float, draws: Draws) -> np.ndarray:
    return picture + added


def rotation(picture: np.ndarray, degrees: float, draws: Draws) -> np.ndarray:
    """To either side."""
    angle = degrees if draws.happens(0.5) else -degrees
    return warped(Annotated(picture), about_the_middle(turn(angle), picture.shape[1:])).image


def translation(picture: np.ndarray, part: float, draws: Draws) -> np.ndarray:
    """By this part of the shorter side, in any direction."""
    angle = draws.between(0, 2 * math.pi)
    length = part * min(picture.shape[1:])
    return warped(Annotated(picture), shift(length * math.cos(angle), length * math.sin(angle))).image


def smaller(picture: np.ndarray, lost: float, draws: Draws) -> np.ndarray:
    """By this part, about the middle."""
    return warped(Annotated(picture), about_the_middle(stretch(1 - lost, 1 - lost), picture.shape[1:])).image


def occlusion(picture: np.ndarray, side: float, draws: Draws) -> np.ndarray:
    """A square of mid grey, wholly inside; its side is a part of the shorter one."""
    height, width = picture.shape[1:]
    size = max(1, round(side * min(height, width)))
    top, left = draws.below(height - size + 1), draws.below(width - size + 1)
    found = picture.copy()
    found[:, top:top + size, left:left + size] = 0.5
    return found


def compression(picture: np.ndarray, quality: float, draws: Draws) -> np.ndarray:
    """Written as JPEG and read again."""
    return jpeg(picture.transpose(1, 2, 0), int(quality)).transpose(2, 0, 1)


def pixelation(picture: np.ndarray, part: float, draws: Draws) -> np.ndarray:
    """Means of squares whose side is this part of the shorter one, 2 pixels or more."""
    height, width = picture.shape[1:]
    square = max(2.0, part * min(height, width))
    few = max(1, round(width / square)), max(1, round(height / square))
    planes = [Image.fromarray(plane).resize(few, Image.Resampling.BOX).resize((width, height), Image.Resampling.NEAREST)
              for plane in np.ascontiguousarray(picture, np.float32)]
    return np.stack([np.asarray(plane) for plane in planes])


CORRUPTIONS = {
    "noise": Corruption(noise, (0.15, 0.3, 0.45), "deviation of normal noise, of white"),
    "salt and pepper": Corruption(salt_and_pepper, (0.05, 0.15, 0.3), "share of pixels"),
    "blur": Corruption(blur, (0.03, 0.06, 0.09), "deviation, of the side"),
    "contrast": Corruption(contrast, (0.5, 0.75, 0.9), "share of the contrast that is lost"),
    "brightness": Corruption(brightness, (0.2, 0.4, 0.6), "added, of white"),
    "rotation": Corruption(rotation, (15, 30, 45), "degrees to either side"),
    "shift": Corruption(translation, (0.08, 0.16, 0.24), "of the side, in any direction"),
    "smaller": Corruption(smaller, (0.2, 0.35, 0.5), "of the size that is lost"),
    "occlusion": Corruption(occlusion, (0.25, 0.375, 0.5), "side of a grey square, of the picture's"),
    "jpeg": Corruption(compression, (15, 5, 1), "quality"),
    "pixelate": Corruption(pixelation, (0.08, 0.13, 0.18), "side of a square, of the picture's"),
}


def corrupted(pictures: np.ndarray, name: str, severity: int, seed: int = 0) -> np.ndarray:
    """Pictures (N, C, H, W) in [0, 1], each by random numbers of (seed, corruption, severity, its index) only.

    Raises ValueError for a corruption or a severity that there is not, and for other shapes.
    """
    if name not in CORRUPTIONS or severity not in SEVERITIES:
        raise ValueError(f"corrupted: there is no {name!r} of severity {severity!r}; there are {', '.join(CORRUPTIONS)}, each of "
                         "severity 1, 2 and 3")
    if pictures.ndim != 4 or pictures.shape[1] not in (1, 3):
        raise ValueError(f"corrupted: expected pictures (N, 1 or 3, H, W), got {list(pictures.shape)}")
    change = CORRUPTIONS[name]
    found = np.empty(pictures.shape, np.float32)
    for i, picture in enumerate(pictures):
        found[i] = change(picture.astype(np.float32), severity, Draws(seed, severity, i, purpose=f"corruption {name}"))
    return found
