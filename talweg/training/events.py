"""What the loop tells those who listen: progress, history, checkpoints."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class EpochRecord:
    """One epoch. Losses are means per sample, errors shares in [0, 1], None where there are none. `gradient_norm` is the mean
    over the steps, before clipping."""

    epoch: int
    train_loss: float
    train_error: float | None
    validation_loss: float
    validation_error: float | None
    learning_rate: float
    seconds: float
    samples_per_second: float
    best: bool
    gradient_norm: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Figure:
    """What people call the losses of a run, and the sign that they see: what is minimised may be minus a return."""

    name: str = "loss"
    unit: str = "mean loss (nats)"
    sign: int = 1

    def text(self, loss: float) -> str:
        return f"{loss:.4f}" if self.sign > 0 else f"{0.0 - loss:.1f}"  # never -0.0


LOSS = Figure()


class Listener:
    """Hears of the run as it goes. Each method may be left out."""

    def note(self, text: str) -> None:
        """Something about the data that the user should know, before the run starts."""

    def begin(self, epochs: int, first_epoch: int, batches: int) -> None:
        """The run starts at `first_epoch` (counted from 1) and ends with `epochs`."""

    def batch(self, loss: float, error: float | None, samples: int) -> None:
        """A batch of `samples` was learned from; `loss` and `error` are the epoch's means so far."""

    def step(self) -> None:
        """A step is over: weights, optimizer and state are of one moment and may be saved."""

    def epoch(self, record: EpochRecord) -> None:
        """An epoch is over and validated; the model still holds its weights."""

    def leave(self) -> None:
        """The run is left before its end, by a signal; the model still holds the last step's weights."""

    def end(self) -> None:
        """The run is over, however it ended."""
