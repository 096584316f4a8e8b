"""Proximal policy optimisation (Schulman et al. 2017; N 9): several passes over a rollout, and a bound on what they change."""

from __future__ import annotations

from dataclasses import dataclass

from ...tensor import Tensor
from .losses import clipped
from .on_policy import HELP, OnPolicyLearner, OnPolicyRecipe, OnPolicySettings
from .settings import own_help


@dataclass(frozen=True, kw_only=True)
class Settings(OnPolicySettings):
    """`clip` is how far the ratio of probabilities may leave 1."""

    model: str = "ppo"
    discount: float = 0.98
    trace: float = 0.8
    passes: int = 10
    clip: float = 0.2

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {"clip": (0 < self.clip < 1, "between 0 and 1")}


class PPO(OnPolicyLearner):
    settings: Settings

    def policy_loss(self, log_prob: Tensor, before: Tensor, advantage: Tensor) -> Tensor:
        return clipped(log_prob, before, advantage, self.settings.clip)


class Recipe(OnPolicyRecipe):
    name = "ppo"
    settings = Settings
    help = own_help(Settings, HELP | {"clip": "How far the ratio of an action's probabilities may leave 1."})
    learner = PPO


RECIPE = Recipe()
