"""What the recipes of reinforcement learning have in common: the environment is the data, a round is a step of training, and the
loss that is shown and chosen by is minus the return."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ... import nn
from ...tensor import Tensor, from_numpy
from ...training import Figure, Score
from ...training.report_parts import section
from ...training.update import Learned
from ..evaluation import Answer, Evaluation
from ..recipe import Recipe
from ..task import Goal
from .environments import TEST, VALIDATION, Environments, training_seed
from .evaluation import Evaluator
from .gym import Spaces, make, spaces_of
from .learner import Learner
from .play import animation, played, rate_of, source, write_animation
from .settings import Settings

SPLITS = {"test": TEST, "validation": VALIDATION}
SHOWN = 250
"""Steps of an episode in a report."""


@dataclass(frozen=True)
class Prepared:
    """The environment's spaces in plain values: shape of an observation (empty: the number of one of `states`), whether it is
    pictures; how many actions, or the bounds of an array of them."""

    observation: list[int]
    states: int | None = None
    pixels: bool = False
    actions: int | None = None
    low: list[float] | None = None
    high: list[float] | None = None
    action_shape: list[int] | None = None

    @property
    def spaces(self) -> Spaces:
        def bounds(values: list[float] | None) -> np.ndarray | None:
            return None if values is None else np.array(values, np.float32).reshape(self.action_shape or [len(values)])

        return Spaces(tuple(self.observation), self.states, self.pixels, self.actions, bounds(self.low), bounds(self.high))


@dataclass(frozen=True)
class World:
    """The material of these recipes: what an environment shows and takes, and one more copy of it."""

    spaces: Spaces
    make: Callable[[], Any]


@dataclass(frozen=True)
class Play:
    episode: int = 0
    steps: int = 1_000
    width: int = 400

    def __post_init__(self) -> None:
        if not 0 <= self.episode < VALIDATION:
            raise ValueError(f"setting episode must be at least 0 and below 2**29, got {self.episode}")
        if self.steps < 1 or self.width < 1:
            raise ValueError(f"settings steps and width must be 1 or more, got {self.steps} and {self.width}")


class AgentRecipe(Recipe):
    """A subclass gives the network and the learner."""

    learner: type[Learner]
    figure = Figure("return", "mean return of an episode", -1)
    prepared = Prepared
    options = Play
    options_help = {
        "episode": "Which of the test episodes is played.",
        "steps": "Most steps of it.",
        "width": "Widest that a picture may be, in pixels.",
    }

    @abstractmethod
    def network(self, settings: Any, spaces: Spaces) -> nn.Module:
        """All weights, with `best(observations)` for actions without exploring."""

    def material(self, settings: Settings) -> World:
        one_more = partial(make, settings.data, settings.options, settings.pixels)
        first = one_more()
        spaces = spaces_of(first, settings.data)
        first.close()
        return World(spaces, one_more)

    def prepare(self, settings: Settings, material: World) -> Prepared:
        s = material.spaces
        low, high = (None if a is None else a.reshape(-1).tolist() for a in (s.low, s.high))
        shape = None if s.low is None else list(s.action_shape)
        return Prepared(list(s.observation), s.states, s.pixels, s.actions, low, high, shape)

    def model(self, settings: Settings, prepared: Prepared) -> nn.Module:
        return self.network(settings, prepared.spaces)

    def optimizer(self, settings: Settings, model: nn.Module) -> Learner:
        world = self.material(settings)
        seeds = partial(training_seed, settings.seed)
        environments = Environments(world.make, settings.environments, seeds, world.spaces.observation_dtype)
        return self.learner(settings, model, world.spaces, environments)

    def goal(self, settings: Settings, material: World, prepared: Prepared) -> Goal:
        rounds = Rounds(settings.rounds, settings.round_steps)
        return Goal(loss=_none, train=rounds, validation=rounds, validate=Judge(settings, material), update=Round)

    def example(self, prepared: Prepared) -> tuple[Tensor, ...]:
        spaces = prepared.spaces
        return (from_numpy(np.zeros((1, *spaces.observation), spaces.observation_dtype)),)

    def measure(self, model: nn.Module, settings: Settings, material: World, split: str) -> Evaluation:
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}: episodes to learn from never come "
                             "twice")
        episodes = settings.test_episodes if split == "test" else settings.validation_episodes
        return self.measured(model, material, split, episodes)

    def measured(self, model: nn.Module, material: World, split: str, episodes: int) -> Evaluation:
        returns, lengths = Evaluator(material.make, material.spaces, model, episodes, SPLITS[split])()
        least, most, mean = float(returns.min()), float(returns.max()), float(returns.mean())
        rows = [[str(i), f"{value:.1f}", str(steps), ""] for i, (value, steps) in enumerate(zip(returns, lengths))]
        return Evaluation(
            split, episodes,
            figures={"mean_return": mean, "deviation": float(returns.std()), "least_return": least, "greatest_return": most},
            summary=f"mean return {mean:.1f} over {episodes} episode{'s' * (episodes > 1)} ({least:.1f} to {most:.1f})",
            tiles=[(f"{mean:.1f}", f"mean return, {split}"), (f"{least:.1f}", "least"), (f"{most:.1f}", "greatest")],
            lines=[["episode", "return", "steps", ""], *rows],
            facts={"returns": returns.tolist(), "steps": lengths.tolist()},
        )

    def evaluate(self, run: str | Path, split: str = "test", episodes: int | None = None) -> Evaluation:
        """As `Recipe.evaluate`; `episodes` instead of the run's own number of them."""
        if episodes is None:
            return super().evaluate(run, split)
        settings, model, _ = self.load(run)
        if split not in SPLITS or episodes < 1:
            raise ValueError(f"evaluate: takes 1 episode or more of {' or '.join(SPLITS)}, got {episodes} of {split}")
        return self.measured(model, self.material(settings), split, episodes)

    def sections(self, model: nn.Module, settings: Settings, material: World, test: Evaluation) -> list[str]:
        if not settings.data.startswith("ALE/") and find_spec("pygame") is None:
            return []
        environment = make(settings.data, settings.options, settings.pixels, pictures=True)
        pictures, total = played(environment, material.spaces, model, TEST, SHOWN)
        moving = source(animation(pictures, rate_of(environment), 400))
        environment.close()
        caption = f"the first {len(pictures) - 1} steps of test episode 0: return {total:.1f}"
        picture = f'<img alt="{caption}" src="{moving}" style="width:min(100%,400px)">'
        return [section("The policy at work", f"<figure>{picture}<figcaption>{caption}</figcaption></figure>")]

    def generate(self, run: str | Path, options: Play) -> Answer:
        """Play an episode. Raises as `load` and `make` do."""
        settings, model, prepared = self.load(run)
        environment = make(settings.data, settings.options, settings.pixels, pictures=True)
        pictures, total = played(environment, prepared.spaces, model, TEST + options.episode, options.steps)
        rate = rate_of(environment)
        environment.close()
        steps = len(pictures) - 1
        facts = {"environment": settings.data, "episode": options.episode, "return": total, "steps": steps}
        return Answer(f"{settings.data}, episode {options.episode}: return {total:.1f} after {steps} steps", facts,
                      lambda path: write_animation(path, pictures, rate, options.width))

    def heading(self, settings: Settings) -> str:
        s = settings
        return (f"Training {s.model} on {s.data}: {s.total_steps:,} steps in {s.environments} environment"
                f"{'s' if s.environments > 1 else ''}, learning rate {s.lr:g}, discount {s.discount:g}, seed {s.seed}")

    def next_steps(self, run: Path) -> list[str]:
        return [f"evaluate {run}", f"play {run}"]


