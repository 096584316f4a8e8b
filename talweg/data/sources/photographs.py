"""Photographs without labels: whole pictures of any size, to learn from by parts of them (L 6.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..examples import PARTS, content_hash
from ..images import read_pixels
from ..named.photos import photos
from ..partition import FRACTIONS, partition
from ..problems import BadSample, Problems
from .image_folder import is_image_name
from .walk import SPLIT_NAMES, files_below

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601, as Pillow's


@dataclass(frozen=True)
class Photographs:
    """uint8 pictures (H, W, C) of each part, C 1 or 3; `fingerprint` stands for the content of all."""

    train: list[np.ndarray]
    validation: list[np.ndarray]
    test: list[np.ndarray]
    fingerprint: str
    notes: list[str] = field(default_factory=list)

    def part(self, name: str) -> list[np.ndarray]:
        """The split called train, validation or test. Raises ValueError for another name."""
        if name not in PARTS:
            raise ValueError(f"no split is called {name!r}: choose train, validation or test")
        return getattr(self, name)


def named_photographs(channels: int = 3) -> Photographs:
    """china.jpg to learn from, but for its right end, which validates; flower.jpg to test on."""
    found = photos()
    china, flower = (with_channels(p, channels) for p in (found.train, found.test))
    cut = _cut(china.shape[1], FRACTIONS[0] + FRACTIONS[2])
    return Photographs([china[:, :cut]], [china[:, cut:]], [flower], content_hash(china, flower).hex())


def load_photographs(path: str | Path, channels: int = 3, least: int = 1, on_error: str = "stop", seed: int = 0) -> Photographs:
    """Those of a folder, at any depth, or one file. Folders called train, validation and test are kept as the parts.

    Without such folders the photographs are dealt to the parts by the seed, equal ones together; of one or two, each is
    cut into three strips. Raises FileNotFoundError, ValueError for a folder without images, and BadSample for a file
    that is damaged or has a side of fewer than `least` pixels, unless `on_error` is skip.
    """
    path = Path(path).expanduser()
    problems = Problems(on_error)
    pictures: list[np.ndarray] = []
    where: list[Path] = []
    for file in _image_files(path):
        found = _read(file, channels, least)
        if isinstance(found, BadSample):
            problems.found(found)
            continue
        pictures.append(found)
        where.append(file)
    if not pictures:
        raise ValueError(f"{path}: not one photograph could be read: {'; '.join(problems.notes())}")
    parts, notes = _parts(pictures, where, path, least, seed)
    train, validation, test = parts
    return Photographs(train, validation, test, content_hash(*pictures).hex(), problems.notes() + notes)


def with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """(H, W) or (H, W, 3) as uint8 (H, W, channels), channels 1 or 3."""
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], channels, axis=2)
    return np.round(pixels @ LUMA).astype(np.uint8)[..., None] if channels == 1 else pixels


def _image_files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder")
    if path.is_file():
        yield path
        return
    files = [p for p in files_below(path) if is_image_name(p)]
    if not files:
        raise ValueError(f"{path}: holds no images: give a folder of photographs (PNG, JPEG, BMP, GIF, WebP or TIFF)")
    yield from files


def _read(file: Path, channels: int, least: int) -> np.ndarray | BadSample:
    try:
        pixels = with_channels(read_pixels(file), channels)
    except (ValueError, OSError) as error:
        return BadSample(file, str(error).removeprefix(f"{file}: "))
    height, width = pixels.shape[:2]
    if min(height, width) < least:
        return BadSample(file, f"is {height} x {width} pixels, but both sides must have {least} or more")
    return pixels


def _parts(
    pictures: list[np.ndarray], where: list[Path], root: Path, least: int, seed: int,
) -> tuple[list[list[np.ndarray]], list[str]]:
    fixed = np.array([_part_of(file, root) for file in where])
    if np.any(fixed >= 0):
        return _given(pictures, fixed, root)
    if len(pictures) < len(FRACTIONS):
        return _strips(pictures, least), [f"{len(pictures)} photographs are cut into three strips each, left to right: to "
                                          "learn from, to validate and to test"]
    kinds = [content_hash(p) for p in pictures]
    groups = np.array([kinds.index(k) for k in kinds])
    try:
        chosen = partition(np.zeros(len(pictures), np.int64), FRACTIONS, seed, groups)
    except ValueError as error:
        raise ValueError(f"{root}: {error}") from error
    return [[pictures[i] for i in part] for part in chosen], []


def _part_of(file: Path, root: Path) -> int:
    """The part that the uppermost folder's name says, -1 for none."""
    inside = file.relative_to(root).parts if root.is_dir() else ()
    return SPLIT_NAMES.get(inside[0].lower(), -1) if len(inside) > 1 else -1


def _given(pictures: list[np.ndarray], fixed: np.ndarray, root: Path) -> tuple[list[list[np.ndarray]], list[str]]:
    parts = [[p for p, part in zip(pictures, fixed) if part == number] for number in range(len(PARTS))]
    empty = [name for name, part in zip(PARTS, parts) if not part]
    if empty:
        raise ValueError(f"{root}: has no photographs for {' and '.join(empty)}: give folders train, validation and test, or "
                         "none of them")
    outside = int(np.count_nonzero(fixed < 0))
    return parts, [f"left out {outside} photographs that are in none of train, validation and test"] if outside else []


def _strips(pictures: Sequence[np.ndarray], least: int) -> list[list[np.ndarray]]:
    parts: list[list[np.ndarray]] = [[], [], []]
    for picture in pictures:
        width = picture.shape[1]
        ends = [0, _cut(width, FRACTIONS[0]), _cut(width, FRACTIONS[0] + FRACTIONS[1]), width]
        for part, left, right in zip(parts, ends, ends[1:]):
            if right - left < least:
                raise ValueError(f"a photograph {width} pixels wide is too narrow to be cut into three strips of {least} or "
                                 "more: give three photographs, or wider ones")
            part.append(picture[:, left:right])
    return parts


def _cut(width: int, share: float) -> int:
    """A column at about this share of the width, on the grid of JPEG's blocks."""
    return round(width * share / 8) * 8
