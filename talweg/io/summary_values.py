"""What one entry of an event file says: a number, a picture, a distribution of numbers, a text."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from ..tensor import Tensor
from . import wire

STRING = 7  # of the element types in a stored tensor


def array(values: Any) -> np.ndarray:
    """A tensor's values, or what NumPy makes of a number or a list."""
    if not isinstance(values, Tensor):
        return np.asarray(values)
    values = values.detach()
    return values.double().numpy() if values.dtype.is_floating_point else values.numpy()


def scalar(tag: str, number: Any) -> bytes:
    """Raises ValueError for more than one number."""
    value = array(number)
    if value.size != 1:
        raise ValueError(f"add_scalar({tag!r}): expected one number, got values of shape {list(value.shape)}; take their mean")
    return wire.counted(1, tag) + wire.single(2, _held(float(value.reshape(()))))


def _held(number: float) -> float:
    """As float32 holds it: too large a number is an infinity."""
    with np.errstate(over="ignore"):
        return float(np.float32(number))


def text(tag: str, words: str) -> bytes:
    data = wire.counted(1, wire.counted(1, "text"))
    shape = wire.counted(2, wire.counted(2, wire.integer(1, 1)))
    return (wire.counted(1, f"{tag}/text_summary") + wire.counted(9, data)
            + wire.counted(8, wire.integer(1, STRING) + shape + wire.counted(8, words)))


def plugin(tag: str, name: str, content: bytes) -> bytes:
    """Data for one of TensorBoard's plugins."""
    return wire.counted(1, tag) + wire.counted(9, wire.counted(1, wire.counted(1, name) + wire.counted(2, content)))


# --- distributions
def _limits() -> np.ndarray:
    """Borders that grow by a tenth, on both sides of 0."""
    steps = [1e-12]
    while steps[-1] < 1e20:
        steps.append(steps[-1] * 1.1)
    return np.array([*(-s for s in reversed(steps)), 0.0, *steps])


LIMITS = _limits()


def histogram(tag: str, values: Any, bins: Any = "tensorflow", max_bins: int | None = None) -> bytes:
    """How often values lie in each interval, with their sum and sum of squares; nan and infinities are left out.

    Raises ValueError where no number is left.
    """
    x = array(values).astype(np.float64).reshape(-1)
    x = x[np.isfinite(x)]
    if not x.size:
        raise ValueError(f"add_histogram({tag!r}): there is no finite number among the values")
    x = np.clip(x, LIMITS[0], LIMITS[-1]) if isinstance(bins, str) and bins == "tensorflow" else x
    counts, edges = np.histogram(x, LIMITS if isinstance(bins, str) and bins == "tensorflow" else bins)
    counts, edges = _fewer(counts, edges, max_bins)
    filled = np.flatnonzero(counts)
    if not filled.size:
        raise ValueError(f"add_histogram({tag!r}): no value lies within the given bins")
    first, last = filled[0], filled[-1]
    found = b"".join(wire.double(i, float(n)) for i, n in enumerate((x.min(), x.max(), x.size, x.sum(), x @ x), start=1))
    # Each count belongs to the interval below its limit; the first, empty, says where the second begins.
    found += wire.doubles(6, edges[first : last + 2].tolist())
    found += wire.doubles(7, [0.0, *counts[first : last + 1].astype(float).tolist()])
    return wire.counted(1, tag) + wire.counted(5, found)


def _fewer(counts: np.ndarray, edges: np.ndarray, most: int | None) -> tuple[np.ndarray, np.ndarray]:
    if most is None or len(counts) <= most:
        return counts, edges
    together = -(-len(counts) // most)
    starts = np.arange(0, len(counts), together)
    return np.add.reduceat(counts, starts), np.append(edges[starts], edges[-1])


# --- pictures
def image(tag: str, values: Any, dataformats: str = "CHW") -> bytes:
    """A picture as PNG: floats in [0, 1] or bytes, its dimensions named by letters of N, C, H and W; several as a grid.

    Raises ValueError for other letters, a number of them that is not the number of dimensions, or channels other than 1,
    3 or 4.
    """
    from_image = pixels(values, dataformats, tag)
    height, width, channels = from_image.shape
    found = wire.integer(1, height) + wire.integer(2, width) + wire.integer(3, channels) + wire.counted(4, _png(from_image))
    return wire.counted(1, tag) + wire.counted(4, found)


def pixels(values: Any, dataformats: str, tag: str = "") -> np.ndarray:
    """(H, W, C) bytes."""
    x = array(values)
    letters = dataformats.upper()
    if len(letters) != x.ndim or len(set(letters)) != x.ndim or not {"H", "W"} <= set(letters) <= set("NCHW"):
        raise ValueError(f"add_image({tag!r}): dataformats {dataformats!r} does not name the dimensions of shape {list(x.shape)}")
    for letter in "NC":
        if letter not in letters:
            x, letters = x[None], letter + letters
    x = x.transpose([letters.index(letter) for letter in "NHWC"])
    if x.shape[-1] not in (1, 3, 4) or not x.size:
        raise ValueError(f"add_image({tag!r}): a picture has 1, 3 or 4 channels, got {x.shape[-1]} in shape {list(x.shape)}")
    if x.dtype != np.uint8:
        x = np.clip(np.nan_to_num(x.astype(np.float64)) * 255, 0, 255).astype(np.uint8)
    return _grid(x)


def _grid(x: np.ndarray) -> np.ndarray:
    """(N, H, W, C) as rows of up to eight pictures."""
    count, height, width, channels = x.shape
    columns = min(count, 8)
    rows = -(-count // columns)
    board = np.zeros((rows * columns, height, width, channels), np.uint8)
    board[:count] = x
    board = board.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return board.reshape(rows * height, columns * width, channels)


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "PNG")
    return file.getvalue()
