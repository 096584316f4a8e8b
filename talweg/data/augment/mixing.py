"""Mixing the samples of a batch with each other: mixup and CutMix. Targets become shares of classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...tensor import Tensor, from_numpy
from ..loader import DataLoader
from .draws import Draws

Mix = Callable[[np.ndarray, np.ndarray, Draws, float], tuple[np.ndarray, np.ndarray]]


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Labels (N,) as shares (N, classes), float32."""
    return np.eye(classes, dtype=np.float32)[labels]


def mixup(inputs: np.ndarray, shares: np.ndarray, draws: Draws, alpha: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """l x_i + (1 - l) x_j, and the same of the targets' shares (N, C), with one l of Beta(alpha, alpha) for the batch
    and a random partner j for each i (Zhang et al. 2018). Raises ValueError for alpha <= 0."""
    _check("mixup", inputs, shares, alpha)
    weight = draws.beta(alpha)
    partner = _partners(len(inputs), draws)
    return _blend(inputs, inputs[partner], weight), _blend(shares, shares[partner], weight)


def cutmix(inputs: np.ndarray, shares: np.ndarray, draws: Draws, alpha: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A window of each image (N, C, H, W) taken from its partner; shares by area (Yun et al. 2019).

    Raises ValueError for inputs that are no images and alpha <= 0.
    """
    _check("cutmix", inputs, shares, alpha)
    if inputs.ndim != 4:
        raise ValueError(f"cutmix: inputs must be images (N, C, H, W), got {list(inputs.shape)}")
    partner = _partners(len(inputs), draws)
    height, width = inputs.shape[2:]
    side = np.sqrt(1 - draws.beta(alpha))
    y, x = draws.between(0, height), draws.between(0, width)
    top, bottom = np.clip(np.round([y - side * height / 2, y + side * height / 2]), 0, height).astype(int)
    left, right = np.clip(np.round([x - side * width / 2, x + side * width / 2]), 0, width).astype(int)
    mixed = inputs.copy()
    mixed[:, :, top:bottom, left:right] = inputs[partner][:, :, top:bottom, left:right]
    kept = 1 - (bottom - top) * (right - left) / (height * width)
    return mixed, _blend(shares, shares[partner], kept)


class MixedBatches:
    """The batches (inputs, labels) of a loader, mixed by `mix` (mixup or cutmix): targets become shares (N, classes).

    Batch b of epoch e is mixed by random numbers of (seed, e, b) only, so that a resumed run mixes as it would have.
    Raises ValueError for alpha <= 0.
    """

    def __init__(self, loader: DataLoader, mix: Mix, classes: int, alpha: float, seed: int = 0) -> None:
        if not alpha > 0:
            raise ValueError(f"MixedBatches: alpha must be positive, got {alpha}")
        self.loader = loader
        self.mix = mix
        self.classes = classes
        self.alpha = alpha
        self.seed = seed
        self._epoch = 0

    @property
    def dataset(self) -> Any:
        return self.loader.dataset

    def __len__(self) -> int:
        return len(self.loader)

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch
        self.loader.set_epoch(epoch)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self.batches()

    def batches(self, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """A pass from batch `start` on."""
        self._epoch += 1
        numbered = enumerate(self.loader.batches(start), start)
        return (self._mixed(batch, self._epoch - 1, number) for number, batch in numbered)

    def _mixed(self, batch: tuple[Tensor, Tensor], epoch: int, number: int) -> tuple[Tensor, Tensor]:
        inputs, labels = batch
        draws = Draws(self.seed, epoch, number, purpose="mixing")
        mixed, shares = self.mix(inputs.numpy(), one_hot(labels.numpy(), self.classes), draws, self.alpha)
        return from_numpy(mixed), from_numpy(shares)


def _partners(count: int, draws: Draws) -> np.ndarray:
    return np.argsort(draws.units(count), kind="stable")


def _blend(first: np.ndarray, second: np.ndarray, weight: float) -> np.ndarray:
    return (first * np.float32(weight) + second * np.float32(1 - weight)).astype(first.dtype)


def _check(call: str, inputs: np.ndarray, shares: np.ndarray, alpha: float) -> None:
    if not alpha > 0:
        raise ValueError(f"{call}: alpha must be positive, got {alpha}")
    if inputs.dtype.kind != "f" or shares.ndim != 2 or len(shares) != len(inputs):
        raise ValueError(f"{call}: expected float inputs (N, ...) and shares of classes (N, C), as one_hot gives them; got "
                         f"{inputs.dtype} {list(inputs.shape)} and {list(shares.shape)}")
