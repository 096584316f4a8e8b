"""The meta-parameters of a detector, with defaults that work."""

from __future__ import annotations

from dataclasses import dataclass

from ..data import ON_ERROR
from ..data.augment import transforms_of
from .training_settings import TrainingSettings, help_of

SIDES = {"ssd": 64, "ssd300": 300}


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """Those of every training, and: `size` is the side that pictures are resized to (64 for ssd, 300 for ssd300), `scenes`
    how many of the named set are drawn to learn from, `channels`
    1, 3 or None for the pictures' own; `scales` four sides of ssd's default boxes, None for such as fit the training's
    objects; `negatives` how many boxes without an object are learned from for each with one; `overlap` above which of two
    detections of a class the worse goes; `augment` what is done to training pictures, `on_error` stop or skip."""

    model: str = "ssd"
    data: str = "scenes"
    batch_size: int = 32
    lr: float = 4e-3
    weight_decay: float = 0.05
    optimizer: str = "adamw"
    size: int | None = None
    scenes: int = 3000
    channels: int | None = None
    scales: list[float] | None = None
    negatives: float = 3.0
    overlap: float = 0.45
    augment: list[str] | None = None
    on_error: str = "stop"

    DEFAULT_EPOCHS = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size is None:
            object.__setattr__(self, "size", SIDES[self.model])
        if self.model == "ssd300" and (self.size, self.channels or 3) != (300, 3):
            raise ValueError(f"ssd300 takes pictures of size 300 with 3 channels, got {self.size} and {self.channels}: leave "
                             "both out, or choose the model ssd")
        if self.model == "ssd300" and self.scales is not None:
            raise ValueError("scales belong to the model ssd; ssd300 has those of the paper: leave them out")
        transforms_of(self.augment or [])

    @property
    def side(self) -> int:
        assert self.size is not None
        return self.size

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "size": (self.size is None or (self.size >= 32 and (self.size % 16 == 0 or self.size == 300)),
                     "a multiple of 16, 32 or more"),
            "scenes": (self.scenes >= 1, "1 or more"),
            "channels": (self.channels in (None, 1, 3), "1 (grey) or 3 (colour)"),
            "negatives": (self.negatives > 0, "a positive number"),
            "overlap": (0 < self.overlap < 1, "between 0 and 1"),
            "scales": (_grow(self.scales), "four growing positive numbers"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"on_error": ON_ERROR, "model": tuple(SIDES)}


def _grow(scales: list[float] | None) -> bool:
    return scales is None or (len(scales) == 4 and all(a < b for a, b in zip([0.0, *scales], scales)))


HELP = help_of(Settings, {
    "data": "scenes, or the path of pictures with boxes: COCO's json, Pascal VOC's xml or YOLO's txt.",
    "weights": "Run or weights file to start from, such as vgg16.pth for the backbone of ssd300.",
    "size": "Side that pictures are resized to. [default: 64 for ssd, 300 for ssd300]",
    "scenes": "Scenes of the named set that are drawn to learn from; its validation and test scenes are always 200 each.",
    "channels": "1 for grey, 3 for colour. [default: the pictures' own]",
    "scales": "Sides of ssd's default boxes, in parts of the picture. [default: such as fit the training's objects]",
    "negatives": "Boxes without an object that are learned from, for each with one: the hardest.",
    "overlap": "Of two detections of a class that overlap more than this, the worse is dropped.",
    "augment": "Changes of training pictures, such as shift,scale,mirror,colour.",
    "on_error": "At a picture or annotation that cannot be used: stop or skip.",
})
