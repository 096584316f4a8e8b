"""From files to an AnnotatedSet: pictures decoded once and resized to the model's side, with what is drawn on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ..examples import PARTS, content_hash
from ..images import read_pixels
from ..partition import FRACTIONS, partition
from ..problems import BadSample, Problems
from ..sources.photographs import with_channels
from .annotated_set import AnnotatedSet, statistics
from .coco import json_files, list_coco
from .listing import Listed, Listing
from .masks import Colours, list_masked, read_mask
from .voc import list_voc, xml_files
from .yolo import has_labels, list_yolo

LEAST_SIDE = 1.0  # of a box after resizing, in pixels
FORMATS = ("COCO's annotations (.json, or a folder with annotations/*.json), Pascal VOC's (a folder of .xml and pictures), "
           "or YOLO's (a folder with images/ and labels/*.txt)")


def read_boxed(path: str | Path, side: int, channels: int | None = None, on_error: str = "stop", seed: int = 0) -> AnnotatedSet:
    """Pictures with boxes, in whichever of the three usual formats they are; sides become `side`, ratios are not kept.

    Raises FileNotFoundError, ValueError for data in none of the formats, and BadSample for the first picture or
    annotation that cannot be used, unless `on_error` is skip.
    """
    path = Path(path).expanduser()
    listing = _lister(path)(path)
    problems = Problems(on_error)
    images, kept = _decoded(listing, side, channels, problems)
    if not any(len(p.labels) for p, _ in kept):
        raise ValueError(f"{path}: not one of {len(kept)} pictures has a box: there is nothing to learn")
    boxes = [_resized(p, size, side) for p, size in kept]
    labels = [p.labels for p, _ in kept]
    fingerprint = content_hash(images, np.concatenate(boxes), np.concatenate(labels)).hex()
    return _assembled(listing, images, [p for p, _ in kept], problems, seed, fingerprint, boxes=boxes, labels=labels)


def read_masked(path: str | Path, side: int, channels: int | None = None, on_error: str = "stop", seed: int = 0) -> AnnotatedSet:
    """Pictures with masks, from a folder with images/ and masks/. Raises as `read_boxed` does."""
    path = Path(path).expanduser()
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: there is no such folder: give one with images/ and masks/ in it")
    listing = list_masked(path)
    problems = Problems(on_error)
    colours = Colours()
    drawn: list[np.ndarray] = []

    def with_mask(listed: Listed, size: tuple[int, int]) -> None:
        assert listed.mask is not None
        mask = read_mask(listed.mask)
        if mask.shape[:2] != size:
            raise ValueError(f"is {mask.shape[0]} x {mask.shape[1]} pixels, but its picture {size[0]} x {size[1]}")
        colours.note(mask)
        drawn.append(np.asarray(Image.fromarray(mask).resize((side, side), Image.Resampling.NEAREST)))

    images, kept = _decoded(listing, side, channels, problems, with_mask)
    masks = np.stack([colours.numbers(mask) for mask in drawn])
    names = listing.classes or colours.names
    if len(names) < colours.classes:
        raise ValueError(f"{path / 'classes.txt'}: names {len(names)} classes, but the masks have {colours.classes}")
    if len(names) < 2:
        raise ValueError(f"{path}: the masks have one class only: telling classes apart needs two or more")
    found = Listing(listing.root, listing.pictures, names, listing.notes, listing.bad)
    return _assembled(found, images, [p for p, _ in kept], problems, seed, content_hash(images, masks).hex(), masks=masks)


def _lister(path: Path) -> Callable[[Path], Listing]:
    """By what lies there. Raises FileNotFoundError and ValueError, saying what would be read."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder")
    if json_files(path):
        return list_coco
    if xml_files(path):
        return list_voc
    if has_labels(path):
        return list_yolo
    raise ValueError(f"{path}: holds no pictures with boxes: give {FORMATS}")


def _decoded(
    listing: Listing, side: int, channels: int | None, problems: Problems,
    also: Callable[[Listed, tuple[int, int]], None] = lambda listed, size: None,
) -> tuple[np.ndarray, list[tuple[Listed, tuple[int, int]]]]:
    """Pictures (N, C, side, side), uint8, and of each its listing and its height and width in the file."""
    for bad in listing.bad:
        problems.found(bad)
    pixels: list[np.ndarray] = []
    kept = []
    for listed in listing.pictures:
        blamed = listed.path
        try:
            picture = read_pixels(listed.path)
            size = (picture.shape[0], picture.shape[1])
            blamed = listed.where
            also(listed, size)
        except (ValueError, OSError) as error:
            problems.found(BadSample(blamed, str(error).removeprefix(f"{blamed}: ")))
            continue
        pixels.append(np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BILINEAR)))
        kept.append((listed, size))
    if not kept:
        told = "; ".join(problems.notes()) or "there are none"
        raise ValueError(f"{listing.root}: not one picture could be read: {told}")
    chosen = channels or (3 if any(p.ndim == 3 for p in pixels) else 1)
    return np.stack([with_channels(p, chosen).transpose(2, 0, 1) for p in pixels]), kept


def _resized(listed: Listed, size: tuple[int, int], side: int) -> np.ndarray:
    """Boxes in pixels of the resized picture, cut at its edges; each stays a pixel wide and high at least."""
    height, width = (1, 1) if listed.relative else size
    boxes = listed.boxes.astype(np.float64) * (side / np.array([width, height, width, height]))
    boxes[:, :2] = np.clip(boxes[:, :2], 0, side - LEAST_SIDE)
    boxes[:, 2:] = np.clip(boxes[:, 2:], boxes[:, :2] + LEAST_SIDE, side)
    return boxes.astype(np.float32)


def _assembled(
    listing: Listing, images: np.ndarray, pictures: list[Listed], problems: Problems, seed: int, fingerprint: str, **drawn,
) -> AnnotatedSet:
    parts, notes = _parts(listing, images, np.array([p.part for p in pictures]), seed)
    mean, std = statistics(images, parts[0])
    return AnnotatedSet(
        listing.root.name, images, listing.classes, parts, fingerprint, notes=listing.notes + problems.notes() + notes,
        mean=mean, std=std, **drawn,
    )


def _parts(
    listing: Listing, images: np.ndarray, fixed: np.ndarray, seed: int,
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], list[str]]:
    """The parts that the user has made, and what is missing of them by the seed; equal pictures stay together."""
    contents = [content_hash(image) for image in images]
    first = {content: i for i, content in reversed(list(enumerate(contents)))}
    groups = np.array([first[content] for content in contents])
    parts = [np.flatnonzero(fixed == p) for p in range(len(PARTS))]
    notes: list[str] = []
    try:
        if not len(parts[0]):
            first_parts, second, third = partition(np.zeros(len(images), np.int64), FRACTIONS, seed, groups)
            return (first_parts, second, third), notes
        for p in (1, 2):
            if not len(parts[p]):
                share = FRACTIONS[p]
                cut = partition(np.zeros(len(parts[0]), np.int64), (1 - share, share), seed, groups[parts[0]])
                parts[p], parts[0] = parts[0][cut[1]], parts[0][cut[0]]
                notes.append(f"no {PARTS[p]} split is given: {share:.0%} of the training pictures became one")
    except ValueError as error:
        raise ValueError(f"{listing.root}: {error}") from error
    return (parts[0], parts[1], parts[2]), notes
