"""Advantage actor-critic (Mnih et al. 2016; N 9): the plain policy gradient of a short stretch of many environments."""

from __future__ import annotations

from dataclasses import dataclass

from ...tensor import Tensor
from .losses import policy_gradient
from .on_policy import HELP, OnPolicyLearner, OnPolicyRecipe, OnPolicySettings
from .settings import own_help


@dataclass(frozen=True, kw_only=True)
class Settings(OnPolicySettings):
    """One update a round, by all of its steps."""

    model: str = "a2c"
    horizon: int = 16
    lr: float = 2e-3
    trace: float = 1.0

    DEFAULT_EPOCHS = 20


class A2C(OnPolicyLearner):
    settings: Settings

    def policy_loss(self, log_prob: Tensor, before: Tensor, advantage: Tensor) -> Tensor:
        return policy_gradient(log_prob, advantage)


class Recipe(OnPolicyRecipe):
    name = "a2c"
    settings = Settings
    help = own_help(Settings, HELP)
    learner = A2C


RECIPE = Recipe()
