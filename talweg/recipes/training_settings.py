"""The meta-parameters that every recipe has which learns by gradient steps, with defaults that work."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from ..training import ON_NAN, PRECISIONS, SCHEDULES
from ..training.parts import scales

OPTIMIZERS = ("adam", "adamw", "sgd")
WITHOUT_EFFECT = ("workers", "save_every", "tensorboard")  # on the weights: a resumed run may have others

HELP = {
    "model": "The model's name.",
    "data": "A dataset's name (`talweg data list`), or the path of your own.",
    "epochs": "Passes over the training data. [default: {epochs}]",
    "steps": "Steps (updates of the weights), instead of epochs.",
    "batch_size": "Samples a batch.",
    "accumulate": "Batches a step: their gradients are averaged by samples.",
    "optimizer": "adam, adamw or sgd.",
    "lr": "Learning rate.",
    "momentum": "Momentum of sgd.",
    "weight_decay": "Weight decay.",
    "schedule": "Learning rate over the run: constant, cosine, linear, step, one_cycle or plateau.",
    "warmup": "Share of the run in which the learning rate rises from 0.",
    "clip_norm": "Largest norm of the gradient; what is longer is shortened.",
    "patience": "Epochs without a better one that end the run. [default: never]",
    "ema": "Decay of an exponential average of the weights, which is what is evaluated and kept, such as 0.999.",
    "on_nan": "At a loss or gradient that is not finite: stop, or skip the step.",
    "weights": "Run or safetensors file to start from; layers of another shape start anew.",
    "freeze": "Parameters or layers that do not learn: names or patterns, such as conv1,conv2.*",
    "lr_scale": "Factors on the learning rate: PATTERN=FACTOR, such as conv*=0.1",
    "lora": "Linear layers that get low-rank adapters, all else frozen: names or patterns.",
    "lora_rank": "Rank of the adapters.",
    "save_every": "Steps between two saves. [default: after each epoch and every three minutes]",
    "keep_best": "How many of the best epochs' weights are kept.",
    "tensorboard": "Write TensorBoard's event files too (they are read by the tensorboard package).",
    "workers": "Threads that fetch batches ahead.",
    "seed": "Seed of initial weights and sample order.",
    "precision": "Of matrix products and convolutions: fp32 or bf16.",
    "checkpoint_activations": "Compute activations again in the backward pass instead of keeping them.",
}


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Every meta-parameter that recipes share. Rates and shares are plain numbers, `clip_norm` None means no clipping.

    `precision` is that of matrix products and convolutions: fp32, or bf16 with float32 parameters. `momentum` belongs to
    sgd. `data` is a name or a path. A run ends after `epochs` (the recipe's DEFAULT_EPOCHS) or `steps`; `save_every` counts
    steps. `freeze`, `lora` and `lr_scale` (PATTERN=FACTOR) name parameters or layers by patterns; `weights` is a run or file
    to start from. A recipe's own settings are fields of a subclass, which may also give these other defaults, and extend
    `limits` and `choices`. Raises ValueError for what cannot be or contradicts itself.
    """

    model: str
    data: str
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
    patience: int | None = None
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

    DEFAULT_EPOCHS = 10
    LEAST_STEPS = 0
    """Where neither epochs nor steps are given: few data are shown for more epochs, until so many steps are made."""

    def __post_init__(self) -> None:
        if self.epochs is not None and self.steps is not None:
            raise ValueError(f"epochs={self.epochs} and steps={self.steps} both say when training ends: give one of them")
        if self.epochs is None and self.steps is None and not self.LEAST_STEPS:
            object.__setattr__(self, "epochs", self.DEFAULT_EPOCHS)
        scales(self.lr_scale or [])
        for name, (holds, rule) in self.limits().items():
            if not holds:
                raise ValueError(f"setting {name} must be {rule}, got {getattr(self, name)}")
        for name, valid in self.choices().items():
            if getattr(self, name) not in valid:
                raise ValueError(f"setting {name} must be one of {', '.join(valid)}, got {getattr(self, name)!r}")
        if self.momentum is not None and self.optimizer != "sgd":
            raise ValueError(f"momentum belongs to optimizer=sgd, but the optimizer is {self.optimizer}")

    def lasting(self, batches: int) -> Self:
        """These settings with the epochs that they stand for where an epoch has so many batches."""
        if self.epochs is not None or self.steps is not None:
            return self
        an_epoch = max(1, math.ceil(batches / self.accumulate))
        return replace(self, epochs=max(self.DEFAULT_EPOCHS, math.ceil(self.LEAST_STEPS / an_epoch)))

    def length(self) -> str:
        """How long training is going to be, in words."""
        if self.steps is not None:
            return f"{self.steps} steps"
        if self.epochs is not None:
            return f"{self.epochs} epochs"
        return f"{self.DEFAULT_EPOCHS} epochs, at least {self.LEAST_STEPS} steps"

    def limits(self) -> dict[str, tuple[bool, str]]:
        """For each setting whether it is within its range, and the range in words."""
        return {
            "epochs": (self.epochs is None or self.epochs >= 1, "1 or more"),
            "steps": (self.steps is None or self.steps >= 1, "1 or more"),
            "accumulate": (self.accumulate >= 1, "1 batch or more"),
            "ema": (self.ema is None or 0 < self.ema < 1, "between 0 and 1, such as 0.999"),
            "lora_rank": (self.lora_rank >= 1, "1 or more"),
            "save_every": (self.save_every is None or self.save_every >= 1, "1 step or more"),
            "keep_best": (self.keep_best >= 1, "1 or more"),
            "batch_size": (self.batch_size >= 1, "1 or more"),
            "lr": (0 < self.lr < float("inf"), "a positive number"),
            "momentum": (self.momentum is None or 0 <= self.momentum < 1, "at least 0 and below 1"),
            "weight_decay": (0 <= self.weight_decay < float("inf"), "0 or more"),
            "warmup": (0 <= self.warmup < 1, "at least 0 and below 1"),
            "clip_norm": (self.clip_norm is None or self.clip_norm > 0, "a positive number"),
            "patience": (self.patience is None or self.patience >= 1, "1 epoch or more"),
            "workers": (0 <= self.workers <= 64, "between 0 and 64"),
            "seed": (0 <= self.seed < 2**63, "at least 0 and below 2**63"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        """The words that each setting may be."""
        return {"optimizer": OPTIMIZERS, "schedule": tuple(SCHEDULES), "precision": PRECISIONS, "on_nan": ON_NAN}


def help_of(kind: type, own: Mapping[str, str]) -> dict[str, Any]:
    """A line of help for each setting of a recipe: the shared ones, with `own` before them."""
    least = getattr(kind, "LEAST_STEPS", 0)
    length = f"{getattr(kind, 'DEFAULT_EPOCHS', '')}{f', or what takes {least} steps' if least else ''}"
    return {name: line.replace("{epochs}", length) for name, line in (HELP | dict(own)).items()}
