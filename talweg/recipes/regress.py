"""Regression: numbers predicted from the columns of a table (L 1.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import nn
from ..data import ON_ERROR, Request, Splits, TensorDataset, choose, targets_of
from ..models import build
from ..tensor import Tensor, from_numpy, zeros
from ..training import report_parts as parts
from .classify import outputs_of
from .evaluation import Evaluation
from .recipe import Recipe
from .task import Goal, loaders_of
from .training_settings import TrainingSettings, help_of

WORST = 8
DOT = '<circle cx="{:.1f}" cy="{:.1f}" r="2.5" fill="currentColor" fill-opacity="0.55"/>'
SIDE, EDGE = 320, 8


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """Those of every training, and: `target` and `group` name columns of a table, `on_error` what becomes of a bad row; `hidden`
    are the widths of the mlp's hidden layers, none of them makes it linear, and `activation` is what stands between."""

    model: str = "mlp"
    data: str = "diabetes"
    target: str | None = None
    group: str | None = None
    on_error: str = "stop"
    hidden: list[int] | None = None
    activation: str = "relu"
    batch_size: int = 32
    optimizer: str = "adamw"
    lr: float = 3e-3
    weight_decay: float = 0.1
    ema: float | None = 0.98

    DEFAULT_EPOCHS = 40
    LEAST_STEPS = 150
    DEFAULT_HIDDEN = (32,)

    def __post_init__(self) -> None:
        if self.hidden is None:
            object.__setattr__(self, "hidden", list(self.DEFAULT_HIDDEN))
        super().__post_init__()
        if self.model != "mlp":
            raise ValueError(f"setting model must be mlp for numbers from a table, got {self.model!r}")

    def limits(self) -> dict[str, tuple[bool, str]]:
        widths = (all(n >= 1 for n in self.hidden or []), "a list of widths of 1 or more")
        return super().limits() | {"hidden": widths}

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"on_error": ON_ERROR}


@dataclass(frozen=True)
class Scaled:
    """What is kept of the data: the number of inputs, and the mean and deviation of each target over the training rows."""

    shape: list[int]
    mean: list[float]
    std: list[float]
    fingerprint: str | None = None


@dataclass(frozen=True)
class NumberEvaluation(Evaluation):
    """`predicted` and `actual` (N, targets), in the units of the table."""

    predicted: np.ndarray | None = None
    actual: np.ndarray | None = None


class Regress(Recipe):
    name = "regress"
    settings = Settings
    help = help_of(Settings, {
        "target": "Column of a table that is to be predicted. [default: the last]",
        "group": "Column of a table whose groups are kept together in one split.",
        "on_error": "At a row that cannot be used: stop or skip.",
        "hidden": "Widths of the mlp's hidden layers, such as 256,128. [default: 32]",
        "activation": "The mlp's activation, such as relu or tanh.",
    })
    prepared = Scaled

    def material(self, settings: Settings) -> Splits:
        """The data of these settings. Raises ValueError for targets that are classes, and for inputs that are no columns."""
        splits = choose(settings.data, Request(target=settings.target, group=settings.group, on_error=settings.on_error))
        if splits.classes:
            raise ValueError(f"{settings.data}: its targets are classes and not numbers: `talweg train mlp --data "
                             f"{settings.data}` tells them apart, or name a column of numbers with --target")
        if splits.kind != "numbers" and len(splits.input_shape) != 1:
            raise ValueError(f"{settings.data}: regression is for tables, its inputs have the shape {list(splits.input_shape)}")
        return splits

    def prepare(self, settings: Settings, material: Splits) -> Scaled:
        """Raises ValueError for a target that does not vary."""
        targets = _columns(targets_of(material.train))
        std = targets.std(0)
        if not (std > 0).all():
            raise ValueError(f"{settings.data}: a target has the same value in every training row, so there is nothing to learn")
        return Scaled(list(material.input_shape), targets.mean(0).tolist(), std.tolist(), material.fingerprint)

    def model(self, settings: Settings, prepared: Scaled) -> nn.Module:
        return build(settings.model, tuple(prepared.shape), len(prepared.mean), hidden=settings.hidden,
                     activation=settings.activation)

    def goal(self, settings: Settings, material: Splits, prepared: Scaled) -> Goal:
        """The mean squared error of standardised targets: every target counts alike, whatever its unit."""
        learned, validated = (_standardised(material.part(name), prepared) for name in ("train", "validation"))
        train, validation = loaders_of(settings, learned, validated)
        return Goal(nn.MSELoss(), train, validation)

    def notes(self, material: Splits) -> Sequence[str]:
        return material.notes

    def example(self, prepared: Scaled) -> tuple[Tensor, ...]:
        return (zeros(1, *prepared.shape),)

    def measure(self, model: nn.Module, settings: Settings, material: Splits, split: str) -> NumberEvaluation:
        part, prepared = material.part(split), self.prepare(settings, material)
        predicted = outputs_of(model, part) * prepared.std + prepared.mean
        return evaluation(split, predicted, _columns(targets_of(part)))

    def sections(self, model: nn.Module, settings: Settings, material: Splits, test: Evaluation) -> list[str]:
        assert isinstance(test, NumberEvaluation)
        return report_sections(test)

    def heading(self, settings: Settings) -> str:
        return super().heading(settings) + f", hidden layers {settings.hidden or 'none'}"


