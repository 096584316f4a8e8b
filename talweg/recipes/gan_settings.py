"""The meta-parameters of two networks that learn against each other, and what making pictures with them can be told."""

from __future__ import annotations

from dataclasses import dataclass

from .training_settings import TrainingSettings, help_of

OBJECTIVES = ("nonsaturating", "wasserstein")


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """Those of every training, and: `size` and `channels` say how pictures are read; `latent` numbers of noise make one,
    `width` is that of the networks' layers. `objective` is what they learn by; `penalty` weighs the gradient penalty;
    `smoothing` is taken off the targets of real pictures. The discriminator has `accumulate` turns for each of the
    generator's. An epoch shows every picture `draws` times."""

    model: str = "gan"
    data: str = "digits"
    size: int = 8
    channels: int | None = None
    latent: int = 32
    width: int = 128
    objective: str | None = None
    penalty: float | None = None
    smoothing: float = 0.1
    momentum_of_adam: float = 0.5
    draws: int = 10
    lr: float = 1e-3
    batch_size: int = 60
    ema: float | None = 0.995
    accumulate: int = 1

    DEFAULT_EPOCHS = 36

    def __post_init__(self) -> None:
        """Take what belongs to the model where nothing was given, so that config.yaml tells what was used."""
        critic = self.model == "wgan_gp"
        if self.objective is None:
            object.__setattr__(self, "objective", "wasserstein" if critic else "nonsaturating")
        if self.penalty is None:
            object.__setattr__(self, "penalty", 10.0 if self.objective == "wasserstein" else 0.0)
        super().__post_init__()
        if self.objective == "wasserstein" and not self.penalty:
            raise ValueError("objective=wasserstein needs a penalty above 0: without it the critic's scores have no bound")

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "size": (self.size >= 4, "4 or more"),
            "channels": (self.channels in (None, 1, 3), "1 (grey) or 3 (colour)"),
            "latent": (self.latent >= 1, "1 or more"),
            "width": (self.width >= 1, "1 or more"),
            "penalty": (self.penalty is None or 0 <= self.penalty < float("inf"), "0 or more"),
            "smoothing": (0 <= self.smoothing < 0.5, "at least 0 and below 0.5"),
            "momentum_of_adam": (0 <= self.momentum_of_adam < 1, "at least 0 and below 1"),
            "draws": (self.draws >= 1, "1 or more"),
            "batch_size": (self.batch_size >= 2, "2 or more, for batch normalisation"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"objective": OBJECTIVES, "optimizer": ("adam",)}


HELP = help_of(Settings, {
    "data": "A dataset of pictures by name, or the path of your own.",
    "size": "Side that pictures are resized to, in pixels.",
    "channels": "1 for grey, 3 for colour pictures. [default: the pictures' own]",
    "latent": "Numbers of noise that a picture is made of.",
    "width": "Width of the networks' layers.",
    "objective": "nonsaturating or wasserstein. [default: the model's]",
    "penalty": "Weight of the gradient penalty. [default: 10 for wasserstein, else 0]",
    "smoothing": "Taken off the target 1 of real pictures, so that the discriminator is not too sure.",
    "momentum_of_adam": "Adam's first beta: small, since the two networks answer each other.",
    "accumulate": "Turns of the discriminator for each of the generator's.",
    "optimizer": "adam.",
    "draws": "Times that an epoch shows each picture.",
})


@dataclass(frozen=True, kw_only=True)
class Options:
    """`n` pictures; with `walk` each row goes from one to another in that many pictures."""

    n: int = 16
    walk: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        rules = {
            "n": (1 <= self.n <= 10_000, "between 1 and 10000"),
            "walk": (self.walk is None or self.walk >= 2, "2 or more"),
            "seed": (0 <= self.seed < 2**63, "at least 0 and below 2**63"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise ValueError(f"setting {name} must be {rule}, got {getattr(self, name)!r}")


OPTIONS_HELP = {
    "n": "How many pictures, or rows of a walk.",
    "walk": "Show how one picture becomes another, in so many pictures a row.",
    "seed": "Equal seeds give equal pictures.",
}
