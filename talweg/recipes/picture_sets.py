"""The pictures that recipes learn to make: read, as arrays in [0, 1], and drawn side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..data import DataLoader, Request, Splits, choose, targets_of
from ..training.report_parts import picture_source, text
from .evaluation import Answer

AT_ONCE = 256
PAGE = 255
SIDE = 48  # pixels that a picture has at least where it is drawn


@dataclass(frozen=True)
class PicturePart:
    """Pictures float32 (N, C, H, W) in [0, 1] and their classes (N,)."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Pictures:
    """The parts of a set of pictures. `fingerprint` stands for its content where it is the user's own."""

    name: str
    train: PicturePart
    validation: PicturePart
    test: PicturePart
    classes: Sequence[str]
    notes: Sequence[str]
    fingerprint: str | None

    @property
    def shape(self) -> tuple[int, int, int]:
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    def part(self, name: str) -> PicturePart:
        if name not in ("train", "validation", "test"):
            raise ValueError(f"no split is called {name!r}: choose train, validation or test")
        return getattr(self, name)


@dataclass(frozen=True)
class Shape:
    """What is kept with a run that makes pictures: (channels, height, width), and what stands for the data."""

    shape: list[int]
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"setting shape must be three sizes of 1 or more, got {self.shape}")


def load_pictures(what: str, size: int, channels: int | None, seed: int) -> Pictures:
    """The pictures of a name or a path, as squares of `size` pixels. Raises ValueError for data that are no pictures, and as
    `data.choose` does."""
    splits = choose(what, Request(size=size, channels=channels, seed=seed))
    if splits.kind not in ("drawing", "image") or len(splits.input_shape) != 3:
        raise ValueError(f"{what}: holds {splits.kind} and no pictures, which this recipe learns to make: give digits, mnist, "
                         "or a folder of images with a folder for each class")
    parts = {name: _part(splits, name) for name in ("train", "validation", "test")}
    return Pictures(what, **parts, classes=splits.classes, notes=splits.notes, fingerprint=splits.fingerprint)


def _part(splits: Splits, name: str) -> PicturePart:
    part = splits.part(name)
    rows = [batch[0].numpy() for batch in DataLoader(part, AT_ONCE)]
    images = np.concatenate(rows) * np.float32(splits.std) + np.float32(splits.mean)
    return PicturePart(np.clip(images, 0, 1).astype(np.float32), np.asarray(targets_of(part)))


def sheet(images: np.ndarray, columns: int, side: int = SIDE, gap: int = 2) -> Image.Image:
    """Pictures (N, C, H, W) in [0, 1], C being 1 or 3, in rows of `columns` on a white page, each enlarged by a whole number
    so that it has `side` pixels or more. Other values are cut off; what is not finite is drawn black."""
    count, channels, height, width = images.shape
    factor = max(1, -(-side // min(height, width)))
    bytes_ = np.round(255 * np.clip(np.nan_to_num(images, nan=0.0), 0, 1)).astype(np.uint8)
    bytes_ = bytes_.repeat(factor, 2).repeat(factor, 3)
    high, wide = height * factor, width * factor
    rows = -(-count // columns)
    page = np.full((rows * (high + gap) - gap, columns * (wide + gap) - gap, channels), PAGE, np.uint8)
    for i, picture in enumerate(bytes_):
        top, left = i // columns * (high + gap), i % columns * (wide + gap)
        page[top:top + high, left:left + wide] = picture.transpose(1, 2, 0)
    return Image.fromarray(page[..., 0] if channels == 1 else page)


def shown(images: np.ndarray, columns: int, caption: str, side: int = SIDE) -> str:
    """A sheet of pictures for a report."""
    source = picture_source(sheet(images, columns, side))
    return (f'<p class="soft">{text(caption)}</p><img alt="{text(caption)}" src="{source}" '
            'style="max-width:100%;image-rendering:pixelated">')


def drawn(images: np.ndarray, columns: int, facts: dict[str, Any], what: str) -> Answer:
    """Pictures as an answer, which can be saved as one sheet."""
    def save(path: Path) -> None:
        sheet(images, columns).save(path)

    return Answer(f"{what}; --out FILE.png keeps them as a picture", {**facts, "count": len(images)}, save)
