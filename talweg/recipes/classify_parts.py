"""What an image classification run is made of, from its settings: model, optimizer, loaders, losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import nn, optim
from ..data import DataLoader, Dataset, Splits, targets_of
from ..data.augment import Augmented, transforms_of
from ..io import Kept, load_matching
from ..models import build
from ..tensor import Generator, from_numpy, manual_seed
from ..training import SCHEDULES, TrainingState, adapt, freeze, parameter_groups, sequences, warmed_up
from ..training.schedules import Schedule
from .classify_settings import Settings

LARGE_BATCH = 256


def model_of(s: Settings, input_shape: tuple[int, ...], classes: int) -> nn.Module:
    model = build(s.model, input_shape, classes, **s.model_settings())
    if s.lora:
        adapt(model, s.lora, s.lora_rank)
    return model


@dataclass
class Task:
    """Everything that learns, and where it is."""

    settings: Settings
    splits: Splits
    model: nn.Module
    optimizer: optim.Optimizer
    average: optim.swa_utils.AveragedModel | None
    state: TrainingState
    loaders: tuple[DataLoader, DataLoader]
    remarks: list[str]

    @classmethod
    def begun(cls, settings: Settings, splits: Splits) -> Task:
        """As the settings say, before the first step. Raises ValueError for settings that do not fit the model."""
        manual_seed(settings.seed)
        model = build(settings.model, splits.input_shape, len(splits.classes), **settings.model_settings())
        if settings.checkpoint_activations and not sequences(model):
            raise ValueError(f"checkpoint_activations does not fit {settings.model}: it has no nn.Sequential of two layers or "
                             "more, whose layers could be recomputed; leave it out")
        new = load_matching(Path(settings.weights), model) if settings.weights else []
        if settings.lora:
            _adapt(settings, model, new)
        freeze(model, settings.freeze or [])
        remarks = [f"not taken from {settings.weights}, because they are missing there or have another shape: {', '.join(new)}"]
        average = _average(settings, model)
        optimizer = optimizer_of(settings, model)
        loaders = loaders_of(settings, splits)
        return cls(settings, splits, model, optimizer, average, TrainingState(), loaders, remarks if new else [])

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


def _average(s: Settings, model: nn.Module) -> optim.swa_utils.AveragedModel | None:
    if s.ema is None:
        return None
    return optim.swa_utils.AveragedModel(model, multi_avg_fn=optim.swa_utils.get_ema_multi_avg_fn(s.ema))


def _adapt(s: Settings, model: nn.Module, new: Sequence[str]) -> None:
    """Put the adapters in; what did not come from the given weights, a new last layer, learns as a whole."""
    adapt(model, s.lora or [], s.lora_rank)
    for name, parameter in model.named_parameters():
        if name.replace(".base.", ".") in new:
            parameter.requires_grad_(True)


def optimizer_of(s: Settings, model: nn.Module) -> optim.Optimizer:
    groups = parameter_groups(model, s.lr, s.lr_scale or [])
    if s.optimizer == "sgd":
        return optim.SGD(groups, lr=s.lr, momentum=s.momentum or 0.0, weight_decay=s.weight_decay)
    kind = optim.Adam if s.optimizer == "adam" else optim.AdamW
    return kind(groups, lr=s.lr, weight_decay=s.weight_decay)


def schedule_of(s: Settings) -> Schedule:
    return warmed_up(SCHEDULES[s.schedule], s.warmup)


def loss_of(s: Settings, splits: Splits) -> nn.Module:
    """Cross-entropy with the settings' label smoothing and class weights, as it is trained with; validation has neither."""
    weight = None
    if s.class_weights == "balanced":
        weight = from_numpy(balanced(targets_of(splits.train), len(splits.classes)))
    return nn.CrossEntropyLoss(weight=weight, label_smoothing=s.label_smoothing)


def balanced(labels: np.ndarray, classes: int) -> np.ndarray:
    """n / (classes n_c): classes of few samples weigh as much as those of many. Float32; 0 for a class without samples."""
    counts = np.bincount(labels, minlength=classes)
    return np.where(counts > 0, len(labels) / (classes * np.maximum(counts, 1)), 0).astype(np.float32)


def loaders_of(s: Settings, splits: Splits) -> tuple[DataLoader, DataLoader]:
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
