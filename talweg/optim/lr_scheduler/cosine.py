"""Cosine schedules (Loshchilov and Hutter 2016, SGDR): the rate falls along half a cosine."""

from __future__ import annotations

import math

from ..optimizer import Optimizer
from .base import LRScheduler


def half_cosine(start, end, progress: float):
    """From `start` at progress 0 to `end` at progress 1, flat at both ends."""
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


class CosineAnnealingLR(LRScheduler):
    """lr = eta_min + (base_lr - eta_min) (1 + cos(pi epoch / T_max)) / 2; after T_max it climbs back up.

    Walked by the ratio of successive distances to eta_min, so that other schedules can act on the same rates.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        if self._is_initial:
            return self._present()
        return [self._next(rate, base) for rate, base in zip(self._present(), self.base_lrs)]

    def _next(self, rate, base):
        height = 1 + math.cos(math.pi * self.last_epoch / self.T_max)
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # at the bottom there is no ratio
            return rate + (base - self.eta_min) * height / 2
        before = 1 + math.cos(math.pi * (self.last_epoch - 1) / self.T_max)
        return self.eta_min + (rate - self.eta_min) * height / before

    def _get_closed_form_lr(self) -> list:
        return [half_cosine(base, self.eta_min, self.last_epoch / self.T_max) for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half cosines from base_lr to eta_min, one after the other: the first of T_0 epochs, each T_mult times
    longer.

    step(epoch) may be given a fraction of an epoch.
    Raises ValueError unless T_0 is a positive int and T_mult an int of at least 1.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ):
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(f"CosineAnnealingWarmRestarts: expected positive integer T_0, but got {T_0!r}")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"CosineAnnealingWarmRestarts: expected integer T_mult >= 1, but got {T_mult!r}")
        if not isinstance(eta_min, (int, float)):
            raise ValueError(
                f"CosineAnnealingWarmRestarts: expected a number for eta_min, but got {eta_min!r}"
            )
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def _update_lr(self, epoch: float | None = None) -> None:
        position = self.last_epoch + 1 if epoch is None else epoch
        if position < 0:
            raise ValueError(f"CosineAnnealingWarmRestarts: expected non-negative epoch, but got {epoch}")
        self.last_epoch = math.floor(position)
        self.T_cur, self.T_i = self._cycle_of(position)
        self._set(self.get_lr())

    def _cycle_of(self, position: float) -> tuple[float, int]:
        """(position within its cycle, length of that cycle)."""
        length = self.T_0
        if self.T_mult == 1:
            return position % length, length
        while position >= length:
            position -= length
            length *= self.T_mult
        return position, length

    def get_lr(self) -> list:
        return [half_cosine(base, self.eta_min, self.T_cur / self.T_i) for base in self.base_lrs]
