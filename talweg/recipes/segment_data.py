"""Pictures with masks as segmentation learns from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..data import Dataset
from ..data.annotations import AnnotatedSet
from ..data.augment import Draws, Transform
from ..tensor import Tensor, from_numpy
from .prepared_pictures import PreparedPictures


class Masked(Dataset):
    """Picture i of `indices`: (image (C, H, W), class numbers (H, W) int64), changed by `transform` if there is one, in epoch e
    by random numbers of (seed, e, i) only."""

    def __init__(self, pictures: AnnotatedSet, indices: np.ndarray, prepared: PreparedPictures,
                 transform: Transform | None = None, seed: int = 0, epoch: int = 0) -> None:
        self.pictures = pictures
        self.indices = indices
        self.prepared = prepared
        self.transform = transform
        self.seed = seed
        self.epoch = epoch

    def at_epoch(self, epoch: int) -> Masked:
        """The same pictures as that epoch sees them. Nothing is changed, so that passes may overlap."""
        return Masked(self.pictures, self.indices, self.prepared, self.transform, self.seed, epoch)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        images, masks = self.batch([index])
        return images[0], masks[0]

    def batch(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        samples = [self._sample(int(i)) for i in indices]
        images = np.stack([self.prepared.normalised(image) for image, _ in samples])
        return from_numpy(images), from_numpy(np.stack([mask for _, mask in samples]).astype(np.int64))

    def _sample(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        sample = self.pictures.sample(int(self.indices[index]))
        if self.transform is not None:
            sample = self.transform(sample, Draws(self.seed, self.epoch, index))
        assert sample.masks is not None
        return sample.image, sample.masks
