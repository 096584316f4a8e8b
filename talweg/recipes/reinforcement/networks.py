"""Networks that act: the values of actions, policies with their distributions, and SAC's actor and critics.

Each has `best(observations)`: the actions that it takes when it does not explore, which is what a run is tested and played with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ... import nn
from ...distributions import Categorical, Independent, Normal
from ...models.dqn import NatureDQN
from ...models.mlp import MLP
from ...nn import functional as F  # noqa: N812
from ...tensor import Tensor, cat, from_numpy, full, minimum
from .gym import Spaces

LOG_SCALES = (-5.0, 2.0)
"""Between which SAC's actor keeps the logarithm of its standard deviation (Haarnoja et al. 2018 clip at 2)."""


class OneHot(nn.Module):
    """Numbers (B,) of `count` states as vectors (B, count) with a single 1."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x: Tensor) -> Tensor:
        return F.one_hot(x, self.count).float()


def body(spaces: Spaces, outputs: int, hidden: Sequence[int], activation: str = "relu") -> nn.Module:
    """From observations (B, ...) to (B, outputs): the Nature network for frames, else a perceptron."""
    if spaces.pixels:
        return NatureDQN(outputs, spaces.observation[0])
    if spaces.states is not None:
        return nn.Sequential(OneHot(spaces.states), MLP([spaces.states, *hidden, outputs], activation))
    return MLP([math.prod(spaces.observation), *hidden, outputs], activation)


class ActionValues(nn.Module):
    """Q(s, a) of every action: observations (B, ...) to (B, actions)."""

    def __init__(self, spaces: Spaces, hidden: Sequence[int]) -> None:
        super().__init__()
        if spaces.actions is None:
            raise ValueError("values of single actions need actions with numbers; for arrays of real numbers use sac or ppo")
        self.net = body(spaces, spaces.actions, hidden)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def best(self, x: Tensor) -> Tensor:
        return self.net(x).argmax(1)


class ActorCritic(nn.Module):
    """A policy pi(a | s) and a value V(s), each with a network of its own.

    Actions with numbers are drawn from softmax(f(s)); arrays from a normal distribution with mean centre + reach f(s)
    and a standard deviation that is a parameter, beside the bounds too: whoever steps the environment cuts them off.
    """

    def __init__(self, spaces: Spaces, hidden: Sequence[int]) -> None:
        super().__init__()
        self.discrete = spaces.actions is not None
        size = spaces.actions or math.prod(spaces.action_shape)
        self.actor = body(spaces, size, hidden, "tanh")
        self.critic = body(spaces, 1, hidden, "tanh")
        _orthogonal(self.actor, 0.01)
        _orthogonal(self.critic, 1.0)
        if spaces.low is not None and spaces.high is not None:
            self.action_shape = spaces.action_shape
            self.register_buffer("centre", from_numpy(((spaces.low + spaces.high) / 2).reshape(-1)))
            self.register_buffer("reach", from_numpy(((spaces.high - spaces.low) / 2).reshape(-1)))
            self.log_scale = nn.Parameter(full((size,), -0.5))

    def distribution(self, x: Tensor) -> Categorical | Independent:
        """Of actions (B,), or (B, size) for arrays, flattened."""
        outputs = self.actor(x)
        if self.discrete:
            return Categorical(logits=outputs, validate_args=False)
        scale = (self.log_scale.exp() * self.reach).expand(outputs.shape)
        return Independent(Normal(self.centre + self.reach * outputs, scale, validate_args=False), 1, validate_args=False)

    def value(self, x: Tensor) -> Tensor:
        return self.critic(x).squeeze(1)  # (B,)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the distribution is made of, (B, actions) or (B, size), and the value (B,)."""
        return self.actor(x), self.value(x)

    def best(self, x: Tensor) -> Tensor:
        if self.discrete:
            return self.actor(x).argmax(1)
        return (self.centre + self.reach * self.actor(x)).reshape(len(x), *self.action_shape)


def _orthogonal(module: nn.Module, last: float) -> None:
    """Orthogonal weights, of gain sqrt(2) and `last` in the last layer, and no bias: what PPO is usually begun with."""
    layers = [m for m in module.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    for layer in layers:
        nn.init.orthogonal_(layer.weight, last if layer is layers[-1] else math.sqrt(2))
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


class SquashedActor(nn.Module):
    """A normal distribution squashed between the bounds: a = centre + reach tanh(u), u ~ N(m(s), s(s)^2)."""

    def __init__(self, spaces: Spaces, hidden: Sequence[int]) -> None:
        super().__init__()
        if spaces.low is None or spaces.high is None:
            raise ValueError("sac needs actions that are arrays of real numbers; for actions with numbers use dqn or ppo")
        self.action_shape = spaces.action_shape
        self.net = body(spaces, 2 * math.prod(spaces.action_shape), hidden)
        self.register_buffer("centre", from_numpy(((spaces.low + spaces.high) / 2).reshape(-1)))
        self.register_buffer("reach", from_numpy(((spaces.high - spaces.low) / 2).reshape(-1)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the standard deviation of u, each (B, size)."""
        mean, log_scale = self.net(x).chunk(2, dim=1)
        low, high = LOG_SCALES
        return mean, low + (high - low) / 2 * (log_scale.tanh() + 1)

    def sample(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Actions (B, ...) with a gradient, and the logarithms of their densities (B,)."""
        mean, log_scale = self(x)
        normal = Normal(mean, log_scale.exp(), validate_args=False)
        u = normal.rsample()
        actions = self.centre + self.reach * u.tanh()
        return actions.reshape(len(x), *self.action_shape), squashed_log_prob(normal, u, self.reach)

    def best(self, x: Tensor) -> Tensor:
        return (self.centre + self.reach * self(x)[0].tanh()).reshape(len(x), *self.action_shape)


def squashed_log_prob(normal: Normal, u: Tensor, reach: Tensor) -> Tensor:
    """log p(a) of a = centre + reach tanh(u), (B,): log N(u) - log(reach (1 - tanh(u)^2)), summed over the last dimension.

    The last logarithm is 2 (log 2 - u - softplus(-2 u)), which does not run out of digits where tanh(u) is near 1.
    """
    stretch = reach.log() + 2 * (math.log(2) - u - F.softplus(-2 * u))
    return (normal.log_prob(u) - stretch).sum(1)


class TwinCritics(nn.Module):
    """Two estimates of Q(s, a), of which the smaller is believed (Fujimoto et al. 2018)."""

    def __init__(self, spaces: Spaces, hidden: Sequence[int]) -> None:
        super().__init__()
        if spaces.pixels or spaces.states is not None:
            raise ValueError("sac needs observations that are arrays of real numbers")
        sizes = [math.prod(spaces.observation) + math.prod(spaces.action_shape), *hidden, 1]
        self.first, self.second = MLP(sizes), MLP(sizes)

    def forward(self, x: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        both = cat([x.flatten(1), actions.flatten(1)], dim=1)
        return self.first(both).squeeze(1), self.second(both).squeeze(1)  # (B,) each

    def least(self, x: Tensor, actions: Tensor) -> Tensor:
        return minimum(*self(x, actions))


def within(actions: np.ndarray, spaces: Spaces) -> np.ndarray:
    """Actions as the environment takes them: arrays in their shape and cut off at their bounds."""
    if spaces.low is None:
        return actions
    return np.clip(actions.reshape(len(actions), *spaces.action_shape), spaces.low, spaces.high).astype(np.float32)
