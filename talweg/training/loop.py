"""The training loop, in the open: forward, backward, step; then validate; keep the best (L 3.5)."""

from __future__ import annotations

import functools
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import nn, optim
from ..compile.engine import compile_at_first_sight
from ..tensor import no_grad
from .economy import in_precision, recomputing
from .events import EpochRecord, Listener
from .metrics import count_errors
from .schedules import Rate, Schedule, constant
from .signals import StopSignals
from .state import Score, Total, TrainingState, set_generator
from .update import ON_NAN, ErrorCount, Loss, Update, called, samples


@dataclass
class FitResult:
    """Every epoch's record, the best one, what ended the run early (Ctrl-C, a signal's number, patience), and where it is."""

    records: list[EpochRecord] = field(default_factory=list)
    best: EpochRecord | None = None
    interrupted: bool = False
    signal: int | None = None
    stopped_early: bool = False
    skipped: int = 0
    seconds: float = 0.0
    state: TrainingState = field(default_factory=TrainingState)


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
    loss: Loss,
    optimizer: optim.Optimizer,
    train_loader: Any,
    validation_loader: Any,
    *,
    epochs: int | None = None,
    steps: int | None = None,
    start: TrainingState | None = None,
    error: ErrorCount | None = count_errors,
    validation_loss: Loss | None = None,
    validate: Callable[[nn.Module], Score] | None = None,
    schedule: Schedule = constant,
    clip_norm: float | None = None,
    accumulate: int = 1,
    weight: Callable[[Any], int] = samples,
    average: optim.swa_utils.AveragedModel | None = None,
    monitor: str = "loss",
    patience: int | None = None,
    on_nan: str = "stop",
    listeners: Sequence[Listener] = (),
    precision: str = "fp32",
    checkpoint_activations: bool = False,
    update: Callable[..., Any] = Update,
) -> FitResult:
    """Train for `epochs` passes over the data or `steps` steps, and leave the best epoch's weights in the model.

    A batch is (inputs, targets), each a tensor or a tuple of some; a tuple of inputs is the model's arguments. A step learns
    from `accumulate` batches, each with its `weight` (samples, or tokens). `validate(model)` takes the place of the mean loss
    over `validation_loader`, `update` that of the step, for models that learn in turns. Best is the lowest validation
    loss, or with `monitor="error"` the lowest validation error and among equals the lowest loss. `patience` epochs
    without a better one end the run. `average` follows the weights (see optim.swa_utils); it is then what is validated
    and kept. A loss or gradient that is not finite changes nothing: FloatingPointError names the first operation at
    fault, or with on_nan="skip" the step is left out. `precision="bf16"` and `checkpoint_activations`: see economy.py.

    `start` is the state of a run that was saved; with the weights and the optimizer of that moment, and loaders in the
    same order, the run ends as it would have without the interruption, to the last bit. Ctrl-C and SIGTERM end it after
    the present step; listeners are told by `leave`. Raises ValueError for empty loaders or bad arguments.
    """
    _check(epochs, steps, monitor, patience, error, train_loader, accumulate, on_nan)
    with in_precision(precision), recomputing(model, checkpoint_activations):
        pass  # what does not fit is refused before the first epoch
    state = start or TrainingState()
    length = math.ceil(len(train_loader) / accumulate)
    limit = steps or length * (epochs or 0)
    result = FitResult(state=state)
    learn = update(model, loss, optimizer, error, weight, clip_norm, precision, checkpoint_activations, on_nan)
    rate = Rate(optimizer, schedule, limit)
    set_generator(state.random)
    validated = average.module if average is not None else model
    follow = _averaging(average, model, accumulate)
    judge = functools.partial(evaluate, loss=validation_loss or loss, loader=validation_loader, error=error, precision=precision)
    began = time.perf_counter()
    with StopSignals() as signals:
        try:
            for listener in listeners:
                listener.begin(math.ceil(limit / length), state.epoch + 1, length)
            while state.updates < limit and not _patience_is_over(state, patience):
                for batches in _steps(train_loader, accumulate, state):
                    since = time.perf_counter()
                    rate.set(state)
                    _learn(learn, batches, state, since)
                    if follow is not None:
                        follow()
                    for listener in listeners:
                        if state.total.samples:
                            listener.batch(state.total.loss, state.total.error, sum(samples(t) for _, t in batches))
                        listener.step()
                    if state.updates == limit:
                        break
                    if signals.received is not None:
                        raise KeyboardInterrupt
                score = _validated(validated, validate or judge)
                record = _end_of_epoch(state, score, rate.now, monitor, validated)
                for listener in listeners:
                    listener.epoch(record)
                if signals.received is not None and state.updates < limit:
                    raise KeyboardInterrupt
            result.stopped_early = state.updates < limit
        except KeyboardInterrupt:
            result.interrupted = True
            result.signal = signals.received
            for listener in listeners:
                listener.leave()
        finally:
            if state.best_weights:
                model.load_state_dict(state.best_weights)
            for listener in listeners:
                listener.end()
    result.records, result.best, result.skipped = state.records, state.best, state.skipped
    result.seconds = time.perf_counter() - began
    return result


