"""Tables of action values: learned from episodes, or computed where the probabilities are known (N 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ... import nn, optim
from ...core.dtypes import float64
from ...tensor import Tensor, from_numpy, no_grad, zeros
from .environments import Environments
from .gym import Spaces
from .learner import Learner
from .recipe import AgentRecipe
from .settings import Settings as Common
from .settings import own_help
from .tabular import policy_iteration, process_of, value_iteration

PLANS = {"value-iteration": value_iteration, "policy-iteration": policy_iteration}
ALGORITHMS = ("q-learning", *PLANS)


@dataclass(frozen=True, kw_only=True)
class Settings(Common):
    """`model` is the algorithm. `lr` is Q-learning's step towards its target, `epsilon` the share of random actions, from 1
    down to it over the share `exploration` of the steps. The two iterations play nothing: they read the probabilities."""

    model: str = "q-learning"
    data: str = "FrozenLake-v1"
    options: list[str] = field(default_factory=lambda: ["is_slippery=false"])
    horizon: int = 1_000
    lr: float = 0.5
    epsilon: float = 0.1
    exploration: float = 0.5
    epoch_steps: int = 5_000

    DEFAULT_EPOCHS = 10

    def __post_init__(self) -> None:
        if self.model in PLANS and self.epochs is None and self.steps is None:
            object.__setattr__(self, "steps", 1)
        super().__post_init__()

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "lr": (0 < self.lr <= 1, "above 0 and at most 1"),
            "epsilon": (0 <= self.epsilon <= 1, "between 0 and 1"),
            "exploration": (0 < self.exploration <= 1, "above 0 and at most 1"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"model": ALGORITHMS}


class Table(nn.Module):
    """Q(s, a) of every state and action, float64: numbers of states (B,) to (B, actions)."""

    def __init__(self, spaces: Spaces) -> None:
        super().__init__()
        if spaces.states is None or spaces.actions is None:
            raise ValueError("a table of values needs states and actions with numbers, as FrozenLake-v1 has; for others use dqn")
        self.values = nn.Parameter(zeros(spaces.states, spaces.actions, dtype=float64))

    def forward(self, states: Tensor) -> Tensor:
        return self.values[states]

    def best(self, states: Tensor) -> Tensor:
        return self.values[states].argmax(1)


class TableLearner(Learner):
    """Q(s, a) <- Q(s, a) + alpha (r + gamma max over a' of Q(s', a') - Q(s, a)) after every step (Watkins 1989).

    The target is what the best action would give, whatever is done next. Ties between best actions are broken at random.
    Where the algorithm is one of PLANS, a round computes the table from the probabilities instead.
    """

    settings: Settings
    model: Table

    def __init__(self, settings: Settings, model: nn.Module, spaces: Spaces, environments: Environments) -> None:
        super().__init__(settings, model, spaces, environments)
        self.table = self.model.values.detach().numpy().copy()

    def optimizer_of(self, model: nn.Module) -> optim.Optimizer:
        """It never steps; the rate that it holds is the one that the training loop's schedule sets."""
        return optim.SGD(model.parameters(), lr=self.settings.lr)

    def round(self) -> list[Tensor]:
        if self.settings.model in PLANS:
            process = process_of(self.environments.copies[0], self.settings.data)
            table = PLANS[self.settings.model](process, self.settings.discount)
        else:
            for _ in range(self.settings.horizon):
                self._stepped()
            table = from_numpy(self.table)
        with no_grad():
            self.model.values.copy_(table)
        return []

    def _stepped(self) -> None:
        s, q = self.settings, self.table
        seen = self.environments.observations
        epsilon = 1 + min(1.0, self.progress / s.exploration) * (s.epsilon - 1)
        explored = self.random.random(len(seen)) < epsilon
        noise = self.random.random((len(seen), q.shape[1]))
        best = np.where(q[seen] == q[seen].max(1, keepdims=True), noise, -1.0).argmax(1)
        actions = np.where(explored, noise.argmax(1), best)
        outcome = self.step(actions)
        target = outcome.rewards + s.discount * (1.0 - outcome.terminated) * q[outcome.following].max(1)
        rate = self.param_groups[0]["lr"]
        for state, action, aim in zip(seen.tolist(), actions.tolist(), target.tolist()):
            q[state, action] += rate * (aim - q[state, action])

    def restore(self, place: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        super().restore(place, arrays)
        self.table = self.model.values.detach().numpy().copy()


class Recipe(AgentRecipe):
    name = "tabular"
    settings = Settings
    help = own_help(Settings, {
        "lr": "alpha: the share of its way to the target that a value goes.",
        "epsilon": "Share of random actions in the end.",
        "exploration": "Share of the run in which that share falls from 1.",
    })
    learner = TableLearner

    def network(self, settings: Any, spaces: Spaces) -> nn.Module:
        return Table(spaces)


RECIPE = Recipe()
