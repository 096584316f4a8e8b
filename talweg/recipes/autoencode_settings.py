"""The meta-parameters of autoencoders, and what making pictures with one can be told."""

from __future__ import annotations

from dataclasses import dataclass

from .training_settings import TrainingSettings, help_of

MODELS = ("autoencoder", "vae")


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """Those of every training, and: `size` and `channels` say how pictures are read; `latent` numbers are the code, `width`
    maps and `hidden` numbers the layers before it. An epoch shows every picture `draws` times. `beta` weighs the divergence
    of a VAE's codes while it learns: 1 is the bound on -log p(x), which is what is measured whatever beta is; with less,
    codes tell more, and made pictures are less blurred."""

    model: str = "autoencoder"
    data: str = "digits"
    size: int = 8
    channels: int | None = None
    latent: int | None = None
    width: int = 32
    hidden: int = 256
    draws: int = 5
    beta: float = 0.5
    batch_size: int = 60
    optimizer: str = "adamw"
    lr: float = 3e-3
    weight_decay: float = 0.05
    warmup: float = 0.02

    DEFAULT_EPOCHS = 30
    DEFAULT_LATENT = {"autoencoder": 8, "vae": 16}  # of a VAE's numbers those that tell nothing cost nothing

    def __post_init__(self) -> None:
        if self.latent is None:
            object.__setattr__(self, "latent", self.DEFAULT_LATENT.get(self.model, 8))
        super().__post_init__()

    @property
    def code(self) -> int:
        """How many numbers tell a picture."""
        assert self.latent is not None
        return self.latent

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "size": (self.size >= 4 and self.size % 4 == 0, "a multiple of 4"),
            "channels": (self.channels in (None, 1, 3), "1 (grey) or 3 (colour)"),
            "latent": (self.code >= 1, "1 or more"),
            "width": (self.width >= 1, "1 or more"),
            "hidden": (self.hidden >= 1, "1 or more"),
            "draws": (self.draws >= 1, "1 or more"),
            "beta": (0 <= self.beta < float("inf"), "0 or more"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"model": MODELS}


HELP = help_of(Settings, {
    "data": "A dataset of pictures by name, or the path of your own.",
    "size": "Side that pictures are resized to, in pixels; a multiple of 4.",
    "channels": "1 for grey, 3 for colour pictures. [default: the pictures' own]",
    "latent": "Numbers that a picture is told in. [default: 8, of a vae 16]",
    "width": "Maps of the first convolution.",
    "hidden": "Width of the linear layers.",
    "draws": "Times that an epoch shows each picture.",
    "beta": "Weight of the divergence of a vae's codes while it learns; 1 is the bound itself.",
})


@dataclass(frozen=True, kw_only=True)
class Options:
    """`n` pictures from draws of the code; with `walk` each row goes from one picture's code to another's in that many."""

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
