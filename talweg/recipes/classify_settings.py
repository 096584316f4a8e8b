"""The meta-parameters of an image classification run, with defaults that work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..data import ON_ERROR, Request
from ..data.augment import transforms_of
from ..models import entry
from .training_settings import TrainingSettings, help_of

CLASS_WEIGHTS = ("none", "balanced")
MODEL_SETTINGS = ("hidden", "activation")


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """Those of every training, and: `hidden` and `activation` belong to the mlp; `size` and `channels` (1, 3, None for the
    images' own) say how images are read, `target` and `group` name columns of a table, `on_error` what becomes of a bad
    file or row: stop or skip; `augment` names what is done to training images, `mixup` and `cutmix` are the alpha of Beta(alpha,
    alpha), by which samples of a batch are mixed.
    """

    data: str = "digits"
    size: int = 28
    channels: int | None = None
    target: str | None = None
    group: str | None = None
    on_error: str = "stop"
    augment: list[str] | None = None
    mixup: float | None = None
    cutmix: float | None = None
    hidden: list[int] | None = None
    activation: str | None = None
    monitor: str = "loss"
    label_smoothing: float = 0.0
    class_weights: str = "none"

    LEAST_STEPS = 150

    def __post_init__(self) -> None:
        self._fill_in_the_models_own()
        super().__post_init__()
        transforms_of(self.augment or [])
        if self.mixup is not None and self.cutmix is not None:
            raise ValueError(f"mixup={self.mixup} and cutmix={self.cutmix} both mix a batch: give one of them")

    def model_settings(self) -> dict[str, Any]:
        """What the model's builder is given: hidden and activation for the mlp; others keep the defaults of their entry."""
        return {name: getattr(self, name) for name in entry(self.model).settings if name in MODEL_SETTINGS}

    def request(self) -> Request:
        """What is asked of the data."""
        channels = entry(self.model).channels if self.channels is None else self.channels
        return Request(self.size, channels, self.target, self.group, self.on_error)

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "channels": (self.channels in (None, 1, 3), "1 (grey) or 3 (colour)"),
            "label_smoothing": (0 <= self.label_smoothing < 1, "at least 0 and below 1"),
            "mixup": (self.mixup is None or 0 < self.mixup < float("inf"), "a positive number, such as 0.2"),
            "cutmix": (self.cutmix is None or 0 < self.cutmix < float("inf"), "a positive number, such as 1"),
            "hidden": (self.hidden is None or all(n >= 1 for n in self.hidden), "a list of widths of 1 or more"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        own = {"on_error": ON_ERROR, "monitor": ("loss", "error"), "class_weights": CLASS_WEIGHTS}
        return super().choices() | own

    def _fill_in_the_models_own(self) -> None:
        """Take the model's defaults where nothing was given, so that config.yaml tells what was used."""
        own = entry(self.model).settings
        for name in MODEL_SETTINGS:
            if name not in own and getattr(self, name) is not None:
                raise ValueError(f"setting {name} does not belong to the model {self.model}: leave it out")
            if name in own and getattr(self, name) is None:
                object.__setattr__(self, name, own[name])


HELP = help_of(Settings, {
    "size": "Side that images are resized to, in pixels.",
    "channels": "1 for grey, 3 for colour images. [default: the images' own]",
    "target": "Column of a table that is to be predicted. [default: the last]",
    "group": "Column of a table whose groups are kept together in one split.",
    "on_error": "At a file or row that cannot be used: stop or skip.",
    "augment": "Changes of training images, such as shift,scale,mirror.",
    "mixup": "Blend pairs of samples and their targets by Beta(MIXUP, MIXUP), such as 0.2. [default: no]",
    "cutmix": "Put a window of one image into another, by Beta(CUTMIX, CUTMIX), such as 1. [default: no]",
    "hidden": "Widths of the mlp's hidden layers, such as 256,128.",
    "activation": "The mlp's activation, such as relu or tanh.",
    "monitor": "What the best epoch is best in: loss or error (validation).",
    "label_smoothing": "Share of the target spread over all classes.",
    "class_weights": "balanced: rare classes weigh as much as frequent ones; none.",
})
