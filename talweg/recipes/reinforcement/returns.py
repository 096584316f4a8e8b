"""What an action was worth: returns, advantages and one-step targets. Arrays are (T, n): T steps of n environments.

An episode that terminated has no future, so nothing is added to its last reward. One that was truncated (a time limit)
would have gone on: the value of what was seen last stands for the rest. Taking one for the other is a bias, which shows
where episodes are long (Pardo et al. 2018).
"""

from __future__ import annotations

import numpy as np

from ...tensor import Tensor


def one_step_target(rewards: Tensor, following: Tensor, terminated: Tensor, discount: float) -> Tensor:
    """r + gamma (1 - terminated) V(s'), (B,): what Q(s, a) is drawn to. `terminated` is 0 or 1."""
    return rewards + discount * (1 - terminated) * following


def advantages(rewards: np.ndarray, values: np.ndarray, following: np.ndarray, terminated: np.ndarray, ended: np.ndarray,
               discount: float, trace: float) -> np.ndarray:
    """Generalised advantage estimates (Schulman et al. 2016), (T, n): A_t = d_t + gamma lambda (1 - ended_t) A_{t+1}, where
    d_t = r_t + gamma (1 - terminated_t) V(s_{t+1}) - V(s_t).

    `values` are V(s_t) and `following` V(s_{t+1}), s_{t+1} being the last observation of an episode where it ended, and
    not the first of the next. `trace` is lambda: 0 gives the one-step advantage, 1 the whole return less the value. Raises
    ValueError when shapes differ.
    """
    shapes = {a.shape for a in (rewards, values, following, terminated, ended)}
    if len(shapes) != 1:
        raise ValueError(f"advantages: all arrays must be of one shape (T, n), got {sorted(shapes)}")
    errors = rewards + discount * (1.0 - terminated) * following - values
    carried = discount * trace * (1.0 - ended)
    found = np.zeros_like(errors)
    last = np.zeros_like(errors[0]) if len(errors) else None
    for t in reversed(range(len(errors))):
        last = errors[t] + carried[t] * last
        found[t] = last
    return found.astype(np.float32)


def discounted(rewards: np.ndarray, discount: float) -> np.ndarray:
    """Returns G_t = r_t + gamma G_{t+1} along the first axis, of episodes that are followed by nothing."""
    found = np.zeros(rewards.shape, np.float64)
    following = np.zeros(rewards.shape[1:])
    for t in reversed(range(len(rewards))):
        following = rewards[t] + discount * following
        found[t] = following
    return found.astype(np.float32)
