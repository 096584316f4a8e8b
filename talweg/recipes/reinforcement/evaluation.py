"""How good a policy is: the returns of its best actions over episodes whose beginnings are fixed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import nn
from .environments import Environments
from .gym import Spaces
from .learner import Best
from .networks import within

MOST_STEPS = 100_000
"""Of one episode, after which a policy that gets nowhere in an environment without a time limit is stopped."""


class Evaluator:
    """Plays `episodes` episodes of `policy` side by side, each time the same ones: they begin from seeds first, first + 1, ..."""

    def __init__(self, make: Callable[[], Any], spaces: Spaces, policy: nn.Module, episodes: int, first: int) -> None:
        if episodes < 1:
            raise ValueError(f"episodes must be 1 or more, got {episodes}")
        self.spaces = spaces
        self.best = Best(policy)
        self.environments = Environments(make, episodes, lambda copy, _: first + copy, spaces.observation_dtype)

    def __call__(self) -> tuple[np.ndarray, np.ndarray]:
        """The undiscounted return and the number of steps of each episode, (episodes,)."""
        environments = self.environments
        environments.begin()
        running = np.ones(len(environments), bool)
        returns, lengths = np.zeros(len(running)), np.zeros(len(running), int)
        for _ in range(MOST_STEPS):
            actions = within(self.best(environments.observations), self.spaces)
            outcome = environments.step(actions, running)
            returns += outcome.rewards
            lengths += running
            running &= ~outcome.ended
            if not running.any():
                break
        return returns, lengths
