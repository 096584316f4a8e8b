"""Schedules that multiply the rate: by a function of the epoch, in steps, linearly, exponentially."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, per_group


class _ByLambda(LRScheduler):
    """A schedule given by a function of the epoch, or by one for each group."""

    def __init__(self, optimizer: Optimizer, lr_lambda, last_epoch: int = -1):
        self.lr_lambdas: list[Callable] = per_group(lr_lambda, optimizer, "lr_lambda")
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """As for all schedules; of the functions only those that are objects have a state, others count as None."""
        kept = [None if isinstance(f, type(_nothing)) else dict(vars(f)) for f in self.lr_lambdas]
        return {**super().state_dict(), "lr_lambdas": kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what state_dict() gave."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "lr_lambdas"})
        for function, kept in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if kept is not None:
                vars(function).update(kept)


def _nothing() -> None:
    """Only its type is used."""


class LambdaLR(_ByLambda):
    """lr = base_lr f(epoch)."""

    def get_lr(self) -> list:
        return [base * factor(self.last_epoch) for base, factor in zip(self.base_lrs, self.lr_lambdas)]


class MultiplicativeLR(_ByLambda):
    """lr <- lr f(epoch) at each epoch after the first."""

    def get_lr(self) -> list:
        present = self._present()
        if self._is_initial:
            return present
        return [rate * factor(self.last_epoch) for rate, factor in zip(present, self.lr_lambdas)]


class _Factor(LRScheduler):
    """A schedule lr = base_lr total(epoch), walked by ratios so that several can act on one optimiser."""

    # Whether a schedule resumed from last_epoch leaves the rate as it finds it until its first step (as in
    # PyTorch).
    _holds_when_resumed = True

    def total(self, epoch: int) -> float:
        """The rate at `epoch` as a multiple of the rate it started from."""
        raise NotImplementedError

    def ratio(self, epoch: int) -> float:
        """total(epoch) / total(epoch - 1), for epoch > 0."""
        raise NotImplementedError

    def get_lr(self) -> list:
        if self.last_epoch == 0:
            factor = self.total(0)
        elif self._is_initial and self._holds_when_resumed:
            factor = 1.0
        else:
            factor = self.ratio(self.last_epoch)
        return [rate * factor for rate in self._present()]

    def _get_closed_form_lr(self) -> list:
        return [base * self.total(self.last_epoch) for base in self.base_lrs]


class StepLR(_Factor):
    """lr <- lr gamma every `step_size` epochs."""

    _holds_when_resumed = False

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def total(self, epoch: int) -> float:
        return self.gamma ** (epoch // self.step_size)

    def ratio(self, epoch: int) -> float:
        return 1.0 if epoch % self.step_size else self.gamma


class MultiStepLR(_Factor):
    """lr <- lr gamma at each of the epochs in `milestones`; one that is named twice counts twice."""

    _holds_when_resumed = False

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ):
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def total(self, epoch: int) -> float:
        return self.gamma ** bisect_right(sorted(self.milestones.elements()), epoch)

    def ratio(self, epoch: int) -> float:
        return self.gamma ** self.milestones[epoch]


class ConstantLR(_Factor):
    """lr = base_lr factor until epoch `total_iters`, base_lr from then on. Raises ValueError unless 0 <=
    factor <= 1.
    """

    _holds_when_resumed = False

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ):
        if not 0 <= factor <= 1.0:
            raise ValueError(
                f"ConstantLR: the multiplicative factor is expected to be between 0 and 1, got {factor}"
            )
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def total(self, epoch: int) -> float:
        return self.factor if epoch == 0 or epoch < self.total_iters else 1.0

    def ratio(self, epoch: int) -> float:
        return 1.0 / self.factor if epoch == self.total_iters else 1.0


class LinearLR(_Factor):
    """lr = base_lr times a factor that goes from `start_factor` to `end_factor` in `total_iters` epochs: a
    warm-up.

    Raises ValueError unless 0 < start_factor <= 1 and 0 <= end_factor <= 1.
    """

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0,
        total_iters: int = 5, last_epoch: int = -1,
    ):
        if not 0 < start_factor <= 1.0:
            raise ValueError(
                f"LinearLR: the start factor must be greater than 0 and at most 1, got {start_factor}"
            )
        if not 0 <= end_factor <= 1.0:
            raise ValueError(f"LinearLR: the end factor must be between 0 and 1, got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def total(self, epoch: int) -> float:
        if epoch >= self.total_iters:
            return self.end_factor if self.total_iters else self.start_factor
        return self.start_factor + (self.end_factor - self.start_factor) * epoch / self.total_iters

    def ratio(self, epoch: int) -> float:
        return 1.0 if epoch > self.total_iters else self.total(epoch) / self.total(epoch - 1)


class ExponentialLR(_Factor):
    """lr = base_lr gamma^epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def total(self, epoch: int) -> float:
        return self.gamma**epoch

    def ratio(self, epoch: int) -> float:
        return self.gamma


class PolynomialLR(_Factor):
    """lr = base_lr (1 - epoch / total_iters)^power, and 0 from epoch `total_iters` on."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1):
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def total(self, epoch: int) -> float:
        return (1.0 - min(epoch, self.total_iters) / self.total_iters) ** self.power

    def ratio(self, epoch: int) -> float:
        return 1.0 if epoch > self.total_iters else self.total(epoch) / self.total(epoch - 1)
