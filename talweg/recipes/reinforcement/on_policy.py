"""Learning from what the present policy has just done: rollouts, and what they say of each action (N 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import nn
from ...nn import functional as F  # noqa: N812
from ...tensor import Tensor, compile, from_numpy, no_grad
from .environments import Environments
from .gym import Spaces
from .learner import Learner, tensors
from .losses import normalised
from .networks import ActorCritic
from .recipe import AgentRecipe
from .returns import advantages
from .settings import Settings

ROLLOUT = ("seen", "actions", "log_prob", "rewards", "following", "terminated", "ended")


@dataclass(frozen=True, kw_only=True)
class OnPolicySettings(Settings):
    """`passes` over a round's steps in batches of `batch_size`. `trace` is the lambda of the advantages, `entropy` and
    `value_loss` the weights of their terms in the loss."""

    environments: int = 8
    horizon: int = 32
    passes: int = 1
    batch_size: int = 256
    schedule: str = "linear"
    trace: float = 0.95
    entropy: float = 0.0
    value_loss: float = 0.5
    clip_norm: float | None = 0.5
    epoch_steps: int = 10_000

    DEFAULT_EPOCHS = 10

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "passes": (self.passes >= 1, "1 or more"),
            "trace": (0 <= self.trace <= 1, "between 0 and 1"),
            "entropy": (self.entropy >= 0, "0 or more"),
            "value_loss": (self.value_loss >= 0, "0 or more"),
        }


HELP = {
    "passes": "Passes over the steps of a round.",
    "trace": "lambda of the advantages: 0 looks one step ahead, 1 to the end.",
    "entropy": "Weight of the policy's entropy in the loss.",
    "value_loss": "Weight of the critic's loss.",
}


class OnPolicyLearner(Learner):
    """An actor and a critic, trained by one optimizer; a subclass gives the policy's part of the loss."""

    settings: OnPolicySettings
    model: ActorCritic

    def __init__(self, settings: Any, model: nn.Module, spaces: Spaces, environments: Environments) -> None:
        super().__init__(settings, model, spaces, environments)
        self._drawn = compile(self._draw)
        self._valued = compile(self.model.value)
        self._update = compile(self._descended)

    def policy_loss(self, log_prob: Tensor, before: Tensor, advantage: Tensor) -> Tensor:
        """(B,) each: of the actions now, of the same actions when they were taken, and what they gained."""
        raise NotImplementedError

    def round(self) -> list[Tensor]:
        return self.improved(self.judged(self.rollout(self.settings.horizon)))

    def rollout(self, horizon: int) -> dict[str, np.ndarray]:
        """`horizon` steps of every copy: arrays (T, n, ...) by the names of ROLLOUT."""
        kept: dict[str, list[np.ndarray]] = {name: [] for name in ROLLOUT}
        for _ in range(horizon):
            seen = self.environments.observations
            actions, log_prob = self.draw(seen)
            outcome = self.step(actions)
            row = (seen, actions, log_prob, outcome.rewards, outcome.following, outcome.terminated, outcome.ended)
            for name, value in zip(ROLLOUT, row):
                kept[name].append(value)
        return {name: np.stack(rows) for name, rows in kept.items()}

    def draw(self, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Actions of the policy for (n, ...) and the logarithms of their probabilities (n,)."""
        with no_grad():
            actions, log_prob = self._drawn(from_numpy(seen))
        return actions.numpy(), log_prob.numpy()

    def _draw(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        distribution = self.model.distribution(seen)
        actions = distribution.sample()
        return actions, distribution.log_prob(actions)

    def values(self, observations: np.ndarray) -> np.ndarray:
        """V of (T, n, ...), as (T, n)."""
        times, copies = observations.shape[:2]
        with no_grad():
            return self._valued(from_numpy(flat(observations))).numpy().reshape(times, copies)

    def judged(self, rollout: dict[str, np.ndarray]) -> list[np.ndarray]:
        """What updates learn from, one row a step: observations, actions, log-probabilities, advantages, returns."""
        values = self.values(rollout["seen"])
        gained = advantages(rollout["rewards"], values, self.values(rollout["following"]), rollout["terminated"],
                            rollout["ended"], self.settings.discount, self.settings.trace)
        return [flat(a) for a in (rollout["seen"], rollout["actions"], rollout["log_prob"], gained, gained + values)]

    def improved(self, data: Sequence[np.ndarray]) -> list[Tensor]:
        """Go over the rows `passes` times in random order. Rows that fill no batch are left out of a pass."""
        count = len(data[0])
        batch = min(self.settings.batch_size, count)
        for _ in range(self.settings.passes):
            order = self.random.permutation(count)
            for start in range(0, count - batch + 1, batch):
                chosen = order[start : start + batch]
                losses = self._update(*tensors([a[chosen] for a in data]))
                self.updates += 1
        return list(losses)

    def _descended(self, seen: Tensor, actions: Tensor, before: Tensor, advantage: Tensor,
                   returns: Tensor) -> tuple[Tensor, ...]:
        distribution = self.model.distribution(seen)
        policy_loss = self.policy_loss(distribution.log_prob(actions), before, normalised(advantage))
        value_loss = F.mse_loss(self.model.value(seen), returns)
        entropy = distribution.entropy().mean()
        norm = self.descend(policy_loss + self.settings.value_loss * value_loss - self.settings.entropy * entropy)
        return norm, policy_loss.detach(), value_loss.detach(), entropy.detach()


class OnPolicyRecipe(AgentRecipe):
    def network(self, settings: Any, spaces: Spaces) -> nn.Module:
        return ActorCritic(spaces, settings.hidden)


def flat(array: np.ndarray) -> np.ndarray:
    """(T, n, ...) as (T n, ...)."""
    return array.reshape(-1, *array.shape[2:])
