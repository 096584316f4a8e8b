"""Saving while training: the last state for going on, the best weights for using."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from .. import nn, optim
from ..io import save_best, save_last
from ..training import EpochRecord, Listener, TrainingState
from ..training.history import plain

MINUTES = 3.0
"""Between two saves within an epoch, where no number of steps is given."""


class Checkpoints(Listener):
    """Saves after every epoch, every `every` steps (or every few minutes), and when the run is left.

    The best weights so far are the run's model; with keep_best k > 1 those of the k best epochs are kept beside it, as
    epoch-0007.safetensors. `average`, if there is one, is what is evaluated and kept.
    """

    def __init__(
        self, run: Path, model: nn.Module, optimizer: optim.Optimizer, state: TrainingState, *,
        average: optim.swa_utils.AveragedModel | None = None, every: int | None = None, keep_best: int = 1,
        monitor: str = "loss",
    ) -> None:
        self.run = run
        self.model = model
        self.optimizer = optimizer
        self.state = state
        self.average = average
        self.every = every
        self.keep_best = keep_best
        self.monitor = monitor
        self._saved_at = time.monotonic()

    def step(self) -> None:
        if self.every is not None:
            if self.state.updates % self.every == 0:
                self.save()
        elif time.monotonic() - self._saved_at > 60 * MINUTES:
            self.save()

    def epoch(self, record: EpochRecord) -> None:
        kept = self.average.module if self.average is not None else self.model
        # No times: with one seed, two runs write the same file to the last bit.
        about = {"epoch": record.epoch, "validation_loss": record.validation_loss}
        try:
            if record.best:
                save_best(self.run, kept, about)
            self._keep_best(record, kept, about)
        except OSError as error:
            raise self._told(error) from error
        self.save()

    def leave(self) -> None:
        if not self.state.torn:
            self.save()

    def save(self) -> None:
        """Raises OSError with what to do when the disk is full or the folder cannot be written."""
        others = {"best": self.state.best_weights}
        if self.average is not None:
            others["average"] = self.average.state_dict()
        try:
            save_last(self.run, self.model, self.optimizer, self.state.as_dict(), others, self._shown())
        except OSError as error:
            raise self._told(error) from error
        self._saved_at = time.monotonic()

    def _shown(self) -> dict[str, Any]:
        """What state.json tells people."""
        best, records = self.state.best, self.state.records
        last = plain(records[-1].as_dict()) if records else {"epoch": 0}
        return last | {"step": self.state.step, "updates": self.state.updates, "best_epoch": best and best.epoch}

    def _keep_best(self, record: EpochRecord, model: nn.Module, about: dict[str, Any]) -> None:
        if self.keep_best == 1:
            return
        ranked = sorted(self.state.records, key=self._rank)[: self.keep_best]
        if record in ranked:
            save_best(self.run, model, about, _name(record.epoch))
        names = {_name(r.epoch) for r in ranked}
        for file in self.run.glob("epoch-*.safetensors"):
            if file.name not in names:
                file.unlink()

    def _rank(self, r: EpochRecord) -> tuple:
        loss = (not r.validation_loss < float("inf"), r.validation_loss)  # nan last
        return (r.validation_error, *loss) if self.monitor == "error" else loss

    def _told(self, error: OSError) -> OSError:
        return OSError(
            error.errno,
            f"the checkpoint could not be saved ({(error.strerror or str(error)).lower()}); the save before is as it was. Once "
            f"there is room and the folder can be written, go on with `talweg train --resume {self.run}`",
            str(self.run),
        )


def _name(epoch: int) -> str:
    return f"epoch-{epoch:04d}.safetensors"
