"""How the inputs of a run were prepared, kept with it so that a new input can be prepared alike."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data import Splits, fitted, light_on_dark, read_grey, read_pixels, squared

KINDS = ("drawing", "image", "sound", "numbers")


@dataclass(frozen=True)
class Prepared:
    """Shape of one input (channels, height, width for images), mean, std, classes, the scanned side, what an input is
    (one of KINDS), and what stands for the content of the data."""

    shape: list[int]
    mean: float
    std: float
    classes: list[str]
    native_size: int | None = None
    kind: str = "drawing"
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"setting kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if not self.shape or min(self.shape) < 1 or (self.kind != "numbers" and len(self.shape) != 3):
            raise ValueError(f"setting shape must be three sizes of 1 or more, got {self.shape}")
        if not self.std > 0 or not self.classes:
            raise ValueError("setting std must be positive, and classes must not be empty")


def pixels_of(image: str | Path, prepared: Prepared) -> np.ndarray:
    """An image file as the model's input, float32 (C, H, W).

    A drawing becomes light ink on a dark page. Raises as `read_grey` and `read_pixels` do, and ValueError for a
    blank drawing and for a model whose inputs are no images.
    """
    if prepared.kind not in ("drawing", "image"):
        raise ValueError(f"{image}: this run was not trained on images but on {prepared.kind}, so it cannot say what an "
                         "image shows")
    values = _drawing(image, prepared) if prepared.kind == "drawing" else _picture(image, prepared)
    return ((values - prepared.mean) / prepared.std).astype(np.float32)


def _drawing(image: str | Path, prepared: Prepared) -> np.ndarray:
    try:
        drawing = light_on_dark(read_grey(image))
    except ValueError as error:
        message = str(error)
        raise ValueError(message if message.startswith(str(image)) else f"{image}: {message}") from error
    return fitted(drawing, prepared.shape[-1], prepared.native_size)[None]


def _picture(image: str | Path, prepared: Prepared) -> np.ndarray:
    pixels = squared(read_pixels(image), prepared.shape[-1])
    if pixels.ndim == 2:
        return np.repeat(pixels[None], prepared.shape[0], axis=0) / 255
    colours = pixels.transpose(2, 0, 1)
    if prepared.shape[0] == 1:
        colours = np.round(np.tensordot([0.299, 0.587, 0.114], colours, 1))[None]
    return colours / 255


class Pictures:
    """The images of a dataset as pictures (H, W) or (H, W, 3), read when one is looked at."""

    def __init__(self, dataset) -> None:
        self.dataset = dataset

    def __getitem__(self, i: int) -> np.ndarray:
        image = self.dataset[i][0].numpy()
        return image.transpose(1, 2, 0) if len(image) == 3 else image[0]


def pictures_of(splits: Splits) -> Pictures | None:
    """What the report shows of the test samples, None where they are no images."""
    return None if splits.kind == "numbers" else Pictures(splits.test)
