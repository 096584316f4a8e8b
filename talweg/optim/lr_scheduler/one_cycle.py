"""The one-cycle schedule: up to a large rate and down to almost nothing, momentum the other way."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..optimizer import Optimizer
from .base import LRScheduler, check_optimizer, per_group
from .cosine import half_cosine


class Phase(NamedTuple):
    """Up to which step it lasts, and the group settings between which rate and momentum move."""

    end: float
    lr: tuple[str, str]
    momentum: tuple[str, str]


class OneCycleLR(LRScheduler):
    """From max_lr / div_factor up to max_lr in the first `pct_start` of the steps, then down to
    max_lr / (div_factor final_div_factor), along half cosines or, with `anneal_strategy` "linear", lines.

    With `three_phase` the way down goes to the starting rate in as many steps as the way up, then to the end.
    `cycle_momentum` moves momentum, or Adam's beta1, from max_momentum to base_momentum and back. The length
    is `total_steps`, or epochs steps_per_epoch; stepping past it raises ValueError, as do bad settings.
    Source: Smith and Topin 2017, Super-convergence.
    """

    def __init__(
        self, optimizer: Optimizer, max_lr: float | list[float], total_steps: int | None = None,
        epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
        anneal_strategy: str = "cos", cycle_momentum: bool = True, base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95, div_factor: float = 25.0, final_div_factor: float = 1e4,
        three_phase: bool = False, last_epoch: int = -1,
    ):
        check_optimizer(optimizer, "OneCycleLR")
        self.total_steps = _length(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: expected float between 0 and 1 pct_start, but got {pct_start!r}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"OneCycleLR: anneal_strategy must be one of 'cos' or 'linear', got {anneal_strategy!r}"
            )
        self.pct_start = pct_start
        self.three_phase = three_phase
        self._anneal_func_type = anneal_strategy
        self.cycle_momentum = cycle_momentum
        self.use_beta1 = "betas" in optimizer.defaults
        if cycle_momentum and not self.use_beta1 and "momentum" not in optimizer.defaults:
            raise ValueError(
                "OneCycleLR: optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
            )
        peaks = per_group(max_lr, optimizer, "max_lr")
        low, high = (per_group(m, optimizer, "momentum") for m in (base_momentum, max_momentum))
        if last_epoch == -1:
            for group, peak, base, most in zip(optimizer.param_groups, peaks, low, high):
                start = peak / div_factor
                group.update(initial_lr=start, max_lr=peak, min_lr=start / final_div_factor)
                if cycle_momentum:
                    group.update(base_momentum=base, max_momentum=most)
        super().__init__(optimizer, last_epoch)

    def _phases(self) -> list[Phase]:
        rise = self.pct_start * self.total_steps - 1
        end = self.total_steps - 1
        up = Phase(rise, ("initial_lr", "max_lr"), ("max_momentum", "base_momentum"))
        if not self.three_phase:
            return [up, Phase(end, ("max_lr", "min_lr"), ("base_momentum", "max_momentum"))]
        return [
            up,
            Phase(2 * rise, ("max_lr", "initial_lr"), ("base_momentum", "max_momentum")),
            Phase(end, ("initial_lr", "min_lr"), ("max_momentum", "max_momentum")),
        ]

    def _place(self) -> tuple[Phase, float]:
        """The phase of the present step, and how much of it has passed (0 to 1)."""
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"OneCycleLR: step {step} was asked for, but total_steps is {self.total_steps}")
        phases = self._phases()
        current = next((i for i, phase in enumerate(phases) if step <= phase.end), len(phases) - 1)
        start = phases[current - 1].end if current else 0.0
        return phases[current], (step - start) / (phases[current].end - start)

    def get_lr(self) -> list:
        phase, progress = self._place()
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                self._set_momentum(group, self._between(group, phase.momentum, progress))
        return [self._between(group, phase.lr, progress) for group in self.optimizer.param_groups]

    def _between(self, group: dict[str, Any], names: tuple[str, str], progress: float):
        start, end = (group[name] for name in names)
        if self._anneal_func_type == "cos":
            return half_cosine(start, end, progress)
        return start + (end - start) * progress

    def _set_momentum(self, group: dict[str, Any], momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


def _length(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    if total_steps is None and (epochs is None or steps_per_epoch is None):
        raise ValueError("OneCycleLR: you must define either total_steps OR (epochs AND steps_per_epoch)")
    given = {"total_steps": total_steps}
    if total_steps is None:
        given = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    length = 1
    for name, value in given.items():
        if not isinstance(value, int) or value <= 0:
            raise ValueError(f"OneCycleLR: expected positive integer {name}, but got {value!r}")
        length *= value
    return length
