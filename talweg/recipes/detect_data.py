"""Pictures with boxes as SSD learns from them: an image, and for each default box what it should answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..data import Dataset
from ..data.annotations import AnnotatedSet
from ..data.augment import Annotated, Draws, Transform
from ..models.ssd_training import targets_of
from ..tensor import Tensor, from_numpy
from .prepared_pictures import PreparedPictures

FEWEST = 0.05  # the least default box, in parts of the picture


class Boxed(Dataset):
    """Picture i of `indices`: (image (C, H, W), (offsets (boxes, 4), classes (boxes,))), changed by `transform` if there is one;
    in epoch e by random numbers of (seed, e, i) only."""

    def __init__(self, pictures: AnnotatedSet, indices: np.ndarray, prepared: PreparedPictures, boxes: np.ndarray,
                 transform: Transform | None = None, seed: int = 0, epoch: int = 0) -> None:
        self.pictures = pictures
        self.indices = indices
        self.boxes = boxes
        self.prepared = prepared
        self.transform = transform
        self.seed = seed
        self.epoch = epoch
        self._known: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def at_epoch(self, epoch: int) -> Boxed:
        """The same pictures as that epoch sees them. Nothing is changed, so that passes may overlap."""
        if self.transform is None:
            return self
        found = object.__new__(Boxed)
        found.__dict__ |= self.__dict__ | {"epoch": epoch}
        return found

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        images, (offsets, classes) = self.batch([index])
        return images[0], (offsets[0], classes[0])

    def batch(self, indices: Sequence[int]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        images, offsets, classes = (np.stack(part) for part in zip(*map(self._learned_from, indices)))
        return from_numpy(images), (from_numpy(offsets), from_numpy(classes))

    def _learned_from(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        sample = self.pictures.sample(int(self.indices[index]))
        if self.transform is not None:
            return self._made(self.transform(sample, Draws(self.seed, self.epoch, int(index))))
        if index not in self._known:
            self._known[index] = self._made(sample)
        return self._known[index]

    def _made(self, sample: Annotated) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        assert sample.boxes is not None
        assert sample.labels is not None
        height, width = sample.size
        objects = sample.boxes / np.array([width, height, width, height], np.float32)
        return self.prepared.normalised(sample.image), *targets_of(objects, sample.labels, self.boxes)


def fitting_scales(boxes: Sequence[np.ndarray], side: int) -> list[float]:
    """Four sides of default boxes, in equal ratios, that span those of the objects but for the smallest and largest tenth.

    `boxes` are (K, 4) in pixels, an array a picture; sides are the square roots of areas, in parts of the picture.
    """
    every = np.concatenate(boxes)
    sizes = np.sqrt((every[:, 2] - every[:, 0]) * (every[:, 3] - every[:, 1])) / side
    low, high = np.quantile(sizes, [0.1, 0.9])
    low = min(max(float(low), FEWEST), 0.5)
    high = min(max(float(high), 1.6 * low), 0.95)
    ratio = (high / low) ** (1 / 2)
    return [round(low * ratio**i, 4) for i in range(4)]
