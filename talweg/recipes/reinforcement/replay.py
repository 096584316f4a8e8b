"""The replay memory: the last transitions, drawn from uniformly, so that a batch is no longer one stretch of one episode
(Lin 1992; Mnih et al. 2015)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

FIELDS = ("observations", "actions", "rewards", "following", "terminated")


class Replay:
    """A ring of `capacity` transitions (s, a, r, s', terminated): the newest takes the oldest one's place."""

    def __init__(self, capacity: int, observation: tuple[tuple[int, ...], str], action: tuple[tuple[int, ...], str]) -> None:
        if capacity < 1:
            raise ValueError(f"Replay: capacity must be 1 or more, got {capacity}")
        kinds = {"observations": observation, "actions": action, "rewards": ((), "float32"), "following": observation,
                 "terminated": ((), "float32")}
        self.capacity = capacity
        self.added = 0
        self._arrays = {name: np.zeros((capacity, *shape), dtype) for name, (shape, dtype) in kinds.items()}

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(self, *transitions: np.ndarray) -> None:
        """Arrays (n, ...) in the order of FIELDS; n may be at most the capacity."""
        count = len(transitions[0])
        if len(transitions) != len(FIELDS) or count > self.capacity:
            raise ValueError(f"Replay.add: takes {', '.join(FIELDS)} of at most {self.capacity} transitions, got "
                             f"{len(transitions)} arrays of {count}")
        where = (self.added + np.arange(count)) % self.capacity
        for name, values in zip(FIELDS, transitions):
            self._arrays[name][where] = values
        self.added += count

    def sample(self, count: int, random: np.random.Generator) -> list[np.ndarray]:
        """`count` transitions, each uniform and independent of the others, as arrays (count, ...) in the order of FIELDS.

        Raises ValueError when nothing has been added.
        """
        if len(self) == 0:
            raise ValueError("Replay.sample: the memory is empty")
        where = random.integers(0, len(self), count)
        return [self._arrays[name][where] for name in FIELDS]

    def arrays(self) -> dict[str, np.ndarray]:
        """What `restore` takes: the filled part of the ring."""
        return {name: array[: len(self)] for name, array in self._arrays.items()}

    def restore(self, arrays: Mapping[str, np.ndarray], added: int) -> None:
        """Raises ValueError for arrays that are not those of such a memory."""
        size = min(added, self.capacity)
        for name, array in self._arrays.items():
            found = arrays.get(name)
            if found is None or found.shape != (size, *array.shape[1:]) or found.dtype != array.dtype:
                raise ValueError(f"Replay.restore: {name} must be {(size, *array.shape[1:])} of {array.dtype}, got "
                                 f"{None if found is None else (found.shape, str(found.dtype))}")
            array[:size] = found
        self.added = added