class Rounds:
    """What the training loop goes through in an epoch: nothing is given, a round finds its own data."""

    def __init__(self, count: int, steps: int) -> None:
        self.count = count
        self.steps = steps

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[None, range]]:
        return iter([(None, range(self.steps))] * self.count)


class Round:
    """A step of the training loop, whose optimizer is the learner."""

    def __init__(self, model: nn.Module, loss: Any, optimizer: Any, *others: Any) -> None:
        self.learner: Learner = optimizer

    def __call__(self, batches: Any, where_in_run: str = "") -> tuple[list[Learned], float]:
        before = self.learner.steps
        norm = self.learner.learned(self.learner.round(), where_in_run)
        return [Learned(-self.learner.recent_return, None, max(1, self.learner.steps - before))], norm


class Judge:
    """Minus the mean return of the validation episodes, always the same ones."""

    def __init__(self, settings: Settings, world: World) -> None:
        self.settings = settings
        self.world = world
        self.evaluator: Evaluator | None = None

    def __call__(self, model: nn.Module) -> Score:
        if self.evaluator is None:
            episodes = self.settings.validation_episodes
            self.evaluator = Evaluator(self.world.make, self.world.spaces, model, episodes, VALIDATION)
        returns, _ = self.evaluator()
        return Score(-float(returns.mean()), None, len(returns))


def _none(outputs: Any, targets: Any) -> Tensor:
    raise NotImplementedError("a round of reinforcement learning has losses of its own")
