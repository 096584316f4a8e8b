"""Pictures that recipes write: to files, side by side, with lines and words on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def as_bytes(picture: np.ndarray) -> np.ndarray:
    """Values in [0, 1], (H, W), (H, W, 1) or (H, W, 3), as uint8 (H, W) or (H, W, 3); what is outside is clipped."""
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[..., 0]
    return np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def as_image(picture: np.ndarray | Image.Image) -> Image.Image:
    """uint8, or values in [0, 1]."""
    if isinstance(picture, Image.Image):
        return picture
    return Image.fromarray(picture if picture.dtype == np.uint8 else as_bytes(picture))


def save_picture(picture: np.ndarray | Image.Image, path: str | Path) -> None:
    """In the format that the file's ending names. Raises ValueError for another ending, OSError where it cannot be written."""
    path = Path(path)
    image = as_image(picture)
    try:
        image.save(path)
    except (ValueError, KeyError) as error:
        raise ValueError(f"{path}: pictures are written as PNG, JPEG and the like: give the file such an ending "
                         f"({error})") from error


def larger(picture: np.ndarray | Image.Image, least: int) -> Image.Image:
    """With both sides at least `least` pixels, by a whole factor: every pixel becomes a square."""
    image = as_image(picture)
    factor = max(1, -(-least // min(image.size)))
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def beside(*pictures: np.ndarray | Image.Image, gap: int = 4) -> Image.Image:
    """Pictures in a row, on white."""
    images = [as_image(p).convert("RGB") for p in pictures]
    sheet = Image.new("RGB", (sum(i.width for i in images) + gap * (len(images) - 1), max(i.height for i in images)), "white")
    left = 0
    for image in images:
        sheet.paste(image, (left, 0))
        left += image.width + gap
    return sheet
