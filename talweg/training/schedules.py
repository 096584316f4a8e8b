"""Learning-rate schedules: the factor on the base rate as a function of progress, from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..optim import Optimizer
from .state import TrainingState

Schedule = Callable[[float], float]


def constant(progress: float) -> float:
    """1 throughout."""
    return 1.0


def cosine(progress: float) -> float:
    """(1 + cos(pi t)) / 2: from 1 to 0. Source: Loshchilov and Hutter (2017), without restarts."""
    return 0.5 * (1 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))


def linear(progress: float) -> float:
    """1 - t."""
    return 1 - min(max(progress, 0.0), 1.0)


def step(progress: float) -> float:
    """1 in the first third of the run, 0.1 in the second, 0.01 in the last: StepLR with gamma 0.1."""
    return 0.1 ** min(2, math.floor(3 * max(progress, 0.0) + 1e-9))


def one_cycle(progress: float) -> float:
    """From 1/25 up to 1 in the first 30 % of the run, then down to 4e-6, along half cosines. Source: Smith and Topin 2017."""
    t = min(max(progress, 0.0), 1.0)
    if t < 0.3:
        return _between(1 / 25, 1.0, t / 0.3)
    return _between(1.0, 1 / 25e4, (t - 0.3) / 0.7)


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))


@dataclass(frozen=True)
class Plateau:
    """A factor that falls to a tenth whenever the validation loss has not become 0.01 % better for more than `patience` epochs.

    It is a function of the epochs so far, so a resumed run needs no state for it. Equal to ReduceLROnPlateau's.
    """

    patience: int = 3
    factor: float = 0.1
    before: Schedule = constant

    def __call__(self, progress: float) -> float:
        return self.before(progress)

    def after(self, losses: Sequence[float]) -> float:
        """The factor after epochs with these validation losses."""
        best, bad, falls = math.inf, 0, 0
        for loss in losses:
            better = loss < best * (1 - 1e-4)
            best, bad = (loss, 0) if better else (best, bad + 1)
            if bad > self.patience:
                falls, bad = falls + 1, 0
        return self.factor**falls


class Rate:
    """Sets each group's learning rate before a step: its base rate times the schedule's factor."""

    def __init__(self, optimizer: Optimizer, schedule: Schedule, steps: int) -> None:
        self.groups = optimizer.param_groups
        self.schedule = schedule
        self.steps = steps
        for group in self.groups:
            group.setdefault("initial_lr", group["lr"])

    def set(self, state: TrainingState) -> None:
        factor = self.schedule(state.updates / self.steps)
        if isinstance(self.schedule, Plateau):
            factor *= self.schedule.after([r.validation_loss for r in state.records])
        for group in self.groups:
            group["lr"] = group["initial_lr"] * factor

    @property
    def now(self) -> float:
        return float(self.groups[0]["lr"])


def warmed_up(schedule: Schedule, share: float) -> Schedule:
    """Rise linearly from 0 during the first `share` of the run, then follow `schedule` over the rest.

    Raises ValueError unless 0 <= share < 1.
    """
    if not 0 <= share < 1:
        raise ValueError(f"warmed_up: share must be at least 0 and below 1, got {share}")

    def factor(progress: float) -> float:
        if progress < share:
            return progress / share
        return schedule((progress - share) / (1 - share))

    return replace(schedule, before=factor) if isinstance(schedule, Plateau) else factor


SCHEDULES: dict[str, Schedule] = {
    "constant": constant, "cosine": cosine, "linear": linear, "step": step, "one_cycle": one_cycle, "plateau": Plateau(),
}
