"""Schedules made of schedules: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, check_optimizer, set_rate
from .plateau import ReduceLROnPlateau


class _Combined(LRScheduler):
    _schedulers: list

    def _check(self, optimizer: Any, schedulers: Sequence) -> None:
        name = type(self).__name__
        check_optimizer(optimizer, name)
        for i, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise TypeError(
                    f"{name}: the scheduler at index {i} is a {type(scheduler).__name__}, without an "
                    "optimizer"
                )
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(
                    f"{name}: does not support ReduceLROnPlateau (at index {i}), whose step() takes a metric"
                )
            if scheduler.optimizer is not optimizer:
                raise ValueError(f"{name}: expects all schedulers to belong to the same optimizer; the "
                                 f"{type(scheduler).__name__} at index {i} has another")

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimiser, the parts' states among it."""
        kept = {name: value for name, value in super().state_dict().items() if name != "_schedulers"}
        return {**kept, "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what state_dict() gave."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "_schedulers"})
        for scheduler, kept in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(kept)


class SequentialLR(_Combined):
    """The first schedule until milestones[0], the second, begun anew, until milestones[1], and so on.

    Raises ValueError unless there is one milestone fewer than schedules, all of them of this optimiser.
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ):
        if not schedulers:
            raise ValueError(
                "SequentialLR: expects at least one scheduler to be chained, but got no scheduler"
            )
        self._check(optimizer, schedulers)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "SequentialLR: expects one scheduler more than milestones, but got "
                f"{len(schedulers)} schedulers and {len(milestones)} milestones"
            )
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        # Each schedule set the rates when it was made: begin again, with the first one's alone.
        for group in optimizer.param_groups:
            set_rate(group, group["initial_lr"])
        for scheduler in schedulers:
            _take_back_a_step(scheduler)
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch. Raises ValueError for a given `epoch`: the parts have no common clock."""
        if epoch is not None:
            raise ValueError("SequentialLR.step: it takes no epoch")
        self.last_epoch += 1
        current = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[current]
        if current > 0 and self._milestones[current - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


def _take_back_a_step(scheduler: LRScheduler) -> None:
    if isinstance(scheduler, _Combined):
        for part in scheduler._schedulers:
            _take_back_a_step(part)
    else:
        scheduler.last_epoch -= 1


class ChainedScheduler(_Combined):
    """All schedules at once: each step() is a step of every one, which multiplies their factors.

    Raises ValueError for no schedules, or for schedules of different optimisers.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None):
        if not schedulers:
            raise ValueError(
                "ChainedScheduler: expects at least one scheduler to be chained, but got no scheduler"
            )
        optimizer = optimizer or schedulers[0].optimizer
        self._check(optimizer, schedulers)
        self._schedulers = list(schedulers)
        self.optimizer = optimizer
        self._last_lr = self._present()

    def step(self, epoch: int | None = None) -> None:
        """A step of every schedule."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._present()
