"""Image classification: train a named model on a named dataset, evaluate it, predict with it (L 6.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn, optim
from ..data import DataLoader, Dataset, Splits, TensorDataset, choose, short_name, targets_of
from ..data.augment import Augmented, transforms_of
from ..io import load_model, save_best, save_last, write_settings
from ..models import build
from ..tensor import Generator, Tensor, from_numpy, manual_seed, no_grad, zeros
from ..training import (
    SCHEDULES,
    EpochRecord,
    Findings,
    FitResult,
    History,
    LayerRow,
    Listener,
    confusion_matrix,
    environment,
    fit,
    sequences,
    softmax,
    summarise,
    warmed_up,
    write_report,
)
from ..training.history import plain
from .classify_settings import Settings
from .prepared import Prepared, pictures_of, pixels_of
from .runs import config_of, new_run
from .settings import from_mapping

LARGE_BATCH = 256


@dataclass(frozen=True)
class Outcome:
    """A finished training: where it is kept, how it went, and the best weights' figures on the test split."""

    run: Path
    result: FitResult
    test_loss: float
    test_error: float
    test_samples: int
    missing: str | None

    @property
    def test_accuracy(self) -> float:
        return 1 - self.test_error


class Checkpoints(Listener):
    """Keeps the best weights and the last state of every epoch in the run folder."""

    def __init__(self, run: Path, model: nn.Module, optimizer: optim.Optimizer) -> None:
        self.run = run
        self.model = model
        self.optimizer = optimizer
        self.best_epoch: int | None = None

    def epoch(self, record: EpochRecord) -> None:
        if record.best:
            self.best_epoch = record.epoch
            # No times: with one seed, two runs write the same file to the last bit.
            kept = {"epoch": record.epoch, "validation_loss": record.validation_loss}
            save_best(self.run, self.model, kept)
        state = plain(record.as_dict()) | {"best_epoch": self.best_epoch}
        save_last(self.run, self.model, self.optimizer, state)


def train(settings: Settings, out: str | Path | None = None, listeners: Sequence[Listener] = ()) -> Outcome:
    """Train, keep checkpoints, history and report in a new run folder, and look at the test split once.

    The test figures are those of the best epoch's weights. Ctrl-C ends the training, the rest follows.
    Raises ValueError for contradictory settings, ModuleNotFoundError when the data need an extra,
    FloatingPointError when training diverges; the best checkpoint so far stays.
    """
    manual_seed(settings.seed)
    splits = labelled(settings)
    for note in splits.notes:
        for listener in listeners:
            listener.note(note)
    model = _model(settings, splits.input_shape, len(splits.classes))
    if settings.checkpoint_activations and not sequences(model):
        raise ValueError(f"checkpoint_activations does not fit {settings.model}: it has no nn.Sequential of two layers or "
                         "more, whose layers could be recomputed; leave it out")
    layers = summarise(model, zeros(1, *splits.input_shape))
    run = new_run(out or Path("runs") / f"{settings.model}-{short_name(settings.data)}")
    write_settings(run / "config.yaml", _config(settings, splits))
    optimizer = _optimizer(settings, model)
    result = fit(
        model, nn.CrossEntropyLoss(), optimizer, *_loaders(settings, splits), epochs=settings.epochs,
        schedule=warmed_up(SCHEDULES[settings.schedule], settings.warmup), clip_norm=settings.clip_norm,
        monitor=settings.monitor, patience=settings.patience,
        precision=settings.precision, checkpoint_activations=settings.checkpoint_activations,
        listeners=[*listeners, History(run), Checkpoints(run, model, optimizer)],
    )
    if result.best is None:  # interrupted before the first epoch's end: keep what there is
        save_best(run, model, {"epoch": 0})
    logits = outputs_of(model, splits.test)
    missing = write_report(run / "report.html", _findings(settings, splits, layers, result, logits))
    labels = targets_of(splits.test)
    loss, error = _figures(logits, labels)
    return Outcome(run, result, loss, error, len(labels), missing)


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
    try:
        settings = from_mapping(Settings, config["settings"])
        prepared = from_mapping(Prepared, config["input"])
        model = _model(settings, tuple(prepared.shape), len(prepared.classes))
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


def _model(settings: Settings, input_shape: tuple[int, ...], classes: int) -> nn.Module:
    return build(settings.model, input_shape, classes, **settings.model_settings())


def _optimizer(s: Settings, model: nn.Module) -> optim.Optimizer:
    parameters = model.parameters()
    if s.optimizer == "sgd":
        return optim.SGD(parameters, lr=s.lr, momentum=s.momentum or 0.0, weight_decay=s.weight_decay)
    kind = optim.Adam if s.optimizer == "adam" else optim.AdamW
    return kind(parameters, lr=s.lr, weight_decay=s.weight_decay)


def _loaders(s: Settings, splits: Splits) -> tuple[DataLoader, DataLoader]:
    order = Generator()
    order.manual_seed(s.seed)
    train: DataLoader = DataLoader(_augmented(s, splits), s.batch_size, shuffle=True, num_workers=s.workers, generator=order)
    return train, DataLoader(splits.validation, LARGE_BATCH)


def _augmented(s: Settings, splits: Splits) -> Dataset:
    """The training data, changed a little in every epoch if that is asked for (L 6.2)."""
    if not s.augment:
        return splits.train
    if len(splits.input_shape) != 3:
        raise ValueError(f"augment is for images, but {s.data} has inputs of shape {list(splits.input_shape)}: leave it out")
    return Augmented(splits.train, transforms_of(s.augment), s.seed, splits.mean, splits.std)


def _config(settings: Settings, splits: Splits) -> dict[str, Any]:
    prepared = Prepared(
        list(splits.input_shape), splits.mean, splits.std, list(splits.classes), splits.native_size, splits.kind,
        splits.fingerprint,
    )
    return {"recipe": "classify", "settings": asdict(settings), "input": asdict(prepared)}


def _figures(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy in nats and share of errors."""
    loss = nn.CrossEntropyLoss()(from_numpy(logits), from_numpy(labels)).item()
    return loss, float(np.mean(logits.argmax(axis=1) != labels))


def _findings(
    settings: Settings, splits: Splits, layers: list[LayerRow], result: FitResult, logits: np.ndarray
) -> Findings:
    labels = targets_of(splits.test)
    return Findings(
        title=f"{settings.model} on {short_name(settings.data)}", settings=asdict(settings), environment=environment(),
        records=result.records, layers=layers, classes=splits.classes, images=pictures_of(splits),
        labels=labels, probabilities=softmax(logits), split="test", loss=_figures(logits, labels)[0],
        remarks=[*splits.notes, *(["The training was interrupted."] if result.interrupted else [])],
    )
