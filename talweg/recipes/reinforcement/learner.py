"""What all ways to learn share: a model, its optimizer, the environments, and a place that can be kept and gone back to."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ... import nn, optim
from ...tensor import Tensor, compile, from_numpy, no_grad
from ..task import optimizer_of
from .environments import Environments, Outcome
from .gym import Spaces
from .networks import within

RECENT = 20
"""Episodes whose mean return says how training goes."""
OURS = 1_000_000
"""Under this number, which no parameter has, the learner's own state stands among the optimizer's."""


class Learner:
    """Acts, remembers and learns in rounds, with a model that a subclass gives its optimizer.

    To the training loop it is the optimizer: `param_groups` are that one's, and `state_dict` holds besides its state where the
    environments are, the replay memory, and whatever else the next round depends on. Random numbers come from `random` and
    from talweg's default generator.
    """

    def __init__(self, settings: Any, model: nn.Module, spaces: Spaces, environments: Environments) -> None:
        self.settings = settings
        self.model: Any = model
        self.spaces = spaces
        self.environments = environments
        self.random = np.random.Generator(np.random.Philox(settings.seed))
        self.steps = 0
        self.updates = 0
        self.recent: deque[float] = deque(maxlen=RECENT)
        self.optimizer = self.optimizer_of(model)

    def optimizer_of(self, model: nn.Module) -> optim.Optimizer:
        return optimizer_of(self.settings, model)

    def round(self) -> list[Tensor]:
        """What is done between two saves: steps of the environments, and what is learned from them.

        Returns 0-d tensors of the last update, the norm of its gradient first; [] where nothing was learned yet.
        """
        raise NotImplementedError

    def step(self, actions: np.ndarray, only: np.ndarray | None = None) -> Outcome:
        """Take these actions, cut off at their bounds."""
        self.steps += len(self.environments) if only is None else int(only.sum())
        outcome = self.environments.step(within(actions, self.spaces), only)
        self.recent.extend(outcome.returns)
        return replace(outcome, rewards=np.sign(outcome.rewards)) if self.settings.clip_rewards else outcome

    def descend(self, loss: Tensor, further: Mapping[nn.Parameter, Tensor] | None = None) -> Tensor:
        """A step down the gradient of the loss, and down those of `further` for their parameters; returns the norm, 0-d."""
        self.optimizer.zero_grad()
        for parameter, gradient in (further or {}).items():
            parameter.grad = gradient
        loss.backward()
        parameters = [p for p in self.model.parameters() if p.grad is not None]
        norm = nn.utils.get_total_norm([p.grad for p in parameters])
        if self.settings.clip_norm is not None:
            nn.utils.clip_grads_with_norm_(parameters, self.settings.clip_norm, norm)
        self.optimizer.step()
        return norm

    @property
    def progress(self) -> float:
        """The share of the run's steps that are done, 0 to 1."""
        return min(1.0, self.steps / self.settings.total_steps)

    @property
    def recent_return(self) -> float:
        """The mean of the last episodes' returns; before the first has ended, that of what they have gathered so far."""
        return float(np.mean(self.recent or self.environments.sums))

    def learned(self, losses: list[Tensor], where_in_run: str) -> float:
        """The gradient's norm. Raises FloatingPointError when it or a loss is not finite."""
        values = [loss.item() for loss in losses]
        if not all(map(math.isfinite, values)):
            raise FloatingPointError(f"a loss or the gradient became {values}{where_in_run}: try a smaller learning rate (it was "
                                     f"{self.param_groups[0]['lr']:g})")
        return values[0] if values else 0.0

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return self.optimizer.param_groups

    def state_dict(self) -> dict[str, Any]:
        found = self.optimizer.state_dict()
        ours = {"place": self.place()} | {name: from_numpy(array) for name, array in self.arrays().items()}
        return found | {"state": found["state"] | {OURS: ours}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises ValueError for a state that is not one of such a learner."""
        ours = dict(state["state"].get(OURS, {}))
        slots = {index: slot for index, slot in state["state"].items() if index != OURS}
        self.optimizer.load_state_dict({**state, "state": slots})
        try:
            place = ours.pop("place")
            self.restore(place, {name: tensor.numpy() for name, tensor in ours.items()})
        except (KeyError, TypeError) as error:
            raise ValueError(f"the saved state is not that of a run of reinforcement learning ({error!r})") from error

    def place(self) -> dict[str, Any]:
        """Plain data."""
        return {"steps": self.steps, "updates": self.updates, "recent": list(self.recent),
                "environments": self.environments.place(), "random": _plain(self.random.bit_generator.state)}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"observations": self.environments.observations}

    def restore(self, place: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        self.steps, self.updates = place["steps"], place["updates"]
        self.recent = deque(place["recent"], RECENT)
        self.random.bit_generator.state = place["random"]
        self.environments.restore(place["environments"], arrays["observations"], self.spaces.action_dtype)


def _plain(value: Any) -> Any:
    """A bit generator's state without arrays."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


class Best:
    """A policy as a function from observations to its best actions, both arrays, one native call each."""

    def __init__(self, policy: nn.Module) -> None:
        self._run = compile(policy.best)

    def __call__(self, observations: np.ndarray) -> np.ndarray:
        with no_grad():
            return self._run(from_numpy(observations)).numpy()


def tensors(arrays: list[np.ndarray]) -> list[Tensor]:
    return [from_numpy(a) for a in arrays]
