"""Pairs of degraded and true squares, cut from photographs anew in every epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..data import Dataset
from ..data.augment import Draws
from ..tensor import Tensor, from_numpy
from .degrade import Degradation, enlarged


class Patches(Dataset):
    """`count` squares (C, side, side) with values in [0, 1], turned and mirrored: (degraded, true).

    Square i in epoch e is a function of (seed, e, i). Photographs (H, W, C), uint8, are chosen by their areas. A square is
    enlarged by a factor within `zoom`, log-uniform, and where that is a range its strength changes too, and its colours are
    exchanged unless it is colours that are learned.
    """

    def __init__(self, photographs: Sequence[np.ndarray], degradation: Degradation, side: int, count: int, seed: int = 0,
                 epoch: int = 0, purpose: str = "patches", zoom: Sequence[float] = (1.0, 1.0)) -> None:
        self.photographs = photographs
        self.degradation = degradation
        self.side = side
        self.count = count
        self.seed = seed
        self.epoch = epoch
        self.purpose = purpose
        self.zoom = zoom
        places = [(p.shape[0] - side + 1) * (p.shape[1] - side + 1) for p in photographs]
        self._ends = np.cumsum(places)

    def at_epoch(self, epoch: int) -> Patches:
        """The squares of that epoch. Nothing is changed, so that passes may overlap."""
        return Patches(self.photographs, self.degradation, self.side, self.count, self.seed, epoch, self.purpose, self.zoom)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        degraded, true = self.batch([index])
        return degraded[0], true[0]

    def batch(self, indices: Sequence[int]) -> list[Tensor]:
        pairs = [self._pair(int(i)) for i in indices]
        return [from_numpy(np.ascontiguousarray(np.stack(part).transpose(0, 3, 1, 2))) for part in zip(*pairs)]

    def _pair(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        draws = Draws(self.seed, self.epoch, index, purpose=self.purpose)
        true = self._cut(draws)
        return self.degradation(true, draws.at(1)), true

    def _cut(self, draws: Draws) -> np.ndarray:
        place = draws.below(int(self._ends[-1]))
        which = int(np.searchsorted(self._ends, place, side="right"))
        photograph = self.photographs[which]
        place -= int(self._ends[which - 1]) if which else 0
        top, left = divmod(place, photograph.shape[1] - self.side + 1)
        cut = self._window(photograph, top, left, draws)
        cut = np.rot90(cut, draws.below(4))
        return cut[:, ::-1] if draws.happens(0.5) else cut

    def _window(self, photograph: np.ndarray, top: int, left: int, draws: Draws) -> np.ndarray:
        """The square that begins there, or as near as it fits, with values in [0, 1]."""
        low, high = self.zoom
        if low == high == 1:
            return photograph[top:top + self.side, left:left + self.side].astype(np.float32) / 255
        factor = math.exp(draws.between(math.log(low), math.log(high)))
        side = min(max(2, round(self.side / factor)), *photograph.shape[:2])
        top, left = min(top, photograph.shape[0] - side), min(left, photograph.shape[1] - side)
        cut = enlarged(photograph[top:top + side, left:left + side].astype(np.float32) / 255, (self.side, self.side))
        strength = draws.between(0.5, 1.2)
        if not self.degradation.colours:
            cut = cut[..., np.argsort(draws.units(cut.shape[2]))]
        return np.clip(strength * cut + draws.between(0, 1 - min(strength, 1)), 0, 1)