def _averaging(average: optim.swa_utils.AveragedModel | None, model: nn.Module, accumulate: int) -> Callable[[], None] | None:
    """What follows the weights after a step. A step over several batches is no program of its own, and one for the average
    between such steps rounds otherwise after a resumption (tests/test_resume.py): it is then recorded with the next step."""
    if average is None:
        return None
    return average.following(model) if accumulate == 1 else functools.partial(average.update_parameters, model)


def _steps(loader: Any, accumulate: int, state: TrainingState) -> Iterator[list]:
    """The batches of each step that is left of the epoch."""
    if hasattr(loader, "set_epoch"):
        loader.set_epoch(state.epoch)
    resumed = state.step > 0
    if resumed:  # an order drawn from the default generator was drawn when the epoch began
        set_generator(state.epoch_random)
    else:
        state.note_random()
    batches = _from(loader, state.step * accumulate)
    while True:
        step = list(itertools.islice(batches, accumulate))
        if resumed:
            set_generator(state.random)
            resumed = False
        if not step:
            return
        yield step


def _from(loader: Any, start: int) -> Iterator:
    """The loader's batches from this one on; nothing is fetched that is passed over, if the loader can do that."""
    return loader.batches(start) if hasattr(loader, "batches") else itertools.islice(iter(loader), start, None)


def _learn(update: Callable[..., Any], batches: list, state: TrainingState, since: float) -> None:
    """One step, and what the state says of it. While it lasts the state is torn: not to be saved."""
    state.torn = True
    done = update(batches, f" in epoch {state.epoch + 1}, step {state.step + 1}")
    if done is None:
        state.skipped += 1
    else:
        learned, norm = done
        for part in learned:
            state.total.add(part.loss, part.wrong, part.samples)
        state.total.add_update(norm, time.perf_counter() - since)
    state.step += 1
    state.updates += 1
    state.note_random()
    state.torn = False


def _end_of_epoch(state: TrainingState, score: Score, rate: float, monitor: str, model: nn.Module) -> EpochRecord:
    """Note the epoch and, if it is the best one, its weights; the state is then at the beginning of the next."""
    total = state.total
    if total.samples == 0:
        raise FloatingPointError(f"every step of epoch {state.epoch + 1} was skipped, because its loss or gradient was not "
                                 "finite: try a smaller learning rate")
    record = EpochRecord(
        state.epoch + 1, total.loss, total.error, score.loss, score.error, rate, total.seconds,
        total.samples / max(total.seconds, 1e-9), _better(score, state.best, monitor), total.gradient_norm,
    )
    if record.best:
        state.best_weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
    state.records.append(record)
    state.epoch, state.step, state.total = state.epoch + 1, 0, Total()
    state.note_random()
    return record


def evaluate(
    model: nn.Module,
    loss: Loss,
    loader: Iterable,
    error: ErrorCount | None = count_errors,
    precision: str = "fp32",
) -> Score:
    """Mean loss and error in evaluation mode, without gradients. Raises ValueError for an empty loader."""
    was_training = model.training
    model.eval()
    total = Total()
    with no_grad():
        for inputs, targets in loader:
            with in_precision(precision):
                outputs = called(model, inputs)
                value = loss(outputs, targets)
            total.add(value.item(), error and error(outputs, targets), samples(targets))
    model.train(was_training)
    return total.score("evaluate")


def _validated(model: nn.Module, validate: Callable[[nn.Module], Score]) -> Score:
    was_training = model.training
    model.eval()
    with no_grad():
        score = validate(model)
    model.train(was_training)
    return score


def _patience_is_over(state: TrainingState, patience: int | None) -> bool:
    best = state.best
    return patience is not None and best is not None and state.step == 0 and state.epoch - best.epoch >= patience


def _better(score: Score, best: EpochRecord | None, monitor: str) -> bool:
    if not math.isfinite(score.loss):
        return False
    if best is None:
        return True
    if monitor == "error" and score.error is not None and best.validation_error is not None:
        return (score.error, score.loss) < (best.validation_error, best.validation_loss)
    return score.loss < best.validation_loss


def _check(epochs: int | None, steps: int | None, monitor: str, patience: int | None, error: ErrorCount | None, loader: Any,
           accumulate: int, on_nan: str) -> None:
    if (epochs is None) == (steps is None):
        raise ValueError(f"fit: give either epochs or steps, got epochs={epochs} and steps={steps}")
    rules = {
        "epochs": (epochs is None or epochs >= 1, epochs, "1 or more"),
        "steps": (steps is None or steps >= 1, steps, "1 or more"),
        "monitor": (monitor in ("loss", "error"), repr(monitor), "'loss' or 'error'"),
        "patience": (patience is None or patience >= 1, patience, "1 epoch or more"),
        "accumulate": (accumulate >= 1, accumulate, "1 batch or more"),
        "on_nan": (on_nan in ON_NAN, repr(on_nan), "'stop' or 'skip'"),
    }
    for name, (holds, value, rule) in rules.items():
        if not holds:
            raise ValueError(f"fit: {name} must be {rule}, got {value}")
    if monitor == "error" and error is None:
        raise ValueError("fit: monitor='error' needs an `error` that counts them")
    if len(loader) == 0:
        raise ValueError("fit: the training loader gives no batches: is the dataset empty?")
