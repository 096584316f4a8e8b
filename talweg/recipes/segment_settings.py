"""The meta-parameters of a segmentation run, with defaults that work."""

from __future__ import annotations

from dataclasses import dataclass

from ..data import ON_ERROR
from ..data.augment import transforms_of
from .training_settings import TrainingSettings, help_of

MODELS = ("unet", "fcn_small", "pspnet_small", "fcn_resnet50", "pspnet50")
NAMED = {"scenes32": 32, "scenes": 64}
OWN_SIDE = 64


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """Those of every training, and: `size` is the side that pictures are resized to (32 for scenes32, else 64; 65 for pspnet50,
    which wants a multiple of 8 and one more), `channels` 1, 3 or None for the pictures' own; `width` and `levels` are the
    U-Net's maps at full size (64 in the paper) and halvings (4 in the paper); `augment` what is done to training pictures,
    `on_error` stop or skip."""

    model: str = "unet"
    data: str = "scenes32"
    batch_size: int = 32
    lr: float = 2e-3
    size: int | None = None
    channels: int | None = None
    width: int = 16
    levels: int = 3
    augment: list[str] | None = None
    on_error: str = "stop"

    DEFAULT_EPOCHS = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size is None:
            object.__setattr__(self, "size", NAMED.get(self.data, OWN_SIDE) + (self.model == "pspnet50"))
        if self.model == "unet" and self.side % 2**self.levels:
            raise ValueError(f"size {self.size} cannot be halved {self.levels} times without a remainder: choose a multiple of "
                             f"{2**self.levels}, or fewer levels")
        if self.data == "scenes32" and self.size not in (32, 33):
            raise ValueError(f"scenes32 has pictures of 32 pixels, got size={self.size}: leave size out, or choose scenes")
        transforms_of(self.augment or [])

    @property
    def side(self) -> int:
        assert self.size is not None
        return self.size

    @property
    def wanted_channels(self) -> int | None:
        return 3 if self.model in ("fcn_resnet50", "pspnet50") else self.channels

    def model_settings(self) -> dict[str, int | bool]:
        """What the model's builder is given."""
        return {"width": self.width, "levels": self.levels, "same": True} if self.model == "unet" else {}

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "size": (self.size is None or 8 <= self.size <= 4096, "between 8 and 4096"),
            "channels": (self.channels in (None, 1, 3), "1 (grey) or 3 (colour)"),
            "width": (1 <= self.width <= 512, "between 1 and 512"),
            "levels": (1 <= self.levels <= 8, "between 1 and 8"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"on_error": ON_ERROR, "model": MODELS}


HELP = help_of(Settings, {
    "data": "scenes32, scenes, or a folder with images/ and masks/ (PNG of class numbers or colours).",
    "size": "Side that pictures are resized to. [default: 32 for scenes32, 64 for others]",
    "channels": "1 for grey, 3 for colour. [default: the pictures' own]",
    "width": "The U-Net's maps at full size.",
    "levels": "How often the U-Net halves the sides.",
    "augment": "Changes of training pictures, such as shift,scale,mirror,colour.",
    "on_error": "At a picture or mask that cannot be used: stop or skip.",
})
