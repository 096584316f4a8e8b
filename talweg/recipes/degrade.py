"""What spoils a photograph, so that a network learns to undo it (L 6.1): noise, lost colours, lost pixels, JPEG."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..data.augment import Draws
from ..data.sources.photographs import LUMA

GRAMMAR = "noise, gray, down<2 to 8> or jpeg<quality 1 to 95>"
PART = re.compile(r"noise|gr[ae]y|down(?P<factor>[2-8])|jpeg(?P<quality>\d{1,2})")

Step = Callable[[np.ndarray, Draws], np.ndarray]


@dataclass(frozen=True)
class Degradation:
    """X~ from X: the steps of `names` one after the other, on pictures (H, W, C) with values in [0, 1], float32.

    `noise` adds normal numbers of deviation `sigma` / 255, without clipping; `gray` leaves the luminance in every channel;
    `down2` keeps the means of 2 x 2 pixels and enlarges them bicubically; `jpeg10` is a JPEG of quality 10.
    Raises ValueError for a name that is none of these.
    """

    names: tuple[str, ...]
    sigma: float = 25.0

    def __post_init__(self) -> None:
        for name in self.names:
            found = PART.fullmatch(name)
            quality = found and found["quality"]
            if found is None or (quality is not None and not 1 <= int(quality) <= 95):
                raise ValueError(f"setting degrade: {name!r} is no degradation: each is {GRAMMAR}")
        if not self.names:
            raise ValueError(f"setting degrade: needs one degradation or more: {GRAMMAR}")

    def __call__(self, picture: np.ndarray, draws: Draws) -> np.ndarray:
        for place, name in enumerate(self.names):
            picture = self._step(name)(picture, draws.at(place))
        return picture.astype(np.float32)

    @property
    def enlarges(self) -> int:
        """By how much a degraded picture was smaller, all `down` steps together."""
        factors = [int(name[4:]) for name in self.names if name.startswith("down")]
        return int(np.prod(factors)) if factors else 1

    @property
    def colours(self) -> bool:
        """Whether colours are lost and have to be found."""
        return any(name.startswith("gr") for name in self.names)

    @property
    def text(self) -> str:
        words = {"noise": f"noise of deviation {self.sigma:g}", "gray": "colours taken away", "grey": "colours taken away"}
        return ", then ".join(words.get(name) or _words(name) for name in self.names)

    def _step(self, name: str) -> Step:
        if name == "noise":
            return lambda x, draws: x + self.sigma / 255 * draws.normals(*x.shape)
        if name.startswith("gr"):
            return lambda x, _: np.repeat(luminance(x)[..., None], x.shape[2], axis=2)
        number = int(name[4:])
        return lambda x, _: enlarged(reduced(x, number), x.shape[:2]) if name.startswith("down") else jpeg(x, number)


def degradation_of(names: Sequence[str], sigma: float) -> Degradation:
    return Degradation(tuple(name.strip().lower() for name in names), sigma)


def luminance(picture: np.ndarray) -> np.ndarray:
    """(H, W, C) to (H, W)."""
    return picture @ LUMA if picture.shape[2] == 3 else picture[..., 0]


def reduced(picture: np.ndarray, factor: int) -> np.ndarray:
    """Means of factor x factor pixels; what is left over at the right and below is covered by the last ones."""
    height, width = (max(1, -(-n // factor)) for n in picture.shape[:2])
    box = (0, 0, picture.shape[1], picture.shape[0])
    return _resized(picture, (height, width), Image.Resampling.BOX, box)


def enlarged(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bicubic: the usual way to enlarge, and what a network must be better than."""
    return _resized(picture, size, Image.Resampling.BICUBIC)


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """Written as JPEG and read again."""
    pixels = np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0]).save(file, format="JPEG", quality=quality)
    return np.asarray(Image.open(file), np.float32).reshape(pixels.shape) / 255


def _resized(picture: np.ndarray, size: tuple[int, int], method: Image.Resampling, box=None) -> np.ndarray:
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(plane, np.float32)).resize(size[::-1], method, box=box))
        for plane in np.moveaxis(picture, 2, 0)
    ]
    return np.stack(planes, axis=2)


def _words(name: str) -> str:
    return f"{name[4:]} times smaller sides" if name.startswith("down") else f"JPEG of quality {name[4:]}"
