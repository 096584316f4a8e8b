"""A dataset whose samples are changed a little each time they are seen."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...tensor import Tensor, from_numpy
from ..arrays import targets_of
from ..collate import default_collate
from ..dataset import Dataset
from .annotated import Annotated, Transform
from .colour import ColourJitter, Cutout, PixelNoise
from .draws import Draws
from .geometry import Mirror, ResizedCrop, Rotate, Scale, Shift
from .policy import RandAugment, Sequential

NAMED: dict[str, Callable[..., Transform]] = {
    "shift": Shift, "scale": Scale, "rotate": Rotate, "mirror": Mirror, "crop": ResizedCrop, "colour": ColourJitter,
    "cutout": Cutout, "noise": PixelNoise, "randaugment": RandAugment,
}


def transforms_of(names: Sequence[str]) -> Sequential:
    """The transforms of these names, with their defaults. Raises ValueError, with the nearest name."""
    for name in names:
        if name not in NAMED:
            near = difflib.get_close_matches(name, NAMED, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(NAMED)}"
            raise ValueError(f"no augmentation is called {name!r}: {hint}")
    return Sequential([NAMED[name]() for name in names])


class Augmented(Dataset):
    """Images (C, H, W) of `dataset` changed by `transform`; sample i in epoch e by random numbers of (seed, e, i) only.

    The images were normalised by `mean` and `std`, which is undone before and done again after. The loader asks for
    an epoch's view by `at_epoch`.
    """

    def __init__(self, dataset: Dataset, transform: Transform, seed: int = 0, mean: float = 0.0, std: float = 1.0,
                 epoch: int = 0) -> None:
        self.dataset = dataset
        self.transform = transform
        self.seed = seed
        self.mean = mean
        self.std = std
        self.epoch = epoch

    def at_epoch(self, epoch: int) -> Augmented:
        """The same samples as that epoch sees them. Nothing is changed, so that passes may overlap."""
        return Augmented(self.dataset, self.transform, self.seed, self.mean, self.std, epoch)

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        image, target = self.dataset[index]
        return from_numpy(self._changed(image.numpy(), index % len(self))), target

    def batch(self, indices: Sequence[int]) -> list[Tensor]:
        if not hasattr(self.dataset, "batch"):
            return default_collate([self[i] for i in indices])
        images, targets = self.dataset.batch(indices)
        changed = [self._changed(image, i) for image, i in zip(images.numpy(), indices)]
        return [from_numpy(np.stack(changed)), targets]

    def _changed(self, image: np.ndarray, index: int) -> np.ndarray:
        sample = Annotated((image * self.std + self.mean).astype(np.float32))
        found = self.transform(sample, Draws(self.seed, self.epoch, int(index))).image
        return ((found - self.mean) / self.std).astype(np.float32)

    @property
    def targets(self) -> np.ndarray:
        return targets_of(self.dataset)
