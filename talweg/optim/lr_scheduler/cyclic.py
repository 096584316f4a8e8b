"""The cyclic schedule: rates that go up and down between two bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, check_optimizer, per_group, set_rate

MODES = ("triangular", "triangular2", "exp_range")


class CyclicLR(LRScheduler):
    """From base_lr to max_lr in `step_size_up` steps and back in `step_size_down` (None: as many), again and again.

    The height of a cycle is scaled: by 1 ("triangular"), by 1/2 a cycle ("triangular2"), by gamma a step ("exp_range"), or by
    `scale_fn` of the cycle's or the step's number (`scale_mode` "cycle", "iterations"). `cycle_momentum` moves momentum, or
    Adam's beta1, the other way between max_momentum and base_momentum. Raises ValueError for another mode and for an optimiser
    without momentum. Source: Smith 2017, Cyclical learning rates.
    """

    def __init__(
        self, optimizer: Optimizer, base_lr: float | list[float], max_lr: float | list[float], step_size_up: int = 2000,
        step_size_down: int | None = None, mode: str = "triangular", gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle", cycle_momentum: bool = True,
        base_momentum: float = 0.8, max_momentum: float = 0.9, last_epoch: int = -1,
    ):
        check_optimizer(optimizer, "CyclicLR")
        if mode not in MODES and scale_fn is None:
            raise ValueError(f"CyclicLR: mode is invalid and scale_fn is None: {mode!r} is not one of {MODES}")
        lows = per_group(base_lr, optimizer, "base_lr")
        if last_epoch == -1:
            for group, low in zip(optimizer.param_groups, lows):
                set_rate(group, low)
        self.max_lrs = per_group(max_lr, optimizer, "max_lr")
        down = step_size_up if step_size_down is None else step_size_down
        self.total_size = float(step_size_up) + float(down)
        self.step_ratio = step_size_up / self.total_size
        self.mode, self.gamma = mode, gamma
        self.scale_fn = scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._start_momentum(optimizer, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = lows

    def _start_momentum(self, optimizer: Optimizer, base: Any, most: Any, last_epoch: int) -> None:
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError("CyclicLR: optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        self.use_beta1 = "betas" in optimizer.defaults
        for group, low, high in zip(optimizer.param_groups, per_group(base, optimizer, "base_momentum"),
                                    per_group(most, optimizer, "max_momentum")):
            if last_epoch == -1:
                group.update(max_momentum=high, base_momentum=low)
                self._set_momentum(group, high)

    def _set_momentum(self, group: dict[str, Any], momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum

    def _scale(self, cycle: float) -> float:
        number = cycle if self.scale_mode == "cycle" else self.last_epoch
        if self.scale_fn is not None:
            return self.scale_fn(number)
        return {"triangular": 1.0, "triangular2": 0.5 ** (number - 1), "exp_range": self.gamma**number}[self.mode]

    def get_lr(self) -> list:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        place = 1 + self.last_epoch / self.total_size - cycle
        height = place / self.step_ratio if place <= self.step_ratio else (place - 1) / (self.step_ratio - 1)
        height *= self._scale(cycle)
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                self._set_momentum(group, group["max_momentum"] - (group["max_momentum"] - group["base_momentum"]) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs)]
