"""Reading one image file for prediction: whatever its mode, one grey picture like the training data."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 64_000_000
FORMATS = ("PNG", "JPEG")


def read_grey(path: str | Path) -> np.ndarray:
    """A PNG or JPEG as grey values in [0, 1], float32 (H, W), upright; transparency becomes white.

    Raises FileNotFoundError, IsADirectoryError or PermissionError for a path that cannot be opened, and
    ValueError for what is no such image, is damaged, or has more than 64 million pixels.
    """
    path = Path(path)
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            # Pillow only warns of a decompression bomb below twice its own limit; ours is checked first.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return _grey(_decoded(file, path))
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: there is no such file") from error
    except IsADirectoryError as error:
        raise IsADirectoryError(f"{path}: is a folder, expected a PNG or JPEG image") from error


def _decoded(file, path: Path) -> Image.Image:
    try:
        image = Image.open(file, formats=FORMATS)
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise ValueError(
                f"{path}: {width} x {height} pixels are too many: the limit is {MAX_PIXELS // 10**6} million"
            )
        image.load()
        return ImageOps.exif_transpose(image)
    except UnidentifiedImageError as error:
        raise ValueError(f"{path}: is not a PNG or JPEG image") from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path}: is too large to be decoded safely ({error})") from error
    except (OSError, SyntaxError, EOFError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"{path}: is damaged or cut short ({error})") from error


def _grey(image: Image.Image) -> np.ndarray:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image, dtype=np.float32)
        return values / max(65535.0 if image.mode != "F" else 1.0, float(values.max()))
    if "A" in image.mode or "transparency" in image.info:
        image = image.convert("RGBA")
        page = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(page, image)
    return np.asarray(image.convert("L"), dtype=np.float32) / 255


def light_on_dark(grey: np.ndarray) -> np.ndarray:
    """The drawing as light ink on a dark page, stretched to [0, 1]; dark ink on a light page is inverted.

    The page is what most of the border shows. Raises ValueError for a picture of one even grey.
    """
    low = float(grey.min())
    high = float(grey.max())
    if high - low < 0.05:
        raise ValueError("the image is one even grey: there is nothing drawn on it")
    stretched = (grey - low) / (high - low)
    border = np.concatenate([stretched[0], stretched[-1], stretched[:, 0], stretched[:, -1]])
    return 1 - stretched if np.median(border) > 0.5 else stretched


def fitted(drawing: np.ndarray, size: int, native_size: int | None = None) -> np.ndarray:
    """The drawing as the training images are: (size, size), light on dark, values in [0, 1].

    A drawing that already has the input's side, or the side that the dataset was scanned at, is taken
    whole. Any other is cropped to its ink, centred on a square and reduced by averaging to the
    scanned side, which is how those digits were made, and from there resized bilinearly.
    """
    side = native_size or size
    if drawing.shape not in ((size, size), (side, side)):
        drawing = np.clip(_resize(_square_around_ink(drawing), side, Image.Resampling.BOX), 0, 1)
        drawing = drawing / max(float(drawing.max()), 1e-6)
    return np.clip(_resize(drawing, size, Image.Resampling.BILINEAR), 0, 1)


def _square_around_ink(drawing: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(drawing > 0.3)
    cut = drawing[rows.min():rows.max() + 1, columns.min():columns.max() + 1]
    height, width = cut.shape
    side = max(height, width)
    top = (side - height) // 2
    left = (side - width) // 2
    return np.pad(cut, ((top, side - height - top), (left, side - width - left)))


def _resize(picture: np.ndarray, side: int, method: Image.Resampling) -> np.ndarray:
    if picture.shape == (side, side):
        return picture
    image = Image.fromarray(np.ascontiguousarray(picture, dtype=np.float32))
    return np.asarray(image.resize((side, side), method), dtype=np.float32)
