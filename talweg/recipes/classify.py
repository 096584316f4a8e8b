"""Image classification: train a named model on a named dataset, evaluate it, predict with it (L 6.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn, optim
from ..data import DataLoader, Splits, TensorDataset, fitted, light_on_dark, load, read_grey
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
    splits = load(settings.data, size=settings.size, seed=0)
    model = _model(settings, splits.input_shape, len(splits.classes))
    if settings.checkpoint_activations and not sequences(model):
        raise ValueError(f"checkpoint_activations does not fit {settings.model}: it has no nn.Sequential of two layers or "
                         "more, whose layers could be recomputed; leave it out")
    layers = summarise(model, zeros(1, *splits.input_shape))
    run = new_run(out or Path("runs") / f"{settings.model}-{settings.data}")
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
    labels = splits.test.tensors[1].numpy()
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
    settings, model, _ = load_run(run)
    splits = load(settings.data, size=settings.size, seed=0)
    part = splits.part(split)
    logits = outputs_of(model, part)
    labels = part.tensors[1].numpy()
    loss, error = _figures(logits, labels)
    confusion = confusion_matrix(logits.argmax(axis=1), labels, len(splits.classes))
    return Evaluation(split, len(labels), loss, error, splits.classes, confusion)


def predict(run: str | Path, image: str | Path) -> dict[str, float]:
    """Each class's probability for an image file, the most probable first.

    Raises as `load_run` and `prepared_image` do.
    """
    _, model, prepared = load_run(run)
    logits = outputs_of(model, TensorDataset(prepared_image(prepared, image)))
    probabilities = softmax(logits)[0].tolist()
    return dict(sorted(zip(prepared.classes, probabilities), key=lambda pair: -pair[1]))


def prepared_image(prepared: Prepared, image: str | Path) -> Tensor:
    """An image file as the run's model wants it, (1, 1, size, size): a light drawing on a dark page.

    Raises as `read_grey` does, and ValueError for a blank image.
    """
    try:
        drawing = light_on_dark(read_grey(image))
    except ValueError as error:
        message = str(error)
        raise ValueError(message if message.startswith(str(image)) else f"{image}: {message}") from error
    pixels = fitted(drawing, prepared.shape[-1], prepared.native_size)
    pixels = ((pixels - prepared.mean) / prepared.std).astype(np.float32)
    return from_numpy(pixels[None, None])


@dataclass(frozen=True)
class Prepared:
    """How inputs were prepared: shape (channels, height, width), mean, std, classes, the scanned side."""

    shape: list[int]
    mean: float
    std: float
    classes: list[str]
    native_size: int | None = None

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"setting shape must be three sizes of 1 or more, got {self.shape}")
        if not self.std > 0 or not self.classes:
            raise ValueError("setting std must be positive, and classes must not be empty")


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


def outputs_of(model: nn.Module, dataset: TensorDataset) -> np.ndarray:
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
    train: DataLoader = DataLoader(splits.train, s.batch_size, shuffle=True, num_workers=s.workers, generator=order)
    return train, DataLoader(splits.validation, LARGE_BATCH)


def _config(settings: Settings, splits: Splits) -> dict[str, Any]:
    prepared = Prepared(
        list(splits.input_shape), splits.mean, splits.std, list(splits.classes), splits.native_size
    )
    return {"recipe": "classify", "settings": asdict(settings), "input": asdict(prepared)}


def _figures(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy in nats and share of errors."""
    loss = nn.CrossEntropyLoss()(from_numpy(logits), from_numpy(labels)).item()
    return loss, float(np.mean(logits.argmax(axis=1) != labels))


def _findings(
    settings: Settings, splits: Splits, layers: list[LayerRow], result: FitResult, logits: np.ndarray
) -> Findings:
    images: Tensor = splits.test.tensors[0]
    labels = splits.test.tensors[1].numpy()
    return Findings(
        title=f"{settings.model} on {settings.data}", settings=asdict(settings), environment=environment(),
        records=result.records, layers=layers, classes=splits.classes, images=images.numpy()[:, 0],
        labels=labels, probabilities=softmax(logits), split="test", loss=_figures(logits, labels)[0],
        remarks=["The training was interrupted."] if result.interrupted else [],
    )
