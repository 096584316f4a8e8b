"""Several copies of an environment, stepped together, whose place can be kept and gone back to exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...data.order import bits

# The seeds of reset that each use has to itself, so that no tested episode has been learned from or chosen by.
TEST, VALIDATION, TRAINING = 0, 2**29, 2**30


def training_seed(seed: int, copy: int, episode: int) -> int:
    """Where the `episode`-th episode of a copy begins: a function of these three numbers, in [2^30, 2^31)."""
    return TRAINING + int(bits(1, seed, f"episodes of copy {copy}", episode)[0] % 2**30)


@dataclass(frozen=True)
class Outcome:
    """What a step led to, one row for each copy: `following` is what was seen after it, the last observation of an episode
    too; `terminated` says that nothing follows, `truncated` that only watching ended, so that the value of `following`
    counts; `returns` are the sums of rewards of the episodes that ended with this step."""

    following: np.ndarray
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    returns: list[float]

    @property
    def ended(self) -> np.ndarray:
        return self.terminated | self.truncated


class Environments:
    """`count` copies made by `make`; where an episode ends, the next has begun when `step` returns.

    `observations` (count, ...) is what is seen now. Every row of every step is a real one: gymnasium's own vector
    environments spend a step on each reset, whose transition would have to be masked. Episode e of copy i begins with
    `reset(seed=seed_of(i, e))`, so that a place is the number of the episode and the actions taken in it: `restore`
    plays them once more and the rest goes as it would have gone.
    """

    def __init__(self, make: Callable[[], Any], count: int, seed_of: Callable[[int, int], int], dtype: str = "float32") -> None:
        if count < 1:
            raise ValueError(f"Environments: count must be 1 or more, got {count}")
        self.copies = [make() for _ in range(count)]
        self.seed_of = seed_of
        self.dtype = dtype
        self.actions: list[list] = [[] for _ in self.copies]
        self.sums = np.zeros(count)
        self.begin()

    def begin(self) -> None:
        """Every copy at the start of its first episode."""
        self.episode = [-1] * len(self)
        self.observations = np.stack([self._begun(i) for i in range(len(self))])

    def __len__(self) -> int:
        return len(self.copies)

    def step(self, actions: np.ndarray, only: np.ndarray | None = None) -> Outcome:
        """`actions` (count,) or (count, ...). Copies where `only` is false stay as they are, with reward 0."""
        following = self.observations.copy()
        self.observations = self.observations.copy()  # whoever holds what was seen before keeps it
        rewards = np.zeros(len(self), np.float32)
        terminated, truncated = np.zeros(len(self), bool), np.zeros(len(self), bool)
        returns = []
        for i in range(len(self)) if only is None else np.flatnonzero(only).tolist():
            seen, rewards[i], terminated[i], truncated[i] = self._stepped(i, actions[i])
            following[i] = seen
            self.observations[i] = seen
            if terminated[i] or truncated[i]:
                returns.append(float(self.sums[i]))
                self.observations[i] = self._begun(i)
        return Outcome(following, rewards, terminated, truncated, returns)

    def _begun(self, i: int) -> np.ndarray:
        self.episode[i] += 1
        self.actions[i] = []
        self.sums[i] = 0.0
        seen, _ = self.copies[i].reset(seed=self.seed_of(i, self.episode[i]))
        return np.asarray(seen, self.dtype)

    def _stepped(self, i: int, action: Any) -> tuple[np.ndarray, float, bool, bool]:
        self.actions[i].append(action.tolist())
        seen, reward, terminated, truncated, _ = self.copies[i].step(action)
        self.sums[i] += float(reward)
        return np.asarray(seen, self.dtype), float(reward), bool(terminated), bool(truncated)

    def place(self) -> dict[str, Any]:
        """Where the copies are, as plain data."""
        return {"episode": list(self.episode), "actions": [list(a) for a in self.actions]}

    def restore(self, place: dict[str, Any], observations: np.ndarray, action_dtype: str) -> None:
        """Go back to a place; `observations` are those that were seen there. Raises ValueError when others are seen now."""
        if len(place["episode"]) != len(self) or observations.shape != self.observations.shape:
            raise ValueError(f"Environments.restore: the place is one of {len(place['episode'])} copies with observations "
                             f"{observations.shape}, but there are {len(self)} with {self.observations.shape}")
        for i, (episode, actions) in enumerate(zip(place["episode"], place["actions"])):
            self.episode[i] = episode - 1
            seen = self._begun(i)
            for action in np.asarray(actions, action_dtype):
                seen = self._stepped(i, action)[0]
            self.observations[i] = seen
        if not np.array_equal(self.observations, observations, equal_nan=True):
            raise ValueError("the environment went another way when the same actions were taken from the same seed, so the run "
                             "cannot be gone on with exactly: is it another version of it?")

    def close(self) -> None:
        for copy in self.copies:
            copy.close()
