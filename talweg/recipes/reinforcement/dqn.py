"""Deep Q-learning (Mnih et al. 2015; N 9): a network of action values, a replay memory, a target network, double estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ... import nn
from ...nn import functional as F  # noqa: N812
from ...tensor import Tensor, compile, no_grad
from .environments import Environments
from .gym import Spaces
from .learner import Best
from .networks import ActionValues
from .off_policy import HELP, OffPolicyLearner, OffPolicySettings
from .recipe import AgentRecipe
from .returns import one_step_target
from .settings import own_help


@dataclass(frozen=True, kw_only=True)
class Settings(OffPolicySettings):
    """`epsilon` is the share of random actions, from 1 down to it over the share `exploration` of the steps; the target
    network is renewed every `target_every` updates."""

    model: str = "dqn"
    horizon: int = 250
    updates: int = 125
    lr: float = 2e-3
    hidden: list[int] = field(default_factory=lambda: [128, 128])
    clip_norm: float | None = 10.0
    epsilon: float = 0.04
    exploration: float = 0.16
    target_every: int = 125
    double: bool = True

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "epsilon": (0 <= self.epsilon <= 1, "between 0 and 1"),
            "exploration": (0 < self.exploration <= 1, "above 0 and at most 1"),
            "target_every": (self.target_every >= 1, "1 or more"),
        }


class TwoNetworks(nn.Module):
    """The values that are learned, and a copy of them that stays while they move."""

    def __init__(self, spaces: Spaces, hidden: Sequence[int]) -> None:
        super().__init__()
        self.values = ActionValues(spaces, hidden)
        self.target = ActionValues(spaces, hidden).requires_grad_(False)
        self.target.load_state_dict(self.values.state_dict())

    def forward(self, x: Tensor) -> Tensor:
        return self.values(x)  # (B, ...) -> (B, actions)

    def best(self, x: Tensor) -> Tensor:
        return self.values.best(x)


class DQN(OffPolicyLearner):
    """min over theta of E huber(Q(s, a) - y), y = r + gamma Q'(s', a*), over transitions of the memory; Q' is the target
    network. a* is Q' s best action, or with `double` Q's own (van Hasselt et al. 2016), which does not overestimate."""

    settings: Settings
    model: TwoNetworks

    def __init__(self, settings: Settings, model: nn.Module, spaces: Spaces, environments: Environments) -> None:
        super().__init__(settings, model, spaces, environments)
        self._best = Best(self.model.values)
        self._update = compile(self._descended)

    @property
    def epsilon(self) -> float:
        """The share of random actions now."""
        return 1 + min(1.0, self.progress / self.settings.exploration) * (self.settings.epsilon - 1)

    def act(self, observations: np.ndarray) -> np.ndarray:
        explored = self.random.random(len(observations)) < self.epsilon
        drawn = self.random.integers(0, self.spaces.actions or 0, len(observations))
        return drawn if explored.all() else np.where(explored, drawn, self._best(observations))

    def update(self, *batch: Tensor) -> list[Tensor]:
        found = self._update(*batch)
        if (self.updates + 1) % self.settings.target_every == 0:
            self.model.target.load_state_dict(self.model.values.state_dict())
        return list(found)

    def _descended(self, seen: Tensor, actions: Tensor, rewards: Tensor, following: Tensor,
                   terminated: Tensor) -> tuple[Tensor, Tensor]:
        with no_grad():
            theirs = self.model.target(following)  # (B, actions)
            chosen = (self.model.values(following) if self.settings.double else theirs).argmax(1, keepdim=True)
            value = theirs.gather(1, chosen).squeeze(1)
            target = one_step_target(rewards, value, terminated, self.settings.discount)
        value = self.model.values(seen).gather(1, actions.unsqueeze(1)).squeeze(1)
        loss = F.smooth_l1_loss(value, target)
        return self.descend(loss), loss.detach()


class Recipe(AgentRecipe):
    name = "dqn"
    settings = Settings
    help = own_help(Settings, HELP | {
        "epsilon": "Share of random actions in the end.",
        "exploration": "Share of the run in which that share falls from 1.",
        "target_every": "Updates between two copies of the network to the target network.",
        "double": "Choose the next action by the learned network, and judge it by the target network.",
    })
    learner = DQN

    def network(self, settings: Any, spaces: Spaces) -> nn.Module:
        return TwoNetworks(spaces, settings.hidden)


RECIPE = Recipe()
