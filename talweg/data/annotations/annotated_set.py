"""Annotated pictures of one size, in three parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..augment import Annotated
from ..examples import PARTS, content_hash
from ..named.scenes import Scenes

STATISTICS_PICTURES = 512
IGNORED = 255  # in masks: a pixel of which nothing is said


@dataclass(frozen=True)
class AnnotatedSet:
    """`images` (N, C, H, W), uint8 or float32 in [0, 1]; `boxes` (left, top, right, bottom in pixels) with `labels` of each
    picture, or `masks` (N, H, W) uint8, class numbers or IGNORED; `parts` index arrays of training, validation and test.

    `mean` and `std` are those of the training pictures' values.
    """

    name: str
    images: np.ndarray
    classes: list[str]
    parts: tuple[np.ndarray, np.ndarray, np.ndarray]
    fingerprint: str
    boxes: Sequence[np.ndarray] | None = None
    labels: Sequence[np.ndarray] | None = None
    masks: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)
    mean: float = 0.0
    std: float = 1.0

    @property
    def channels(self) -> int:
        return self.images.shape[1]

    @property
    def side(self) -> int:
        return self.images.shape[2]

    def part(self, name: str) -> np.ndarray:
        """Indices of the split called train, validation or test. Raises ValueError for another name."""
        if name not in PARTS:
            raise ValueError(f"no split is called {name!r}: choose train, validation or test")
        return self.parts[PARTS.index(name)]

    def picture(self, i: int) -> np.ndarray:
        """(C, H, W) float32 in [0, 1]."""
        image = self.images[i]
        return image.astype(np.float32) / 255 if image.dtype == np.uint8 else image

    def sample(self, i: int) -> Annotated:
        boxes = None if self.boxes is None else self.boxes[i]
        labels = None if self.labels is None else self.labels[i]
        return Annotated(self.picture(i), boxes, labels, None if self.masks is None else self.masks[i])

    def normalised(self, picture: np.ndarray) -> np.ndarray:
        return ((picture - self.mean) / self.std).astype(np.float32)


def statistics(images: np.ndarray, train: np.ndarray) -> tuple[float, float]:
    """Mean and deviation of the training pictures' values in [0, 1]."""
    chosen = images[train[:: max(1, len(train) // STATISTICS_PICTURES)]].astype(np.float64)
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    std = float(chosen.std()) / scale
    return float(chosen.mean()) / scale, std if std > 1e-6 else 1.0


def scene_set(name: str, scenes: Scenes, masks: bool) -> AnnotatedSet:
    """The named scenes with boxes, or with masks, in which class 0 is the ground and class k + 1 the digit k."""
    samples = [*scenes.train, *scenes.validation, *scenes.test]
    images = np.stack([s.image for s in samples])
    ends = np.cumsum([len(scenes.train), len(scenes.validation), len(scenes.test)])
    first, second, third = np.split(np.arange(len(samples)), ends[:-1])
    mean, std = statistics(images, first)
    boxes, labels = [_present(s.boxes) for s in samples], [_present(s.labels) for s in samples]
    common: dict[str, Any] = {"name": name, "images": images, "parts": (first, second, third), "mean": mean, "std": std}
    if masks:
        drawn = np.stack([_flat(_present(s.masks), _present(s.labels)) for s in samples])
        return AnnotatedSet(**common, classes=["ground", *scenes.classes], masks=drawn, fingerprint=content_hash(drawn).hex())
    fingerprint = content_hash(np.concatenate(boxes), np.concatenate(labels)).hex()
    return AnnotatedSet(**common, classes=scenes.classes, boxes=boxes, labels=labels, fingerprint=fingerprint)


def _present(array: np.ndarray | None) -> np.ndarray:
    if array is None:
        raise ValueError("scene_set: a scene has neither boxes, labels nor masks")
    return array


def _flat(masks: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """One mask an object (K, H, W) to class numbers (H, W)."""
    drawn = np.zeros(masks.shape[1:], np.uint8)
    for mask, label in zip(masks, labels):
        drawn[mask] = label + 1
    return drawn
