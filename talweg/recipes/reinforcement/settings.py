"""Settings of the recipes of reinforcement learning: what all have, and what each algorithm adds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..training_settings import TrainingSettings, help_of


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """`data` is the environment's name, `options` its arguments. Training goes in rounds: `horizon` steps of each of the
    `environments`, then what is learned from them. An epoch ends after `epoch_steps` steps, counted over all copies, and is
    judged by the mean return of `validation_episodes` played without exploring.

    Raises ValueError for settings that training by rounds does not know.
    """

    data: str = "CartPole-v1"
    options: list[str] = field(default_factory=list)
    pixels: bool = False
    clip_rewards: bool = False
    environments: int = 1
    horizon: int = 1
    epoch_steps: int = 2_500
    discount: float = 0.99
    lr: float = 1e-3
    schedule: str = "constant"
    hidden: list[int] = field(default_factory=lambda: [64, 64])
    validation_episodes: int = 10
    test_episodes: int = 20

    DEFAULT_EPOCHS = 20

    @property
    def round_steps(self) -> int:
        return self.horizon * self.environments

    @property
    def rounds(self) -> int:
        """In an epoch."""
        return math.ceil(self.epoch_steps / self.round_steps)

    @property
    def total_steps(self) -> int:
        """Of the run, over all copies."""
        return (self.steps or (self.epochs or 0) * self.rounds) * self.round_steps

    def limits(self) -> dict[str, tuple[bool, str]]:
        one_or_more = ("environments", "horizon", "epoch_steps", "validation_episodes", "test_episodes")
        return super().limits() | {name: (getattr(self, name) >= 1, "1 or more") for name in one_or_more} | {
            "discount": (0 <= self.discount <= 1, "between 0 and 1"),
            "hidden": (all(n >= 1 for n in self.hidden), "a list of widths of 1 or more"),
            "accumulate": (self.accumulate == 1, "1 where training goes in rounds"),
            "ema": (self.ema is None, "left out where training goes in rounds"),
            "lora": (not self.lora, "left out where training goes in rounds"),
            "checkpoint_activations": (not self.checkpoint_activations, "left out where training goes in rounds"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"precision": ("fp32",), "on_nan": ("stop",)}


HELP = {
    "data": "The environment: a name of gymnasium's, such as CartPole-v1 or ALE/Pong-v5.",
    "options": "Arguments of the environment: NAME=VALUE, such as is_slippery=false",
    "pixels": "Learn from the pictures that the environment draws, as 4 grey frames of 84 x 84.",
    "clip_rewards": "Learn from the signs of rewards, as usual with Atari's scores.",
    "environments": "Copies that are stepped together.",
    "horizon": "Steps of every copy in a round, after which it is learned from them.",
    "epoch_steps": "Steps in an epoch, over all copies; after it the policy is tried out.",
    "epochs": "Epochs. [default: {epochs}]",
    "steps": "Rounds, instead of epochs.",
    "discount": "gamma: what a reward is worth a step later.",
    "hidden": "Widths of the hidden layers.",
    "validation_episodes": "Episodes after each epoch, which choose the best weights.",
    "test_episodes": "Episodes by which the best weights are measured; they begin elsewhere.",
    "batch_size": "Steps a batch.",
    "clip_norm": "Largest norm of the gradient; what is longer is shortened.",
    "seed": "Seed of initial weights, episodes and exploration.",
}


def own_help(kind: type, own: dict[str, str]) -> dict[str, str]:
    return help_of(kind, HELP | own)
