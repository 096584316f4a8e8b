"""The meta-parameters of a denoising run, with defaults that work."""

from __future__ import annotations

from dataclasses import dataclass

from ..data import ON_ERROR
from .degrade import GRAMMAR, Degradation, degradation_of
from .training_settings import TrainingSettings, help_of

# Much of a photograph is out of focus. Enlarged squares are too, and teach what an even surface with noise looks like:
# from china.jpg to flower.jpg they are worth 2 dB. What sharpens must not learn that true pictures are soft.
ZOOM = (0.7, 4.0)
ZOOM_OF_SMALLER = (0.6, 1.0)


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """Those of every training, and: `degrade` lists what is done to a photograph, in order, and `sigma` is the noise's
    deviation, of values from 0 to 255. An epoch has `patches` squares of `patch` pixels, drawn anew and enlarged by a factor
    within `zoom`. `channels` is 1 (grey) or 3 (colour), `width` the maps of the network at full size, `on_error` what becomes
    of a file that cannot be used."""

    model: str = "denoiser"
    data: str = "photos"
    lr: float = 3e-3
    batch_size: int = 16
    degrade: list[str] | None = None
    sigma: float = 25.0
    patch: int = 48
    patches: int = 960
    zoom: list[float] | None = None
    channels: int = 3
    width: int = 16
    on_error: str = "stop"

    DEFAULT_EPOCHS = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.zoom is None:
            object.__setattr__(self, "zoom", list(ZOOM if self.degradation.enlarges == 1 else ZOOM_OF_SMALLER))
        if self.degradation.colours and self.channels == 1:
            raise ValueError("degrade=gray takes colours away, which pictures of channels=1 do not have: set channels to 3")

    @property
    def degradation(self) -> Degradation:
        return degradation_of(self.degrade or ["noise"], self.sigma)

    @property
    def zooms(self) -> list[float]:
        assert self.zoom is not None
        return self.zoom

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "sigma": (0 < self.sigma <= 255, "above 0 and at most 255"),
            "patch": (self.patch >= 16 and self.patch % 4 == 0, "a multiple of 4, 16 or more"),
            "patches": (self.patches >= 1, "1 or more"),
            "zoom": (_is_range(self.zoom), "two factors, such as 0.7,4, the first not larger than the second"),
            "channels": (self.channels in (1, 3), "1 (grey) or 3 (colour)"),
            "width": (1 <= self.width <= 512, "between 1 and 512"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"on_error": ON_ERROR, "model": ("denoiser",)}


def _is_range(zoom: list[float] | None) -> bool:
    return zoom is None or (len(zoom) == 2 and 0.1 <= zoom[0] <= zoom[1] <= 10)


HELP = help_of(Settings, {
    "data": "photos, or a folder of photographs.",
    "degrade": f"What is done to photographs, in order: {GRAMMAR}. [default: noise]",
    "sigma": "Standard deviation of the noise, for values from 0 to 255.",
    "patch": "Side of the squares that are learned from, in pixels.",
    "patches": "Squares an epoch.",
    "zoom": "Squares are enlarged by a factor between these two. [default: 0.7,4 for noise, else 0.6,1]",
    "channels": "1 for grey, 3 for colour.",
    "width": "Maps of the network at full size; twice and four times as many at half and a quarter.",
    "on_error": "At a file that cannot be used: stop or skip.",
})
