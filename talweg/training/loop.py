"""The training loop, in the open: forward, backward, step; then validate; keep the best (L 3.5)."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import nn, optim
from ..compile.engine import compile_at_first_sight
from ..tensor import Tensor, no_grad
from .economy import in_precision, recomputing
from .events import EpochRecord, Listener
from .metrics import count_errors
from .schedules import Schedule, constant

ErrorCount = Callable[[Tensor, Tensor], int]


@dataclass(frozen=True)
class Score:
    """Mean loss per sample, share of errors, and over how many samples."""

    loss: float
    error: float | None
    samples: int


@dataclass
class FitResult:
    """Every epoch's record, the best one, and whether Ctrl-C or patience ended the run."""

    records: list[EpochRecord] = field(default_factory=list)
    best: EpochRecord | None = None
    interrupted: bool = False
    stopped_early: bool = False
    seconds: float = 0.0


def _repeatable(function: Callable) -> Callable:
    """Two runs of one process then go the same way: otherwise the first would be interpreted until it is hot."""

    @functools.wraps(function)
    def run(*args, **kwargs):
        with compile_at_first_sight():
            return function(*args, **kwargs)

    return run


@_repeatable
def fit(
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    optimizer: optim.Optimizer,
    train_loader: Any,
    validation_loader: Any,
    *,
    epochs: int,
    first_epoch: int = 1,
    error: ErrorCount | None = count_errors,
    schedule: Schedule = constant,
    clip_norm: float | None = None,
    monitor: str = "loss",
    patience: int | None = None,
    listeners: Sequence[Listener] = (),
    precision: str = "fp32",
    checkpoint_activations: bool = False,
) -> FitResult:
    """Train for `epochs` passes and leave the best epoch's weights in the model.

    Best is the lowest validation loss, or with `monitor="error"` the lowest validation error and among
    equals the lowest loss. `patience` epochs without a better one end the run. Loaders give (inputs,
    targets). With `precision="bf16"` matrix products and convolutions run in bfloat16, while parameters and
    optimiser stay float32; `checkpoint_activations` computes activations again instead of keeping them. Ctrl-C
    ends the run early with what it has. Raises ValueError for empty loaders or bad arguments, FloatingPointError
    when the loss is no longer finite.
    """
    _check(epochs, monitor, patience, error, train_loader)
    with in_precision(precision), recomputing(model, checkpoint_activations):
        pass  # what does not fit is refused before the first epoch
    result = FitResult()
    best_weights: dict[str, Tensor] = {}
    start = time.perf_counter()
    for listener in listeners:
        listener.begin(epochs, first_epoch, len(train_loader))
    try:
        for epoch in range(first_epoch, epochs + 1):
            began = time.perf_counter()
            rate = _Rate(optimizer, schedule, (epoch - 1) * len(train_loader), epochs * len(train_loader))
            train = train_epoch(model, loss, optimizer, train_loader, error, rate, clip_norm, listeners,
                                precision, checkpoint_activations)
            _check_finite(train.loss, epoch)
            seconds = time.perf_counter() - began
            validation = evaluate(model, loss, validation_loader, error, precision)
            record = EpochRecord(
                epoch, train.loss, train.error, validation.loss, validation.error, rate.now,
                seconds, train.samples / seconds, best=_better(validation, result.best, monitor),
            )
            result.records.append(record)
            if record.best:
                result.best = record
                best_weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
            for listener in listeners:
                listener.epoch(record)
            if patience is not None and result.best and epoch - result.best.epoch >= patience:
                result.stopped_early = True
                break
    except KeyboardInterrupt:
        result.interrupted = True
    finally:
        if best_weights:
            model.load_state_dict(best_weights)
        for listener in listeners:
            listener.end()
        result.seconds = time.perf_counter() - start
    return result


