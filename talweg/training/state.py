"""Where a run is: all that deciding its next step takes, besides weights and optimizer.

Orders and random numbers are functions of (seed, epoch, index) and (seed, call), so a place in a run is a few numbers,
and going back to it costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..tensor import Tensor, default_generator
from .events import EpochRecord


@dataclass(frozen=True)
class Score:
    """Mean loss per sample, share of errors, and over how many samples."""

    loss: float
    error: float | None
    samples: int


@dataclass
class Total:
    """Sums over batches, each weighted by its samples: the last one may be smaller. Seconds are those of training."""

    loss_sum: float = 0.0
    wrong: int | None = None
    samples: int = 0
    norm_sum: float = 0.0
    updates: int = 0
    seconds: float = 0.0

    def add(self, mean_loss: float, wrong: int | None, samples: int) -> None:
        self.loss_sum += mean_loss * samples
        self.samples += samples
        if wrong is not None:
            self.wrong = (self.wrong or 0) + wrong

    def add_update(self, gradient_norm: float, seconds: float) -> None:
        self.norm_sum += gradient_norm
        self.updates += 1
        self.seconds += seconds

    @property
    def loss(self) -> float:
        return self.loss_sum / self.samples

    @property
    def error(self) -> float | None:
        return None if self.wrong is None else self.wrong / self.samples

    @property
    def gradient_norm(self) -> float | None:
        return self.norm_sum / self.updates if self.updates else None

    def score(self, call: str) -> Score:
        if self.samples == 0:
            raise ValueError(f"{call}: the loader gave no samples")
        return Score(self.loss, self.error, self.samples)


@dataclass
class TrainingState:
    """`epoch` epochs are over, and `step` steps of the next; `updates` counts all steps of the run, those that were skipped
    because their loss was not finite too. `random` and `epoch_random` are the default generator's state now and when the
    epoch began. `best_weights` are those of the best epoch so far."""

    epoch: int = 0
    step: int = 0
    updates: int = 0
    skipped: int = 0
    total: Total = field(default_factory=Total)
    records: list[EpochRecord] = field(default_factory=list)
    random: tuple[int, int] | None = None
    epoch_random: tuple[int, int] | None = None
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    torn: bool = False  # within a step: weights and numbers are of two moments

    @property
    def best(self) -> EpochRecord | None:
        return next((r for r in reversed(self.records) if r.best), None)

    def note_random(self) -> None:
        """Take the default generator's state down, as the epoch's first too if this is its beginning."""
        self.random = generator_state()
        if self.step == 0:
            self.epoch_random = self.random

    def as_dict(self) -> dict[str, Any]:
        """Plain data, without the weights."""
        values = {k: v for k, v in vars(self).items() if k not in ("best_weights", "total", "records", "torn")}
        return values | {"total": asdict(self.total), "records": [r.as_dict() for r in self.records]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingState:
        """What as_dict gave. Raises ValueError for anything else."""
        try:
            kept = dict(values)
            total = Total(**kept.pop("total"))
            records = [EpochRecord(**record) for record in kept.pop("records")]
            pairs = {name: kept[name] and (int(kept[name][0]), int(kept[name][1])) for name in ("random", "epoch_random")}
            return cls(**(kept | pairs), total=total, records=records)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ValueError(f"the saved state is not that of a training run ({error!r})") from error


def generator_state() -> tuple[int, int]:
    """The default generator's (seed, calls)."""
    seed, calls = default_generator.get_state().view(np.uint64).tolist()
    return seed, calls


def set_generator(state: tuple[int, int] | None) -> None:
    if state is not None:
        default_generator.set_state(np.array(state, np.uint64).view(np.int64))
