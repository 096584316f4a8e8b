"""An image with what is drawn on it: boxes and masks move with the pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .draws import Draws

LEAST_VISIBLE = 0.1  # of a box's area; what shows less of itself is no longer an object to find


@dataclass(frozen=True)
class Annotated:
    """`image` float32 (C, H, W) in [0, 1]. `boxes` (K, 4) are left, top, right, bottom in pixels, edges from 0 to W
    and H, with `labels` (K,). `masks` are (K, H, W), one a box, or one map of classes (H, W)."""

    image: np.ndarray
    boxes: np.ndarray | None = None
    labels: np.ndarray | None = None
    masks: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.image.ndim != 3:
            raise ValueError(f"Annotated: image must be (channels, height, width), got {list(self.image.shape)}")
        if self.boxes is not None and (self.boxes.ndim != 2 or self.boxes.shape[1] != 4):
            raise ValueError(f"Annotated: boxes must be (K, 4), got {list(self.boxes.shape)}")
        if self.labels is not None and (self.boxes is None or len(self.labels) != len(self.boxes)):
            raise ValueError("Annotated: labels must be one a box")
        if self.masks is not None and self.masks.shape[-2:] != self.image.shape[-2:]:
            raise ValueError(f"Annotated: masks must have the image's height and width {list(self.image.shape[-2:])}, got "
                             f"{list(self.masks.shape)}")
        if self.masks is not None and self.masks.ndim == 3 and self.boxes is not None and len(self.masks) != len(self.boxes):
            raise ValueError(f"Annotated: {len(self.masks)} masks for {len(self.boxes)} boxes: there must be one each")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.image.shape[1], self.image.shape[2]

    def with_image(self, image: np.ndarray) -> Annotated:
        return replace(self, image=np.clip(image, 0, 1).astype(np.float32))


Transform = Callable[[Annotated, Draws], Annotated]


def checked_range(call: str, name: str, value: tuple[float, float], least: float) -> tuple[float, float]:
    """(low, high) with least <= low <= high. Raises ValueError."""
    low, high = value
    if not least <= low <= high:
        raise ValueError(f"{call}: {name} must be (low, high) with {least:g} <= low <= high, got {value}")
    return low, high


def checked_share(call: str, name: str, value: float) -> float:
    """A number from 0 to 1. Raises ValueError."""
    if not 0 <= value <= 1:
        raise ValueError(f"{call}: {name} must be between 0 and 1, got {value}")
    return value
