"""Image classification: train a named model on a named dataset, evaluate it, predict with it (L 6.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..data import DataLoader, Dataset, Splits, TensorDataset, choose, short_name, targets_of
from ..io import load_model, read_training, save_best, write_settings
from ..tensor import Tensor, from_numpy, no_grad, zeros
from ..training import (
    Findings,
    FitResult,
    History,
    LayerNorms,
    LayerRow,
    Listener,
    TensorBoard,
    confusion_matrix,
    environment,
    fit,
    read_norms,
    softmax,
    summarise,
    write_report,
)
from .checkpoints import Checkpoints
from .classify_parts import LARGE_BATCH, Task, loss_of, model_of, schedule_of
from .classify_settings import WITHOUT_EFFECT, Settings
from .prepared import Prepared, pictures_of, pixels_of
from .runs import config_of, new_run
from .settings import changed, from_mapping


@dataclass(frozen=True)
class Outcome:
    """A finished training: where it is kept, how it went, and the best weights' figures on the test split."""

    run: Path
    settings: Settings
    result: FitResult
    test_loss: float
    test_error: float
    test_samples: int
    missing: str | None

    @property
    def test_accuracy(self) -> float:
        return 1 - self.test_error


def train(settings: Settings, out: str | Path | None = None, listeners: Sequence[Listener] = ()) -> Outcome:
    """Train, keep checkpoints, history and report in a new run folder, and look at the test split once.

    The test figures are those of the best epoch's weights. Ctrl-C and SIGTERM end the training after the step it is in,
    the rest follows. Raises ValueError for contradictory settings, ModuleNotFoundError when the data need an extra,
    FloatingPointError when training diverges; the best checkpoint so far stays.
    """
    task = Task.begun(settings, labelled(settings))
    run = new_run(out or Path("runs") / f"{settings.model}-{short_name(settings.data)}")
    write_settings(run / "config.yaml", _config(settings, task.splits))
    return _carried_out(task, run, listeners)


def resume(run: str | Path, changes: Mapping[str, Any] | None = None, listeners: Sequence[Listener] = ()) -> Outcome:
    """Go on with a run that was interrupted or killed: it ends with the weights it would have ended with, to the last bit.

    `changes` are settings that were given again: those that decide the weights must be the run's. Raises ValueError when
    they are not, or when the data have changed, and as `load_run` does.
    """
    run = Path(run)
    config = config_of(run)
    settings = _settings_of(config, run)
    settings = changed(settings, changes or {}, WITHOUT_EFFECT, f"--resume {run}")
    splits = labelled(settings)
    if from_mapping(Prepared, config["input"]) != _prepared(splits):
        raise ValueError(f"{settings.data}: has changed since {run} was begun, so that going on would mix two trainings: bring "
                         "the old data back, or train again")
    task = Task.begun(settings, splits)
    with suppress(FileNotFoundError):  # killed before the first save
        task.restore(read_training(run, partial(_tell, listeners)))
    return _carried_out(task, run, listeners)


def _tell(listeners: Sequence[Listener], text: str) -> None:
    for listener in listeners:
        listener.note(text)


def _carried_out(task: Task, run: Path, listeners: Sequence[Listener]) -> Outcome:
    settings, splits = task.settings, task.splits
    notes = [*splits.notes, *task.remarks]
    for note in notes:
        _tell(listeners, note)
    layers = summarise(task.model, zeros(1, *splits.input_shape))
    checkpoints = Checkpoints(
        run, task.model, task.optimizer, task.state, average=task.average, every=settings.save_every,
        keep_best=settings.keep_best, monitor=settings.monitor,
    )
    watching: list[Listener] = [*listeners, History(run), LayerNorms(run, task.model)]
    if settings.tensorboard:
        watching.append(TensorBoard(run))
    result = fit(
        task.model, loss_of(settings, splits), task.optimizer, *task.loaders,
        epochs=settings.epochs, steps=settings.steps, start=task.state, validation_loss=nn.CrossEntropyLoss(),
        schedule=schedule_of(settings), clip_norm=settings.clip_norm, accumulate=settings.accumulate, average=task.average,
        monitor=settings.monitor, patience=settings.patience, on_nan=settings.on_nan,
        precision=settings.precision, checkpoint_activations=settings.checkpoint_activations,
        listeners=[*watching, checkpoints],
    )
    if result.best is None:  # interrupted before the first epoch's end: keep what there is
        save_best(run, task.used, {"epoch": 0})
    logits = outputs_of(task.model, splits.test)
    missing = write_report(run / "report.html", _findings(settings, splits, layers, result, logits, notes, read_norms(run)))
    labels = targets_of(splits.test)
    loss, error = _figures(logits, labels)
    return Outcome(run, settings, result, loss, error, len(labels), missing)


