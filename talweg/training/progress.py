"""Showing how a run goes: a bar on a terminal, plain lines in a file, nothing when asked to be quiet."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from .events import LOSS, EpochRecord, Figure, Listener


def progress_for(console: Console, quiet: bool = False, figure: Figure = LOSS) -> Listener:
    """The listener that suits where the output goes."""
    if quiet:
        return Listener()
    return (BarProgress if console.is_terminal else LineProgress)(console, figure)


class LineProgress(Listener):
    """One line an epoch."""

    def __init__(self, console: Console, figure: Figure = LOSS) -> None:
        self.console = console
        self.figure = figure
        self.epochs = 0

    def note(self, text: str) -> None:
        self.console.print(f"Note: {text}", highlight=False, soft_wrap=True, markup=False)

    def begin(self, epochs: int, first_epoch: int, batches: int) -> None:
        self.epochs = epochs

    def epoch(self, record: EpochRecord) -> None:
        self.console.print(epoch_line(record, self.epochs, self.figure), highlight=False, soft_wrap=True)


class BarProgress(LineProgress):
    """The same lines above a bar with loss, error, speed and the time left."""

    def begin(self, epochs: int, first_epoch: int, batches: int) -> None:
        super().begin(epochs, first_epoch, batches)
        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
            console=self.console,
            transient=True,
        )
        done = (first_epoch - 1) * batches
        self.task = self.bar.add_task(
            "train", total=epochs * batches, completed=done, epoch=first_epoch, epochs=epochs, figures=""
        )
        self.started = time.perf_counter()
        self.samples = 0
        self.bar.start()

    def batch(self, loss: float, error: float | None, samples: int) -> None:
        self.samples += samples
        speed = self.samples / max(time.perf_counter() - self.started, 1e-9)
        figures = f"{self.figure.name} {self.figure.text(loss)}  {_percent('error', error)}{speed:,.0f} samples/s"
        self.bar.update(self.task, advance=1, figures=figures)

    def epoch(self, record: EpochRecord) -> None:
        super().epoch(record)
        self.bar.update(self.task, epoch=min(record.epoch + 1, self.epochs))

    def end(self) -> None:
        self.bar.stop()


def epoch_line(record: EpochRecord, epochs: int, figure: Figure = LOSS) -> str:
    """`epoch  3/20  train loss 0.1034 error 2.9 %  validation loss ...`, with a star on the best so far."""
    width = len(str(epochs))
    return (
        f"epoch {record.epoch:>{width}}/{epochs}"
        f"  train {figure.name} {figure.text(record.train_loss)} {_percent('error', record.train_error)}"
        f" validation {figure.name} {figure.text(record.validation_loss)} {_percent('error', record.validation_error)}"
        f" {record.samples_per_second:,.0f} samples/s{'  *best' if record.best else ''}"
    )


def _percent(name: str, share: float | None) -> str:
    return "" if share is None else f"{name} {100 * share:5.2f} %  "
