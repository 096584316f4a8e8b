"""Where a token stands: sinusoids and tables of learnt vectors (L 4.10; Vaswani et al., 2017, section 3.5)."""

from __future__ import annotations

import math

import numpy as np

from ...nn import functional as F
from ...tensor import Tensor, cat, from_numpy, stack


def _angles(positions: int, width: int, last: int) -> np.ndarray:
    """(positions, width / 2): position times the frequencies 1 ... 10000^(-(width/2 - 1) / last)."""
    if width < 2 or width % 2:
        raise ValueError(f"sinusoids: the width must be even and at least 2, got {width}")
    frequencies = np.exp(np.arange(width // 2) * (-math.log(10000.0) / last))
    return np.arange(positions)[:, None] * frequencies


def sinusoids(positions: int, width: int) -> Tensor:
    """The book's encoding (positions, width): sines in the even columns, cosines in the odd ones (L eq. 4.4).

    E[t, 2i] = sin(t / 10000^(2i/width)), E[t, 2i+1] = cos of the same.
    """
    angles = _angles(positions, width, width // 2)
    table = np.stack([np.sin(angles), np.cos(angles)], -1).reshape(positions, width)
    return from_numpy(table.astype(np.float32))


def sinusoids_in_halves(positions: int, width: int, last: int | None = None) -> Tensor:
    """Sines in the left half, cosines in the right one (positions, width).

    The frequencies end before 10000 as in the book (Marian), or at 10000 with last = width/2 - 1 (Whisper).
    """
    angles = _angles(positions, width, width // 2 if last is None else max(last, 1))
    return from_numpy(np.concatenate([np.sin(angles), np.cos(angles)], -1).astype(np.float32))


def resized_grid(table: Tensor, old: tuple[int, int], new: tuple[int, int], first: int = 1) -> Tensor:
    """Position vectors (first + H W, C) of an H x W grid for another grid, bicubic with antialiasing.

    The `first` rows stand for tokens outside the grid (the class token) and stay (Dosovitskiy et al., 2021, 3.2).
    Raises ValueError where the table is not of the old grid's size.
    """
    rows, width = table.shape
    if rows != first + old[0] * old[1]:
        raise ValueError(f"resized_grid: {rows} rows are not {first} and a grid of {old[0]} x {old[1]}")
    grid = table[first:].reshape(1, *old, width).permute(0, 3, 1, 2)  # (1, C, H, W)
    grid = F.interpolate(grid, size=new, mode="bicubic", antialias=True)
    return cat([table[:first], grid.permute(0, 2, 3, 1).reshape(-1, width)])


def rotated(x: Tensor, positions: Tensor, *, base: float = 10000.0, interleaved: bool = False) -> Tensor:
    """Rotary positions (Su et al., 2021, section 3.2): x (..., T, width) with each pair of numbers turned by an angle.

    Pair i of the token at position t is turned by t base^(-2i/width), so that the product of a turned query and a turned
    key depends on how far apart they are alone. Pairs are (i, i + width/2), as Llama's and GPT-NeoX's weights have them, or
    with `interleaved` (2i, 2i + 1), as the paper's. Raises ValueError for an odd width, or where positions (T,) do not fit.
    """
    width = x.shape[-1]
    if width % 2 or width == 0 or tuple(positions.shape) != (x.shape[-2],):
        raise ValueError(f"rotated: needs an even width and one position a token, got x {list(x.shape)} and positions "
                         f"{list(positions.shape)}")
    frequencies = from_numpy((base ** (-np.arange(0, width, 2) / width)).astype(np.float32))
    angles = positions.float().unsqueeze(-1) * frequencies  # (T, width / 2)
    c, s = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = (x[..., ::2], x[..., 1::2]) if interleaved else x.chunk(2, -1)
    turned = a * c - b * s, a * s + b * c
    return stack(turned, -1).flatten(-2) if interleaved else cat(turned, -1)
