"""The meta-parameters of an image classification run, with defaults that work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..data import ON_ERROR, Request
from ..data.augment import transforms_of
from ..models import entry
from ..training import ON_NAN, PRECISIONS, SCHEDULES
from ..training.parts import scales

OPTIMIZERS = ("adam", "adamw", "sgd")
CLASS_WEIGHTS = ("none", "balanced")
DEFAULT_EPOCHS = 10
WITHOUT_EFFECT = ("workers", "save_every", "tensorboard")  # on the weights: a resumed run may have others
MODEL_SETTINGS = ("hidden", "activation")


@dataclass(frozen=True)
class Settings:
    """Every meta-parameter of a run. Rates and shares are plain numbers, `clip_norm` None means no clipping.

    `precision` is that of matrix products and convolutions: fp32, or bf16 with float32 parameters. `hidden` and
    `activation` belong to the mlp, `momentum` to sgd. `data` is a name or a path; `size` and `channels` (1, 3, None for the
    images' own) say how images are read, `target` and `group` name columns of a table, `on_error` what becomes of a bad
    file or row: stop or skip; `augment` names what is done to training images. A run ends after `epochs` (10) or `steps`;
    `save_every` counts steps. `freeze`, `lora` and `lr_scale` (PATTERN=FACTOR) name parameters or layers by patterns;
    `weights` is a run or file to start from. Raises ValueError for what cannot be or contradicts itself.
    """

    model: str
    data: str = "digits"
    size: int = 28
    channels: int | None = None
    target: str | None = None
    group: str | None = None
    on_error: str = "stop"
    augment: list[str] | None = None
    hidden: list[int] | None = None
    activation: str | None = None
    epochs: int | None = None
    steps: int | None = None
    batch_size: int = 64
    accumulate: int = 1
    optimizer: str = "adam"
    lr: float = 2e-3
    momentum: float | None = None
    weight_decay: float = 0.0
    schedule: str = "cosine"
    warmup: float = 0.0
    clip_norm: float | None = None
    monitor: str = "loss"
    patience: int | None = None
    label_smoothing: float = 0.0
    class_weights: str = "none"
    ema: float | None = None
    on_nan: str = "stop"
    weights: str | None = None
    freeze: list[str] | None = None
    lr_scale: list[str] | None = None
    lora: list[str] | None = None
    lora_rank: int = 4
    save_every: int | None = None
    keep_best: int = 1
    tensorboard: bool = False
    workers: int = 0
    seed: int = 0
    precision: str = "fp32"
    checkpoint_activations: bool = False

    def __post_init__(self) -> None:
        if self.epochs is not None and self.steps is not None:
            raise ValueError(f"epochs={self.epochs} and steps={self.steps} both say when training ends: give one of them")
        if self.epochs is None and self.steps is None:
            object.__setattr__(self, "epochs", DEFAULT_EPOCHS)
        scales(self.lr_scale or [])
        self._fill_in_the_models_own()
        _check_numbers(self)
        _check_words(self)
        transforms_of(self.augment or [])
        if self.momentum is not None and self.optimizer != "sgd":
            raise ValueError(f"momentum belongs to optimizer=sgd, but the optimizer is {self.optimizer}")

    def model_settings(self) -> dict[str, Any]:
        """What the model's builder is given: hidden and activation for the mlp; others keep the defaults of their entry."""
        return {name: getattr(self, name) for name in entry(self.model).settings if name in MODEL_SETTINGS}

    def request(self) -> Request:
        """What is asked of the data."""
        channels = entry(self.model).channels if self.channels is None else self.channels
        return Request(self.size, channels, self.target, self.group, self.on_error)

    def _fill_in_the_models_own(self) -> None:
        """Take the model's defaults where nothing was given, so that config.yaml tells what was used."""
        own = entry(self.model).settings
        for name in MODEL_SETTINGS:
            if name not in own and getattr(self, name) is not None:
                raise ValueError(f"setting {name} does not belong to the model {self.model}: leave it out")
            if name in own and getattr(self, name) is None:
                object.__setattr__(self, name, own[name])


def _check_numbers(s: Settings) -> None:
    limits = {
        "channels": (s.channels in (None, 1, 3), "1 (grey) or 3 (colour)"),
        "epochs": (s.epochs is None or s.epochs >= 1, "1 or more"),
        "steps": (s.steps is None or s.steps >= 1, "1 or more"),
        "accumulate": (s.accumulate >= 1, "1 batch or more"),
        "label_smoothing": (0 <= s.label_smoothing < 1, "at least 0 and below 1"),
        "ema": (s.ema is None or 0 < s.ema < 1, "between 0 and 1, such as 0.999"),
        "lora_rank": (s.lora_rank >= 1, "1 or more"),
        "save_every": (s.save_every is None or s.save_every >= 1, "1 step or more"),
        "keep_best": (s.keep_best >= 1, "1 or more"),
        "batch_size": (s.batch_size >= 1, "1 or more"),
        "lr": (0 < s.lr < float("inf"), "a positive number"),
        "momentum": (s.momentum is None or 0 <= s.momentum < 1, "at least 0 and below 1"),
        "weight_decay": (0 <= s.weight_decay < float("inf"), "0 or more"),
        "warmup": (0 <= s.warmup < 1, "at least 0 and below 1"),
        "clip_norm": (s.clip_norm is None or s.clip_norm > 0, "a positive number"),
        "patience": (s.patience is None or s.patience >= 1, "1 epoch or more"),
        "workers": (0 <= s.workers <= 64, "between 0 and 64"),
        "seed": (0 <= s.seed < 2**63, "at least 0 and below 2**63"),
        "hidden": (s.hidden is None or all(n >= 1 for n in s.hidden), "a list of widths of 1 or more"),
    }
    for name, (holds, rule) in limits.items():
        if not holds:
            raise ValueError(f"setting {name} must be {rule}, got {getattr(s, name)}")


def _check_words(s: Settings) -> None:
    choices = {
        "on_error": ON_ERROR, "optimizer": OPTIMIZERS, "schedule": tuple(SCHEDULES), "monitor": ("loss", "error"),
        "precision": PRECISIONS, "on_nan": ON_NAN, "class_weights": CLASS_WEIGHTS,
    }
    for name, valid in choices.items():
        if getattr(s, name) not in valid:
            raise ValueError(f"setting {name} must be one of {', '.join(valid)}, got {getattr(s, name)!r}")
