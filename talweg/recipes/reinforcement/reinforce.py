"""REINFORCE with a baseline (Williams 1992; N 9): whole episodes, each action weighed by what came after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...nn import functional as F  # noqa: N812
from ...tensor import Tensor
from .learner import tensors
from .on_policy import HELP, OnPolicyLearner, OnPolicyRecipe, OnPolicySettings
from .returns import discounted
from .settings import own_help


@dataclass(frozen=True, kw_only=True)
class Settings(OnPolicySettings):
    """A round is one episode of every copy, of which no more than `horizon` steps are learned from at once, and one update
    by all of them. Its steps are counted as if every episode were that long."""

    model: str = "reinforce"
    horizon: int = 500
    lr: float = 3e-3
    epoch_steps: int = 40_000

    DEFAULT_EPOCHS = 15


class Reinforce(OnPolicyLearner):
    """-mean log pi(a_t | s_t) (G_t - V(s_t)), G_t the discounted rewards from t on. Nothing is estimated within the episode,
    so there is no bias and much noise: the baseline V takes off what would have come whatever had been done.

    V stands for what would have followed where a time limit or the horizon cut an episode.
    """

    settings: Settings

    def round(self) -> list[Tensor]:
        episodes = self.played()
        columns = [np.concatenate([e[name] for e in episodes]) for name in ("seen", "actions", "returns")]
        losses = self._update(*tensors(padded(columns)))
        self.updates += 1
        return list(losses)

    def played(self) -> list[dict[str, np.ndarray]]:
        """One episode of every copy: its observations, actions and discounted returns."""
        running = np.ones(len(self.environments), bool)
        rows: list[list[tuple]] = [[] for _ in running]
        for _ in range(self.settings.horizon):
            seen = self.environments.observations
            actions, _ = self.draw(seen)
            outcome = self.step(actions, running)
            for i in np.flatnonzero(running):
                rows[i].append((seen[i], actions[i], outcome.rewards[i], outcome.following[i], outcome.terminated[i]))
            running &= ~outcome.ended
            if not running.any():
                break
        return [self._episode(r) for r in rows]

    def _episode(self, rows: list[tuple]) -> dict[str, np.ndarray]:
        seen, actions, rewards, following, terminated = (np.stack(column) for column in zip(*rows))
        if not terminated[-1]:
            rewards[-1] += self.settings.discount * self.values(following[None, -1:])[0, 0]
        return {"seen": seen, "actions": actions, "returns": discounted(rewards, self.settings.discount)}

    def _descended(self, seen: Tensor, actions: Tensor, returns: Tensor, counted: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        """`counted` (B,) is 1 for steps and 0 for padding."""
        share = counted / counted.sum()
        distribution = self.model.distribution(seen)
        value = self.model.value(seen)
        advantage = (returns - value).detach()
        scale = (share * advantage.square()).sum().sqrt() + 1e-8
        policy_loss = -(share * distribution.log_prob(actions) * advantage / scale).sum()
        value_loss = (share * F.mse_loss(value, returns, reduction="none")).sum()
        entropy = (share * distribution.entropy()).sum()
        norm = self.descend(policy_loss + self.settings.value_loss * value_loss - self.settings.entropy * entropy)
        return norm, policy_loss.detach(), value_loss.detach(), entropy.detach()


def padded(columns: list[np.ndarray]) -> list[np.ndarray]:
    """Arrays (B, ...) with zeros after their rows up to the next power of two, so that few sizes are compiled; and which
    rows count, float32."""
    count = len(columns[0])
    size = 1 << (count - 1).bit_length()
    more = size - count
    filled = [np.concatenate([c, np.zeros((more, *c.shape[1:]), c.dtype)]) for c in columns]
    return [*filled, (np.arange(size) < count).astype(np.float32)]


class Recipe(OnPolicyRecipe):
    name = "reinforce"
    settings = Settings
    help = own_help(Settings, HELP)
    learner = Reinforce


RECIPE = Recipe()
