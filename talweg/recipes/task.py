"""What a training is made of, from its settings: model, optimizer, what it learns from, where it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import nn, optim
from ..data import DataLoader, Dataset
from ..io import Kept, Pretrained, load_matching, load_published
from ..tensor import Generator, from_numpy
from ..training import SCHEDULES, Score, TrainingState, adapt, freeze, parameter_groups, sequences, warmed_up
from ..training.schedules import Schedule
from ..training.update import CompiledUpdate, ErrorCount, Loss, samples
from .training_settings import TrainingSettings

LARGE_BATCH = 256


@dataclass(frozen=True)
class Goal:
    """What is learned, and from which batches (inputs, targets); either may be a tuple of tensors.

    `validation_loss` is `loss` where it is None. `validate(model)` takes the place of the mean loss over the validation
    batches, for models whose best epoch is told by something else. `error` counts the wrong among a batch's outputs.
    `update` makes the step; others than CompiledUpdate are for models that learn in turns.
    """

    loss: Loss
    train: Any
    validation: Any
    validation_loss: Loss | None = None
    validate: Callable[[nn.Module], Score] | None = None
    error: ErrorCount | None = None
    weight: Callable[[Any], int] = samples
    monitor: str = "loss"
    update: Callable[..., Any] = CompiledUpdate


@dataclass
class Task:
    """Everything that learns, and where it is. `prepared` is what a new input needs, `material` the data as read."""

    settings: Any
    material: Any
    prepared: Any
    model: nn.Module
    optimizer: optim.Optimizer
    average: optim.swa_utils.AveragedModel | None
    state: TrainingState
    goal: Goal
    remarks: list[str]

    def restore(self, kept: Kept) -> None:
        """Go to where the save was made. Raises ValueError or RuntimeError for a save of another model."""
        kept.fill(self.model)
        kept.fill_optimizer(self.optimizer)
        if self.average is not None:
            kept.fill(self.average, "average")
        self.state = TrainingState.from_dict(kept.state)
        self.state.best_weights = {name: from_numpy(a) for name, a in kept.group("best").items()}

    @property
    def used(self) -> nn.Module:
        """The model that is evaluated: the averages' where there are some."""
        return self.model if self.average is None else self.average.module


def make_ready(s: TrainingSettings, model: nn.Module) -> list[str]:
    """Start from given weights, put adapters in, freeze; returns remarks for the user.

    Raises ValueError for settings that do not fit the model.
    """
    if s.checkpoint_activations and not sequences(model):
        raise ValueError(f"checkpoint_activations does not fit {s.model}: it has no nn.Sequential of two layers or "
                         "more, whose layers could be recomputed; leave it out")
    new, remarks = started(Path(s.weights), model) if s.weights else ([], [])
    if s.lora:
        _adapt(s, model, new)
    freeze(model, s.freeze or [])
    return remarks


def started(weights: Path, model: nn.Module) -> tuple[list[str], list[str]]:
    """Fill what a run's or file's weights have of the model's, also under the names that publishers use, of the whole model or
    of its backbone. Returns the names that were left as they are, and remarks.

    Raises FileNotFoundError, ValueError for a damaged file, RuntimeError when nothing fits.
    """
    try:
        if weights.is_dir() or weights.suffix == ".safetensors":
            new = load_matching(weights, model)
            remark = f"not taken from {weights}, because they are missing there or have another shape: {', '.join(new)}"
            return new, [remark] if new else []
    except RuntimeError:  # not one of our names in it: perhaps a publisher's
        if (weights / "config.yaml").exists() or not isinstance(model, Pretrained):
            raise
    report = load_published(model, weights, strict=False)
    if not report.loaded:
        raise RuntimeError(f"{weights}: no tensor in it has the name and shape of one of {type(model).__name__}'s, so there is "
                           "nothing to start from")
    return [*report.missing, *report.wrong_shapes], [str(report)]


def _adapt(s: TrainingSettings, model: nn.Module, new: Sequence[str]) -> None:
    """Put the adapters in; what did not come from the given weights, a new last layer, learns as a whole."""
    adapt(model, s.lora or [], s.lora_rank)
    for name, parameter in model.named_parameters():
        if name.replace(".base.", ".") in new:
            parameter.requires_grad_(True)


def average_of(s: TrainingSettings, model: nn.Module) -> optim.swa_utils.AveragedModel | None:
    if s.ema is None:
        return None
    return optim.swa_utils.AveragedModel(model, multi_avg_fn=optim.swa_utils.get_ema_multi_avg_fn(s.ema))


def optimizer_of(s: TrainingSettings, model: nn.Module) -> optim.Optimizer:
    groups = parameter_groups(model, s.lr, s.lr_scale or [])
    if s.optimizer == "sgd":
        return optim.SGD(groups, lr=s.lr, momentum=s.momentum or 0.0, weight_decay=s.weight_decay)
    kind = optim.Adam if s.optimizer == "adam" else optim.AdamW
    return kind(groups, lr=s.lr, weight_decay=s.weight_decay)


def schedule_of(s: TrainingSettings) -> Schedule:
    return warmed_up(SCHEDULES[s.schedule], s.warmup)


def loaders_of(
    s: TrainingSettings, train: Dataset, validation: Dataset, collate: Callable | None = None,
) -> tuple[DataLoader, DataLoader]:
    """Shuffled batches by the seed to learn from, large ones in order to validate with."""
    order = Generator()
    order.manual_seed(s.seed)
    learned: DataLoader = DataLoader(train, s.batch_size, shuffle=True, num_workers=s.workers, generator=order,
                                     collate_fn=collate)
    return learned, DataLoader(validation, LARGE_BATCH, collate_fn=collate)
