"""Images as a published model wants them: resized, cropped, scaled, normalised, as its publisher did it.

The weights were trained on these numbers: another interpolation or mean costs accuracy without an error. Resizing is
Pillow's, which torchvision, timm and transformers use too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..tensor import Tensor, from_numpy

if TYPE_CHECKING:
    from PIL import Image

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

INTERPOLATIONS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}  # Pillow's numbers
WARPED_FROM = 384  # ConvNeXt's rule: from this size on images are resized whole, without a crop


@dataclass(frozen=True)
class ImagePreprocessing:
    """`resize` is the shorter side (an int, the other side keeps the ratio), (height, width), or None.

    `crop` is the (height, width) of the middle that is kept, padded with zeros where the image is smaller.
    Values in 0..255 are multiplied by `scale`, then mean and std of each channel are applied. `odd_crop` says
    where a middle between two pixels goes: "down", or "even" as torchvision and timm round it.
    """

    resize: int | tuple[int, int] | None = 256
    crop: tuple[int, int] | None = (224, 224)
    interpolation: str = "bilinear"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    scale: float = 1 / 255
    odd_crop: str = "even"

    def __post_init__(self) -> None:
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(f"interpolation must be one of {', '.join(INTERPOLATIONS)}, got {self.interpolation!r}")
        if not self.mean or len(self.mean) != len(self.std) or min(self.std) <= 0:
            raise ValueError(f"mean and std must have one value a channel, std above 0: {self.mean}, {self.std}")
        sizes = [n for size in (self.resize, self.crop) if size is not None for n in np.atleast_1d(size)]
        if any(n < 1 for n in sizes):
            raise ValueError(f"resize and crop must be 1 or more, got {self.resize} and {self.crop}")

    def __call__(self, image: str | Path | Image.Image | np.ndarray) -> Tensor:
        """The prepared image, float32 (C, H, W), from a file, a Pillow image, or uint8 values (H, W[, 3]).

        Raises FileNotFoundError, OSError for what is no image, TypeError for other arrays.
        """
        picture = _opened(image).convert("RGB" if len(self.mean) == 3 else "L")
        if self.resize is not None:
            height, width = self._resized(picture.height, picture.width)
            picture = picture.resize((width, height), INTERPOLATIONS[self.interpolation])
        values = np.asarray(picture).reshape(picture.height, picture.width, -1)
        if self.crop is not None:
            values = _centre(values, self.crop, self.odd_crop)
        values = values.astype(np.float32) * np.float32(self.scale)  # (H, W, C)
        values = (values - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))  # (C, H, W)

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        if isinstance(self.resize, tuple):
            return self.resize
        short = min(height, width)
        assert self.resize is not None
        # The longer side is rounded down, as all publishers do.
        return int(self.resize * height / short), int(self.resize * width / short)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ImagePreprocessing:
        """What a preprocessor_config.json of transformers says. Raises ValueError where it makes no sense."""
        try:
            resize, crop = _sizes(config)
            normalised = config.get("do_normalize", True)
            return cls(
                resize, crop, _interpolation(config.get("resample", 2)),
                mean=tuple(config.get("image_mean", (0.5,) * 3)) if normalised else (0.0,) * 3,
                std=tuple(config.get("image_std", (0.5,) * 3)) if normalised else (1.0,) * 3,
                scale=config.get("rescale_factor", 1 / 255) if config.get("do_rescale", True) else 1.0,
                odd_crop="down",
            )
        except (TypeError, KeyError, AttributeError, ZeroDivisionError) as error:
            raise ValueError(f"preprocessor_config.json: describes no image preparation ({error!r})") from error

    @classmethod
    def from_timm(cls, config: Mapping[str, Any]) -> ImagePreprocessing:
        """What timm's config.json says, at its top or under pretrained_cfg. Raises ValueError likewise."""
        told = config.get("pretrained_cfg", config)
        try:
            _, height, width = told.get("input_size", (3, 224, 224))
            share = told.get("crop_pct", 0.875)
            return cls(
                math.floor(min(height, width) / share), (height, width), told.get("interpolation", "bicubic"),
                tuple(told.get("mean", IMAGENET_MEAN)), tuple(told.get("std", IMAGENET_STD)),
            )
        except (TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
            raise ValueError(f"config.json: describes no image preparation ({error!r})") from error

    def as_config(self) -> dict[str, Any]:
        """As preprocessor_config.json, which `from_config` and transformers read."""
        size: Any = {}
        if isinstance(self.resize, int):
            size = {"shortest_edge": self.resize}
        elif self.resize is not None:
            size = {"height": self.resize[0], "width": self.resize[1]}
        config: dict[str, Any] = {"do_resize": bool(size), "resample": INTERPOLATIONS[self.interpolation]}
        config |= {"size": size} if size else {}
        config["do_center_crop"] = self.crop is not None
        if self.crop is not None:
            config["crop_size"] = {"height": self.crop[0], "width": self.crop[1]}
        config |= {"do_rescale": True, "rescale_factor": self.scale, "do_normalize": True}
        return config | {"image_mean": list(self.mean), "image_std": list(self.std)}


def _opened(image: str | Path | Image.Image | np.ndarray) -> Image.Image:
    from PIL import Image  # here, because every `import talweg` would wait for it

    if isinstance(image, Image.Image):
        return image
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim not in (2, 3):
            raise TypeError(f"an image array must be uint8 (H, W) or (H, W, 3), got {image.dtype} {list(image.shape)}")
        return Image.fromarray(image)
    return Image.open(image)


def _centre(values: np.ndarray, size: tuple[int, int], odd: str) -> np.ndarray:
    """The middle of (H, W, C), with zeros around what is smaller."""
    short = [max(wanted - has, 0) for has, wanted in zip(values.shape, size)]
    if any(short):
        values = np.pad(values, [(n // 2, n - n // 2) for n in short] + [(0, 0)])
    spare = [has - wanted for has, wanted in zip(values.shape, size)]
    top, left = [n // 2 if odd == "down" else round(n / 2) for n in spare]
    return values[top:top + size[0], left:left + size[1]]


def _sizes(config: Mapping[str, Any]) -> tuple[int | tuple[int, int] | None, tuple[int, int] | None]:
    """Resize and crop. Old files give a bare number: a side for those that crop, both sides for the others."""
    cropped = config.get("do_center_crop", False)
    whole = not cropped and "crop_pct" not in config
    resize = _size(config["size"], square=whole) if config.get("do_resize", True) else None
    if "crop_pct" in config and isinstance(resize, int):
        side = resize
        return ((side, side), None) if side >= WARPED_FROM else (int(side / config["crop_pct"]), (side, side))
    crop = _size(config.get("crop_size", config.get("size")), square=True) if cropped else None
    return resize, (crop, crop) if isinstance(crop, int) else crop


def _size(told: Any, square: bool) -> int | tuple[int, int]:
    if isinstance(told, Mapping):
        if "shortest_edge" in told:
            return int(told["shortest_edge"])
        return int(told["height"]), int(told["width"])
    if isinstance(told, (list, tuple)):
        height, width = told
        return int(height), int(width)
    return (int(told), int(told)) if square else int(told)


def _interpolation(told: int | str) -> str:
    names = {int(method): name for name, method in INTERPOLATIONS.items()}
    name = told if isinstance(told, str) else names.get(told)
    if name not in INTERPOLATIONS:
        raise ValueError(f"preprocessor_config.json: resample must be one of {sorted(names)}, got {told!r}")
    return name
