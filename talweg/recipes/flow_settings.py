"""The meta-parameters of a normalising flow, and what making pictures with it can be told."""

from __future__ import annotations

from dataclasses import dataclass

from .training_settings import TrainingSettings, help_of

MODELS = ("realnvp", "nice")


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """Those of every training, and: `size` and `channels` say how pictures are read, `levels` how many values a pixel has;
    the flow has `couplings`, each with a network of `hidden` widths."""

    model: str = "realnvp"
    data: str = "digits"
    size: int = 8
    channels: int | None = None
    levels: int = 17
    couplings: int = 6
    hidden: list[int] | None = None
    draws: int = 5
    optimizer: str = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.1
    batch_size: int = 60
    warmup: float = 0.05
    clip_norm: float | None = 10.0

    DEFAULT_EPOCHS = 6

    def __post_init__(self) -> None:
        if self.hidden is None:
            object.__setattr__(self, "hidden", [128])
        super().__post_init__()

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "size": (self.size >= 2, "2 or more"),
            "channels": (self.channels in (None, 1, 3), "1 (grey) or 3 (colour)"),
            "levels": (2 <= self.levels <= 256, "between 2 and 256"),
            "couplings": (self.couplings >= 2, "2 or more, or half of the pixels would never be moved"),
            "hidden": (bool(self.hidden) and min(self.hidden or [0]) >= 1, "a list of widths of 1 or more"),
            "draws": (self.draws >= 1, "1 or more"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"model": MODELS}


HELP = help_of(Settings, {
    "data": "A dataset of pictures by name, or the path of your own.",
    "size": "Side that pictures are resized to, in pixels.",
    "channels": "1 for grey, 3 for colour pictures. [default: the pictures' own]",
    "levels": "Values that a pixel has: 17 for digits, 256 for photographs.",
    "couplings": "Couplings one after another.",
    "hidden": "Widths of each coupling's hidden layers. [default: 128]",
    "draws": "Times that an epoch shows each picture, with other noise below a level.",
})


@dataclass(frozen=True, kw_only=True)
class Options:
    """`n` pictures."""

    n: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        rules = {
            "n": (1 <= self.n <= 10_000, "between 1 and 10000"),
            "seed": (0 <= self.seed < 2**63, "at least 0 and below 2**63"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise ValueError(f"setting {name} must be {rule}, got {getattr(self, name)!r}")


OPTIONS_HELP = {"n": "How many pictures.", "seed": "Equal seeds give equal pictures."}
