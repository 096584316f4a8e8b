"""What an annotation format says before a picture is opened: which pictures, with which boxes, in which part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..problems import BadSample
from ..sources.image_folder import is_image_name
from ..sources.walk import SPLIT_NAMES, files_below


@dataclass(frozen=True)
class Listed:
    """A picture's file, what its annotation is called in messages, and its boxes.

    `boxes` (K, 4) are left, top, right, bottom: in pixels, or in parts of the sides where `relative`. `mask` is the file of
    its mask. `part` is an index of PARTS, -1 for none.
    """

    path: Path
    where: Path
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    relative: bool = False
    mask: Path | None = None
    part: int = -1


@dataclass(frozen=True)
class Listing:
    """All of a data set. `classes` may be empty where masks alone tell them. `bad` is what cannot be used."""

    root: Path
    pictures: list[Listed]
    classes: list[str]
    notes: list[str] = field(default_factory=list)
    bad: list[BadSample] = field(default_factory=list)


def numbered(name: str, classes: list[str]) -> int:
    """The number of a class, which is added where it is new."""
    if name not in classes:
        classes.append(name)
    return classes.index(name)


def part_named(text: str) -> int:
    """The part that a file's or folder's name speaks of (instances_val2017, train.txt), -1 for none."""
    words = "".join(c if c.isalpha() else " " for c in text.lower()).split()
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), -1)


def boxes_of(rows: Sequence[Sequence[float]]) -> np.ndarray:
    """(K, 4) float32. Raises ValueError for numbers that are not finite and boxes without area, naming the box."""
    boxes = np.array(rows, np.float64).reshape(-1, 4)
    for i, box in enumerate(boxes):
        if not np.isfinite(box).all() or box[2] <= box[0] or box[3] <= box[1]:
            raise ValueError(f"box {i + 1} has no area: left, top, right, bottom are {', '.join(f'{v:g}' for v in box)}")
    return boxes.astype(np.float32)


def images_by_stem(folder: Path) -> dict[str, Path]:
    """Image files below a folder by their path without its ending: {"train/1": .../train/1.png}."""
    return {str(p.relative_to(folder).with_suffix("")): p for p in files_below(folder) if is_image_name(p)}


def inside(folder: Path, name: str) -> Path:
    """The path of a name that a file gives. Raises ValueError for one that leads out of the folder."""
    path = Path(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"the name {name!r} leads out of the folder")
    return folder / path