def _columns(targets: np.ndarray) -> np.ndarray:
    """(N,) or (N, targets) as float64 (N, targets)."""
    return np.asarray(targets, np.float64).reshape(len(targets), -1)


def _standardised(part: Any, prepared: Scaled) -> TensorDataset:
    inputs = np.stack([np.asarray(part[i][0].numpy()) for i in range(len(part))])
    targets = (_columns(targets_of(part)) - prepared.mean) / prepared.std
    return TensorDataset(from_numpy(inputs), from_numpy(targets.astype(np.float32)))


def evaluation(split: str, predicted: np.ndarray, actual: np.ndarray) -> NumberEvaluation:
    """R^2 = 1 - sum (y - f)^2 / sum (y - mean y)^2 of each target, its mean over the targets, root mean square and mean absolute
    errors. R^2 is nan for a target that is the same in all rows."""
    r2, rmse, mae = r_squared(predicted, actual), np.sqrt(((predicted - actual) ** 2).mean(0)), np.abs(predicted - actual).mean(0)
    figures = {"r2": float(r2.mean()), "rmse": float(rmse.mean()), "mae": float(mae.mean())}
    rows = [["target", "R^2", "root mean square error", "mean absolute error"]]
    rows += [[str(i + 1), f"{a:.4f}", f"{b:.4g}", f"{c:.4g}"] for i, (a, b, c) in enumerate(zip(r2, rmse, mae))]
    return NumberEvaluation(
        split, len(actual), figures, f"R^2 {figures['r2']:.4f}, root mean square error {figures['rmse']:.4g}, mean absolute "
        f"error {figures['mae']:.4g}", [(f"{figures['r2']:.3f}", f"{split} R^2"), (f"{figures['rmse']:.4g}", f"{split} rmse")],
        rows, {"targets": [{"r2": float(a), "rmse": float(b), "mae": float(c)} for a, b, c in zip(r2, rmse, mae)]},
        predicted, actual,
    )


def r_squared(predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Of each target (N, targets) -> (targets,)."""
    around = ((actual - actual.mean(0)) ** 2).sum(0)
    left = ((actual - predicted) ** 2).sum(0)
    return 1 - left / np.where(around > 0, around, np.nan)


def report_sections(test: NumberEvaluation) -> list[str]:
    """Predicted against actual values of each target, and the rows that were farthest off."""
    assert test.predicted is not None
    assert test.actual is not None
    plots = "".join(scatter(test.actual[:, i], test.predicted[:, i], f"target {i + 1}") for i in range(test.actual.shape[1]))
    off = np.abs(test.predicted - test.actual) / np.maximum(test.actual.std(0), 1e-12)
    worst = np.argsort(-off.max(1))[:WORST]
    rows = [[str(n + 1), _words(test.actual[n]), _words(test.predicted[n])] for n in worst.tolist()]
    return [parts.section("Predicted against actual", plots),
            parts.section("Farthest off", parts.table(["row of the split", "actual", "predicted"], rows, (0, 1, 2)))]


def _words(values: np.ndarray) -> str:
    return ", ".join(f"{v:.4g}" for v in values)


def scatter(actual: np.ndarray, predicted: np.ndarray, name: str) -> str:
    """An SVG with a point a row; on the diagonal they are equal."""
    low, high = min(actual.min(), predicted.min()), max(actual.max(), predicted.max())
    scale = (SIDE - 2 * EDGE) / max(high - low, 1e-12)
    dots = "".join(DOT.format(EDGE + (x - low) * scale, SIDE - EDGE - (y - low) * scale) for x, y in zip(actual, predicted))
    ends = f'x1="{EDGE}" y1="{SIDE - EDGE}" x2="{SIDE - EDGE}" y2="{EDGE}"'
    line = f'<line {ends} stroke="currentColor" stroke-opacity="0.35" stroke-dasharray="4 4"/>'
    caption = f"{name}: actual to the right, predicted upwards, both from {low:.4g} to {high:.4g}"
    return (f'<figure><svg viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" role="img" aria-label="{parts.text(caption)}">{line}{dots}'
            f"</svg><figcaption>{parts.text(caption)}</figcaption></figure>")


RECIPE = Regress()
