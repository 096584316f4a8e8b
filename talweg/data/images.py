"""Reading one image file: whatever its mode and orientation, upright grey or colour values."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 64_000_000
FORMATS = ("PNG", "JPEG")
MORE_FORMATS = (*FORMATS, "BMP", "GIF", "WEBP", "TIFF")  # the first picture of those that hold several


def read_grey(path: str | Path) -> np.ndarray:
    """A PNG or JPEG as grey values in [0, 1], float32 (H, W), upright; transparency becomes white.

    Raises FileNotFoundError, IsADirectoryError or PermissionError for a path that cannot be opened, and
    ValueError for what is no such image, is damaged, or has more than 64 million pixels.
    """
    return _grey(_opened(Path(path), FORMATS))


def read_pixels(path: str | Path) -> np.ndarray:
    """An image file as uint8 (H, W) when it is grey, (H, W, 3) when it has colours, upright.

    16-bit greys keep their upper 8 bits, palettes become colours, transparency becomes white; CMYK and the like are
    converted. PNG, JPEG, BMP, GIF, WebP and TIFF by content, whatever the name says. Raises as `read_grey` does.
    """
    image = _opened(Path(path), MORE_FORMATS)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return np.round(255 * _grey(image)).astype(np.uint8)
    image = _opaque(image)
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    values = np.asarray(image.convert("RGB"))
    is_grey = np.array_equal(values[..., 0], values[..., 1]) and np.array_equal(values[..., 1], values[..., 2])
    return values[..., 0] if is_grey else values


def squared(pixels: np.ndarray, size: int) -> np.ndarray:
    """The middle of an image, uint8 (size, size[, 3]): the shorter side is resized to `size`, the longer one cropped."""
    height, width = pixels.shape[:2]
    if (height, width) == (size, size):
        return pixels
    side = min(height, width)
    left = (width - side) / 2
    top = (height - side) / 2
    image = Image.fromarray(np.ascontiguousarray(pixels))
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box=box))


def _opened(path: Path, formats: tuple[str, ...]) -> Image.Image:
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            # Pillow only warns of a decompression bomb below twice its own limit; ours is checked first.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return _decoded(file, path, formats)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: there is no such file") from error
    except IsADirectoryError as error:
        raise IsADirectoryError(f"{path}: is a folder, expected a PNG or JPEG image") from error


def _decoded(file, path: Path, formats: tuple[str, ...]) -> Image.Image:
    with _faults_named(path, formats):
        image = Image.open(file, formats=formats)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ValueError(
            f"{path}: {width} x {height} pixels are too many: the limit is {MAX_PIXELS // 10**6} million, so make it smaller"
        )
    with _faults_named(path, formats):
        image.load()
        return ImageOps.exif_transpose(image)


@contextmanager
def _faults_named(path: Path, formats: tuple[str, ...]) -> Iterator[None]:
    """Whatever Pillow raises for a file that is no image, or a damaged one, as a ValueError that names the file."""
    try:
        yield
    except UnidentifiedImageError as error:
        known = "a PNG or JPEG image" if formats == FORMATS else "an image (PNG, JPEG, BMP, GIF, WebP or TIFF)"
        raise ValueError(f"{path}: is {'empty, ' if path.stat().st_size == 0 else ''}not {known}") from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path}: is too large to be decoded safely ({error})") from error
    except (OSError, SyntaxError, EOFError, IndexError, KeyError, TypeError, OverflowError, ValueError, struct.error) as error:
        raise ValueError(f"{path}: is damaged or cut short ({error})") from error


def _grey(image: Image.Image) -> np.ndarray:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image, dtype=np.float32)
        return values / max(65535.0 if image.mode != "F" else 1.0, float(values.max()))
    return np.asarray(_opaque(image).convert("L"), dtype=np.float32) / 255


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode not in ("LA", "PA", "RGBA", "La", "RGBa") and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


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