@dataclass(frozen=True)
class Evaluation:
    """A run's figures on one split; `confusion` has the true class in rows."""

    split: str
    samples: int
    loss: float
    error: float
    classes: list[str]
    confusion: np.ndarray


def evaluate(run: str | Path, split: str = "test") -> Evaluation:
    """Measure a run's best weights on a split of the dataset it was trained on.

    Raises FileNotFoundError, ValueError or RuntimeError when the run or a file of it is not as it should be.
    """
    settings, model, prepared = load_run(run)
    splits = labelled(settings)
    if prepared.fingerprint not in (None, splits.fingerprint):
        raise ValueError(f"{settings.data}: has changed since {run} was trained, so that its splits are others and the test "
                         "split may hold samples that were learned from: train again, or bring the old data back")
    part = splits.part(split)
    logits = outputs_of(model, part)
    labels = targets_of(part)
    loss, error = _figures(logits, labels)
    confusion = confusion_matrix(logits.argmax(axis=1), labels, len(splits.classes))
    return Evaluation(split, len(labels), loss, error, splits.classes, confusion)


def predict(run: str | Path, image: str | Path) -> dict[str, float]:
    """Each class's probability for an image file, the most probable first.

    The image is prepared as the training images were. Raises as `load_run` and `prepared_image` do.
    """
    _, model, prepared = load_run(run)
    logits = outputs_of(model, TensorDataset(prepared_image(prepared, image)))
    probabilities = softmax(logits)[0].tolist()
    return dict(sorted(zip(prepared.classes, probabilities), key=lambda pair: -pair[1]))


def prepared_image(prepared: Prepared, image: str | Path) -> Tensor:
    """An image file as the run's model wants it, (1, C, size, size). Raises as `pixels_of` does."""
    return from_numpy(pixels_of(image, prepared)[None])


def load_run(run: str | Path) -> tuple[Settings, nn.Module, Prepared]:
    """A run's settings, its model with the best weights, in evaluation mode, and how inputs are prepared.

    Raises FileNotFoundError, ValueError or RuntimeError, naming the file and what is wrong with it.
    """
    config = config_of(run)
    settings = _settings_of(config, run)
    try:
        prepared = from_mapping(Prepared, config["input"])
        model = model_of(settings, tuple(prepared.shape), len(prepared.classes))
    except ValueError as error:
        raise ValueError(f"{Path(run) / 'config.yaml'}: {error}") from error
    load_model(run, model)
    model.eval()
    return settings, model, prepared


def labelled(settings: Settings) -> Splits:
    """The data of these settings. Raises ValueError when their targets are no classes."""
    splits = choose(settings.data, settings.request())
    if not splits.classes:
        raise ValueError(f"{settings.data}: its targets are numbers and not classes, which this recipe tells apart; "
                         "name a column of classes with --target")
    return splits


def outputs_of(model: nn.Module, dataset: Dataset) -> np.ndarray:
    """The model's outputs for every sample, (N, C), in evaluation mode."""
    model.eval()
    with no_grad():
        return np.concatenate([model(batch[0]).numpy() for batch in DataLoader(dataset, LARGE_BATCH)])


def _settings_of(config: dict[str, Any], run: str | Path) -> Settings:
    try:
        return from_mapping(Settings, config["settings"])
    except ValueError as error:
        raise ValueError(f"{Path(run) / 'config.yaml'}: {error}") from error


def _prepared(splits: Splits) -> Prepared:
    return Prepared(
        list(splits.input_shape), splits.mean, splits.std, list(splits.classes), splits.native_size, splits.kind,
        splits.fingerprint,
    )


def _config(settings: Settings, splits: Splits) -> dict[str, Any]:
    return {"recipe": "classify", "settings": asdict(settings), "input": asdict(_prepared(splits))}


def _figures(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy in nats and share of errors."""
    loss = nn.CrossEntropyLoss()(from_numpy(logits), from_numpy(labels)).item()
    return loss, float(np.mean(logits.argmax(axis=1) != labels))


def _findings(
    settings: Settings, splits: Splits, layers: list[LayerRow], result: FitResult, logits: np.ndarray, notes: list[str],
    norms: dict[str, list[float]],
) -> Findings:
    labels = targets_of(splits.test)
    return Findings(
        title=f"{settings.model} on {short_name(settings.data)}", settings=asdict(settings), environment=environment(),
        records=result.records, layers=layers, classes=splits.classes, images=pictures_of(splits),
        labels=labels, probabilities=softmax(logits), split="test", loss=_figures(logits, labels)[0],
        remarks=[*notes, *_ended(result)], norms=norms,
    )


def _ended(result: FitResult) -> list[str]:
    skipped = [f"{result.skipped} steps were skipped, because their loss or gradient was not finite."] if result.skipped else []
    return skipped + (["The training was interrupted."] if result.interrupted else [])
