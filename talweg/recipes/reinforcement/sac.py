"""Soft actor-critic (Haarnoja et al. 2018; N 9): reward and entropy together, twin critics, a temperature that adjusts itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import nn
from ...nn import functional as F  # noqa: N812
from ...tensor import Tensor, compile, from_numpy, grad, no_grad, zeros
from .environments import Environments
from .gym import Spaces
from .networks import SquashedActor, TwinCritics
from .off_policy import HELP, OffPolicyLearner, OffPolicySettings
from .recipe import AgentRecipe
from .returns import one_step_target
from .settings import own_help


@dataclass(frozen=True, kw_only=True)
class Settings(OffPolicySettings):
    """`tau`: by which share the target critics follow at each update. The temperature is drawn to where the policy's entropy
    is minus the number of an action's components."""

    model: str = "sac"
    data: str = "Pendulum-v1"
    horizon: int = 50
    updates: int = 50
    batch_size: int = 128
    epoch_steps: int = 1_000
    tau: float = 0.005

    DEFAULT_EPOCHS = 10

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {"tau": (0 < self.tau <= 1, "above 0 and at most 1")}


class ActorAndCritics(nn.Module):
    """The policy, its critics, their slow copies, and the logarithm of the temperature."""

    def __init__(self, spaces: Spaces, hidden: Sequence[int]) -> None:
        super().__init__()
        self.actor = SquashedActor(spaces, hidden)
        self.critics = TwinCritics(spaces, hidden)
        self.targets = TwinCritics(spaces, hidden).requires_grad_(False)
        self.targets.load_state_dict(self.critics.state_dict())
        self.log_temperature = nn.Parameter(zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.actor.best(x)

    def best(self, x: Tensor) -> Tensor:
        return self.actor.best(x)


class SAC(OffPolicyLearner):
    """The critics follow r + gamma (min Q'(s', a') - alpha log pi(a' | s')), a' ~ pi; the actor maximises
    min Q(s, a) - alpha log pi(a | s); alpha rises while the entropy is below minus the number of an action's components.

    The three are updated together, each by the others' values of before the step, so that a step is one native call.
    """

    settings: Settings
    model: ActorAndCritics

    def __init__(self, settings: Settings, model: nn.Module, spaces: Spaces, environments: Environments) -> None:
        super().__init__(settings, model, spaces, environments)
        self.entropy = -float(math.prod(spaces.action_shape))
        self._drawn = compile(self.model.actor.sample)
        self._update = compile(self._descended)

    def act(self, observations: np.ndarray) -> np.ndarray:
        if self.steps < self.settings.begin:
            share = self.random.random((len(observations), *self.spaces.action_shape), np.float32)
            return self.spaces.low + share * (self.spaces.high - self.spaces.low)  # type: ignore[operator]
        with no_grad():
            return self._drawn(from_numpy(observations))[0].numpy()

    def update(self, *batch: Tensor) -> list[Tensor]:
        return list(self._update(*batch))

    def _descended(self, seen: Tensor, actions: Tensor, rewards: Tensor, following: Tensor,
                   terminated: Tensor) -> tuple[Tensor, ...]:
        m = self.model
        temperature = m.log_temperature.exp().detach()
        target = self._target(rewards, following, terminated, temperature)
        first, second = m.critics(seen, actions)
        critic_loss = F.mse_loss(first, target) + F.mse_loss(second, target)
        drawn, log_prob = m.actor.sample(seen)
        actor_loss = (temperature * log_prob - m.critics.least(seen, drawn)).mean()
        temperature_loss = -(m.log_temperature * (log_prob.detach() + self.entropy)).mean()
        of_actor = list(m.actor.parameters())
        gradients = grad(actor_loss, of_actor)  # not by backward(), which would give the critics a share of the actor's loss
        norm = self.descend(critic_loss + temperature_loss, dict(zip(of_actor, gradients)))
        self._follow()
        return norm, critic_loss.detach(), actor_loss.detach(), temperature

    def _target(self, rewards: Tensor, following: Tensor, terminated: Tensor, temperature: Tensor) -> Tensor:
        with no_grad():
            drawn, log_prob = self.model.actor.sample(following)
            value = self.model.targets.least(following, drawn) - temperature * log_prob
            return one_step_target(rewards, value, terminated, self.settings.discount)

    def _follow(self) -> None:
        """The target critics go the share tau of their way to the critics."""
        with no_grad():
            for slow, fast in zip(self.model.targets.parameters(), self.model.critics.parameters()):
                slow.lerp_(fast, self.settings.tau)


class Recipe(AgentRecipe):
    name = "sac"
    settings = Settings
    help = own_help(Settings, HELP | {"tau": "Share of their way to the critics that the target critics go at each update."})
    learner = SAC

    def network(self, settings: Any, spaces: Spaces) -> nn.Module:
        return ActorAndCritics(spaces, settings.hidden)


RECIPE = Recipe()
