"""Markov decision processes whose probabilities are known (N 3): values by a linear solve and by iteration, and best policies.

States are 0 ... S - 1, actions 0 ... A - 1, everything in float64. A policy is the actions (S,) that it takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.dtypes import float64, int64
from ...core.errors import LinAlgError
from ...tensor import Tensor, arange, eye, from_numpy, zeros
from ...tensor.functions.solving import solve

MOST_SWEEPS = 100_000


@dataclass(frozen=True)
class Process:
    """`moves` (S, A, S) holds p(s' | s, a) of the moves that something follows, so that a row may sum to less than 1: what
    is missing ends the episode. `rewards` (S, A) are the expected rewards E(r | s, a)."""

    moves: Tensor
    rewards: Tensor

    def __post_init__(self) -> None:
        states, actions = self.rewards.shape if self.rewards.dim() == 2 else (0, 0)
        if tuple(self.moves.shape) != (states, actions, states) or states * actions == 0:
            raise ValueError(f"Process: moves must be (S, A, S) and rewards (S, A), got {tuple(self.moves.shape)} and "
                             f"{tuple(self.rewards.shape)}")
        sums = self.moves.sum(-1)
        if not (self.moves.min() >= 0 and sums.max() <= 1 + 1e-9):
            raise ValueError("Process: moves must hold probabilities, 0 or more with sums of at most 1 over the last dimension")

    @property
    def states(self) -> int:
        return self.rewards.shape[0]

    @property
    def actions(self) -> int:
        return self.rewards.shape[1]

    def action_values(self, values: Tensor, discount: float) -> Tensor:
        """Q(s, a) = E(r | s, a) + gamma sum over s' of p(s' | s, a) V(s'), (S, A)."""
        return self.rewards + discount * (self.moves @ values)

    def under(self, policy: Tensor) -> tuple[Tensor, Tensor]:
        """Moves (S, S) and rewards (S,) where these actions are taken."""
        if tuple(policy.shape) != (self.states,):
            raise ValueError(f"a policy must give one action to each of {self.states} states, got shape {tuple(policy.shape)}")
        everywhere = arange(self.states)
        return self.moves[everywhere, policy], self.rewards[everywhere, policy]


def process_of(environment: Any, name: str = "") -> Process:
    """Read the probabilities that gymnasium's toy texts carry as `P[s][a]`: (probability, next state, reward, terminated).

    Raises ValueError for an environment that does not tell them.
    """
    table = getattr(environment.unwrapped, "P", None)
    if not isinstance(table, dict):
        raise ValueError(f"{name or environment}: does not tell its probabilities (P), so that values cannot be computed; learn "
                         "them from episodes with algorithm q-learning")
    states, actions = len(table), len(table[0])
    moves, rewards = np.zeros((states, actions, states)), np.zeros((states, actions))
    for s in range(states):
        for a in range(actions):
            for probability, following, reward, terminated in table[s][a]:
                rewards[s, a] += probability * reward
                moves[s, a, following] += 0.0 if terminated else probability
    return Process(from_numpy(moves), from_numpy(rewards))


def solved_values(process: Process, policy: Tensor, discount: float) -> Tensor:
    """V of a policy, (S,), from Bellman's equation as a linear system: (I - gamma P) V = r.

    Raises ValueError where there is no value: with discount 1 and a policy that never ends its episodes from some state.
    """
    moves, rewards = process.under(policy)
    try:
        found = solve(eye(process.states, dtype=float64) - discount * moves, rewards)
        whole = bool(found.isfinite().all())
    except LinAlgError:
        whole = False
    if not whole:
        raise ValueError(f"solved_values: with discount {discount} this policy has no value: from some states its episodes never "
                         "end. Use a discount below 1")
    return found


def iterated_values(process: Process, policy: Tensor, discount: float, tolerance: float = 1e-12) -> Tensor:
    """V of a policy, (S,), by going V <- r + gamma P V until nothing moves by more than `tolerance`.

    Each sweep brings V nearer by the factor gamma. Raises ArithmeticError when it does not settle.
    """
    moves, rewards = process.under(policy)
    values = zeros(process.states, dtype=float64)
    for _ in range(MOST_SWEEPS):
        before, values = values, rewards + discount * (moves @ values)
        if (values - before).abs().max() <= tolerance:
            return values
    raise ArithmeticError(f"iterated_values: not settled after {MOST_SWEEPS} sweeps with discount {discount}: use one below 1")


def value_iteration(process: Process, discount: float, tolerance: float = 1e-12) -> Tensor:
    """Q(s, a) of the best policy, (S, A), by V <- max over a of Q(s, a) until nothing moves by more than `tolerance`.

    Raises ArithmeticError when it does not settle.
    """
    values = zeros(process.states, dtype=float64)
    for _ in range(MOST_SWEEPS):
        before, values = values, process.action_values(values, discount).amax(1)
        if (values - before).abs().max() <= tolerance:
            return process.action_values(values, discount)
    raise ArithmeticError(f"value_iteration: not settled after {MOST_SWEEPS} sweeps with discount {discount}: use one below 1")


def policy_iteration(process: Process, discount: float) -> Tensor:
    """Q(s, a) of the best policy, (S, A): evaluate a policy exactly, take its best actions, until it stays as it is.

    An action is given up only for one that is better by more than rounding, so that it ends after finitely many policies.
    Raises as `solved_values` does.
    """
    policy = zeros(process.states, dtype=int64)
    while True:
        values = solved_values(process, policy, discount)
        found = process.action_values(values, discount)
        kept = found.gather(1, policy.unsqueeze(1)).squeeze(1)
        slack = 1e-10 * (1 + values.abs())
        better = found.amax(1) > kept + slack
        if not better.any():
            return found
        policy = found.argmax(1).where(better, policy)
