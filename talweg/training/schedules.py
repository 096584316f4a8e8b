"""Learning-rate schedules: the factor on the base rate as a function of progress, from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable

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

    return factor


SCHEDULES: dict[str, Schedule] = {"constant": constant, "cosine": cosine, "linear": linear}
