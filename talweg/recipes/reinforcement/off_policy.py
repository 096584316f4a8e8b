"""Learning from a replay memory: a round is some steps of the environments, then some updates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import nn
from ...tensor import Tensor
from .environments import Environments
from .gym import Spaces
from .learner import Learner, tensors
from .replay import Replay
from .settings import Settings


@dataclass(frozen=True, kw_only=True)
class OffPolicySettings(Settings):
    """`updates` batches from a memory of `capacity` transitions after every `horizon` steps, once it holds `begin`."""

    capacity: int = 50_000
    begin: int = 1_000
    updates: int = 50

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "capacity": (self.capacity >= self.environments, "at least as many as environments"),
            "begin": (1 <= self.begin <= self.capacity, "between 1 and the capacity"),
            "updates": (self.updates >= 1, "1 or more"),
        }


HELP = {
    "capacity": "Transitions that the memory holds; of frames each takes 56 kB.",
    "begin": "Transitions in the memory before it is learned from.",
    "updates": "Updates a round.",
}


class OffPolicyLearner(Learner):
    """A subclass says how to `act` and what one update is."""

    settings: OffPolicySettings

    def __init__(self, settings: Any, model: nn.Module, spaces: Spaces, environments: Environments) -> None:
        super().__init__(settings, model, spaces, environments)
        observation = (spaces.observation, spaces.observation_dtype)
        self.replay = Replay(settings.capacity, observation, (spaces.action_shape, spaces.action_dtype))

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Actions (n, ...) with which to explore."""
        raise NotImplementedError

    def update(self, *batch: Tensor) -> list[Tensor]:
        """One update by transitions (s, a, r, s', terminated); as `round` returns."""
        raise NotImplementedError

    def round(self) -> list[Tensor]:
        for _ in range(self.settings.horizon):
            seen = self.environments.observations
            actions = self.act(seen)
            outcome = self.step(actions)
            self.replay.add(seen, actions, outcome.rewards, outcome.following, outcome.terminated)
        losses: list[Tensor] = []
        if len(self.replay) >= self.settings.begin:
            for _ in range(self.settings.updates):
                losses = self.update(*tensors(self.replay.sample(self.settings.batch_size, self.random)))
                self.updates += 1
        return losses

    def place(self) -> dict[str, Any]:
        return super().place() | {"added": self.replay.added}

    def arrays(self) -> dict[str, np.ndarray]:
        return super().arrays() | {f"replay.{name}": array for name, array in self.replay.arrays().items()}

    def restore(self, place: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        super().restore(place, arrays)
        kept = {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith("replay.")}
        self.replay.restore(kept, int(place["added"]))