def train_epoch(
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    optimizer: optim.Optimizer,
    loader: Iterable,
    error: ErrorCount | None = count_errors,
    before_step: Callable[[], None] = lambda: None,
    clip_norm: float | None = None,
    listeners: Sequence[Listener] = (),
    precision: str = "fp32",
    checkpoint_activations: bool = False,
) -> Score:
    """One pass over the training data. The score is the mean over the batches as they were learned."""
    model.train()
    total = _Total()
    for inputs, targets in loader:
        before_step()
        optimizer.zero_grad()
        with recomputing(model, checkpoint_activations), in_precision(precision):
            outputs = model(inputs)
            value = loss(outputs, targets)
        value.backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        optimizer.step()
        # Looked at only after the step, so that forward, backward and update are recorded as one graph.
        total.add(value.item(), error and error(outputs, targets), len(targets))
        for listener in listeners:
            listener.batch(total.loss, total.error, len(targets))
    return total.score("train_epoch")


def evaluate(
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    loader: Iterable,
    error: ErrorCount | None = count_errors,
    precision: str = "fp32",
) -> Score:
    """Mean loss and error in evaluation mode, without gradients. Raises ValueError for an empty loader."""
    was_training = model.training
    model.eval()
    total = _Total()
    with no_grad():
        for inputs, targets in loader:
            with in_precision(precision):
                outputs = model(inputs)
                value = loss(outputs, targets)
            total.add(value.item(), error and error(outputs, targets), len(targets))
    model.train(was_training)
    return total.score("evaluate")


class _Total:
    """Sums over batches, each weighted by its samples: the last one may be smaller."""

    def __init__(self) -> None:
        self.loss_sum = 0.0
        self.wrong: int | None = None
        self.samples = 0

    def add(self, mean_loss: float, wrong: int | None, samples: int) -> None:
        self.loss_sum += mean_loss * samples
        self.samples += samples
        if wrong is not None:
            self.wrong = (self.wrong or 0) + wrong

    @property
    def loss(self) -> float:
        return self.loss_sum / self.samples

    @property
    def error(self) -> float | None:
        return None if self.wrong is None else self.wrong / self.samples

    def score(self, call: str) -> Score:
        if self.samples == 0:
            raise ValueError(f"{call}: the loader gave no samples")
        return Score(self.loss, self.error, self.samples)


class _Rate:
    """Sets each group's learning rate before a step: its base rate times the schedule's factor."""

    def __init__(self, optimizer: optim.Optimizer, schedule: Schedule, done: int, steps: int) -> None:
        self.groups = optimizer.param_groups
        self.schedule = schedule
        self.done = done
        self.steps = steps
        for group in self.groups:
            group.setdefault("initial_lr", group["lr"])

    def __call__(self) -> None:
        factor = self.schedule(self.done / self.steps)
        for group in self.groups:
            group["lr"] = group["initial_lr"] * factor
        self.done += 1

    @property
    def now(self) -> float:
        return float(self.groups[0]["lr"])


def _better(score: Score, best: EpochRecord | None, monitor: str) -> bool:
    if not math.isfinite(score.loss):
        return False
    if best is None:
        return True
    if monitor == "error" and score.error is not None and best.validation_error is not None:
        return (score.error, score.loss) < (best.validation_error, best.validation_loss)
    return score.loss < best.validation_loss


def _check_finite(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the training loss became {loss} in epoch {epoch}: try a smaller learning rate"
        )


def _check(epochs: int, monitor: str, patience: int | None, error: ErrorCount | None, loader: Any) -> None:
    if epochs < 1:
        raise ValueError(f"fit: epochs must be 1 or more, got {epochs}")
    if monitor not in ("loss", "error"):
        raise ValueError(f"fit: monitor must be 'loss' or 'error', got {monitor!r}")
    if monitor == "error" and error is None:
        raise ValueError("fit: monitor='error' needs an `error` that counts them")
    if patience is not None and patience < 1:
        raise ValueError(f"fit: patience must be 1 epoch or more, got {patience}")
    if len(loader) == 0:
        raise ValueError("fit: the training loader gives no batches: is the dataset empty?")
