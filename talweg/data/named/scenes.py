"""Scenes for detection and segmentation, drawn from real digits: one to three in a noisy picture (L 6.3, 6.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..augment import Annotated, Draws
from ..digits import COUNTS, raw_digits
from ..order import permutation
from ..splits import stratified

SIDES = (12, 16, 20)
NOISE = 0.1
INK = 0.3  # what is brighter than this belongs to the digit


@dataclass(frozen=True)
class Scenes:
    """Images with boxes (left, top, right, bottom), labels 0 ... 9 and masks; training and test digits are disjoint."""

    train: list[Annotated]
    validation: list[Annotated]
    test: list[Annotated]
    classes: list[str]


def scenes(side: int = 64, counts: tuple[int, int, int] = (1000, 200, 200), seed: int = 0) -> Scenes:
    """`counts` scenes of `side` x `side` pixels for each split. Raises ValueError for a side below 32 pixels."""
    if side < 32:
        raise ValueError(f"scenes: side must be 32 pixels or more, got {side}")
    images, labels = raw_digits()
    pools = stratified(labels, COUNTS, permutation(len(labels), seed, "digits"))
    parts = []
    for number, (pool, count) in enumerate(zip(pools, counts)):
        parts.append([scene(images[pool], labels[pool], side, Draws(seed, number, i, purpose="scenes")) for i in range(count)])
    train, validation, test = parts
    return Scenes(train, validation, test, [str(i) for i in range(10)])


def scene(images: np.ndarray, labels: np.ndarray, side: int, draws: Draws) -> Annotated:
    """One to three of the digits (N, 8, 8), values 0 to 16, at free places of a noisy picture."""
    picture = np.zeros((side, side), np.float32)
    found: list[tuple[list[int], int, np.ndarray]] = []
    for _ in range(1 + draws.below(3)):
        which = draws.below(len(images))
        size = SIDES[draws.below(len(SIDES))]
        top, left = draws.below(side - size + 1), draws.below(side - size + 1)
        window = (slice(top, top + size), slice(left, left + size))
        if picture[window].any():  # places are taken: this digit is left out, the first one never is
            continue
        digit = Image.fromarray(images[which].astype(np.float32) / 16).resize((size, size), Image.Resampling.BILINEAR)
        picture[window] = np.asarray(digit)
        mask = np.zeros((side, side), bool)
        mask[window] = np.asarray(digit) > INK
        found.append((_bounds(mask), int(labels[which]), mask))
    noisy = np.clip(picture + NOISE * draws.normals(side, side), 0, 1).astype(np.float32)
    boxes, numbers, masks = zip(*found)
    return Annotated(noisy[None], np.array(boxes, np.float32), np.array(numbers, np.int64), np.stack(masks))


def _bounds(mask: np.ndarray) -> list[int]:
    """Left, top, right, bottom of what is marked."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
