"""The meta-parameters of a diffusion model, and what making pictures with it can be told."""

from __future__ import annotations

from dataclasses import dataclass

from ..models.diffusion import SCHEDULES, VARIANCES
from .training_settings import TrainingSettings, help_of


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """Those of every training, and: `size` and `channels` say how pictures are read; `noise_steps` T and `noise` the forward
    process, `variance` the backward one; `widths` the maps of the U-Net's levels, with self-attention in the last one. An
    epoch shows every picture `draws` times, each with a noise of its own."""

    model: str = "ddpm"
    data: str = "digits"
    size: int = 8
    channels: int | None = None
    noise_steps: int = 100
    noise: str = "linear"
    variance: str = "small"
    widths: list[int] | None = None
    dropout: float = 0.0
    draws: int = 10
    lr: float = 3e-3
    warmup: float = 0.02
    clip_norm: float | None = 1.0

    DEFAULT_EPOCHS = 12

    def __post_init__(self) -> None:
        if self.widths is None:
            object.__setattr__(self, "widths", [24, 48])
        super().__post_init__()

    @property
    def levels(self) -> list[int]:
        return self.widths or []

    def limits(self) -> dict[str, tuple[bool, str]]:
        factor = 2 ** (len(self.levels) - 1)
        return super().limits() | {
            "size": (self.size >= 4 and self.size % factor == 0, f"4 or more and a multiple of {factor}, for so many widths"),
            "channels": (self.channels in (None, 1, 3), "1 (grey) or 3 (colour)"),
            "noise_steps": (self.noise_steps >= 2, "2 or more"),
            "widths": (bool(self.levels) and all(w >= 8 and w % 8 == 0 for w in self.levels), "a list of multiples of 8"),
            "dropout": (0 <= self.dropout < 1, "at least 0 and below 1"),
            "draws": (self.draws >= 1, "1 or more"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"noise": SCHEDULES, "variance": VARIANCES}


HELP = help_of(Settings, {
    "data": "A dataset of pictures by name, or the path of your own.",
    "size": "Side that pictures are resized to, in pixels.",
    "channels": "1 for grey, 3 for colour pictures. [default: the pictures' own]",
    "noise_steps": "Steps from a picture to noise.",
    "noise": "How the noise grows: linear or cosine.",
    "variance": "Noise of a backward step: small (the posterior's) or large (the forward one's).",
    "widths": "Maps of the U-Net's levels, each half as wide and high. [default: 24,48]",
    "dropout": "Share of activations that are left out in training.",
    "draws": "Times that an epoch shows each picture, with other noise.",
})


@dataclass(frozen=True, kw_only=True)
class Options:
    """`steps` makes pictures in that many implicit (DDIM) steps instead of all; `trace` shows so many moments on the way."""

    n: int = 16
    steps: int | None = None
    eta: float = 0.0
    trace: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        rules = {
            "n": (1 <= self.n <= 10_000, "between 1 and 10000"),
            "steps": (self.steps is None or self.steps >= 1, "1 or more"),
            "eta": (0 <= self.eta <= 1, "between 0 and 1"),
            "trace": (self.trace is None or self.trace >= 2, "2 or more"),
            "seed": (0 <= self.seed < 2**63, "at least 0 and below 2**63"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise ValueError(f"setting {name} must be {rule}, got {getattr(self, name)!r}")


OPTIONS_HELP = {
    "n": "How many pictures.",
    "steps": "Make them in so many implicit (DDIM) steps. [default: all steps of the training]",
    "eta": "Noise of the implicit steps: 0 for none, 1 for as much as in the others.",
    "trace": "Show each picture at so many moments, from noise to the end (fig. 7.1).",
    "seed": "Equal seeds give equal pictures.",
}
