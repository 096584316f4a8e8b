"""Boxes with words, and masks in colours, drawn on pictures."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .pictures import as_image


def colour_of(number: int) -> tuple[int, int, int]:
    """A strong colour for each class: hues a golden angle apart, so that neighbours differ."""
    red, green, blue = colorsys.hls_to_rgb((0.58 + number * 0.381966) % 1, 0.52, 0.85)
    return round(255 * red), round(255 * green), round(255 * blue)


def with_boxes(picture: np.ndarray | Image.Image, boxes: np.ndarray, labels: Sequence[int], words: Sequence[str]) -> Image.Image:
    """A copy with each box, (left, top, right, bottom) in pixels, in its class's colour, and its words above it."""
    image = as_image(picture).convert("RGB")
    draw = ImageDraw.Draw(image)
    line = max(1, round(min(image.size) / 160))
    font = ImageFont.load_default(max(10, round(min(image.size) / 22)))
    for box, label, word in zip(boxes, labels, words):
        left, top, right, bottom = (float(v) for v in box)
        draw.rectangle((left, top, right - 1, bottom - 1), outline=colour_of(int(label)), width=line)
        _write(draw, word, left, top, bottom, colour_of(int(label)), font, image.size)
    return image


def _write(draw: ImageDraw.ImageDraw, word: str, left: float, top: float, bottom: float, colour: tuple[int, int, int],
           font, size: tuple[int, int]) -> None:
    """Above the box, or below it where there is no room."""
    width, height = draw.textbbox((0, 0), word, font=font)[2:]
    x = min(max(0.0, left), max(0.0, size[0] - width - 4.0))
    y = top - height - 3 if top >= height + 3 else min(bottom, size[1] - height - 3)
    draw.rectangle((x, y, x + width + 3, y + height + 2), fill=colour)
    light = sum(w * c for w, c in zip((0.299, 0.587, 0.114), colour))
    draw.text((x + 2, y), word, fill="black" if light > 140 else "white", font=font)


def in_colours(mask: np.ndarray) -> np.ndarray:
    """Class numbers (H, W) as uint8 (H, W, 3): class 0 black, 255 (nothing said) grey."""
    table = np.array([(0, 0, 0), *(colour_of(i) for i in range(1, 255)), (128, 128, 128)], np.uint8)
    return table[mask]


def overlaid(picture: np.ndarray, mask: np.ndarray, strength: float = 0.55) -> np.ndarray:
    """A picture, uint8 (H, W) or (H, W, 3), with the classes from 1 on shining through in their colours."""
    base = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
    mixed = (1 - strength) * base + strength * in_colours(mask)
    return np.where((mask > 0)[..., None], mixed, base).round().astype(np.uint8)
