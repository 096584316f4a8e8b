"""Attention between two short sequences as a grid with names at its sides."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CELL = 26  # pixels
MARGIN = 52


def attention_grid(weights: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> Image.Image:
    """Weights (T, S) in [0, 1] as grey squares, black for 1; row t is the token that was written, column s what it read."""
    T, S = weights.shape
    page = Image.new("RGB", (MARGIN + CELL * S, CELL * (T + 1)), "white")
    draw = ImageDraw.Draw(page)
    font = _font()
    for s, name in enumerate(columns):
        draw.text((MARGIN + CELL * s + 6, 5), name, fill="#22262b", font=font)
    for t, name in enumerate(rows):
        draw.text((4, CELL * (t + 1) + 5), name, fill="#22262b", font=font)
        for s in range(S):
            grey = round(255 * (1 - float(np.clip(weights[t, s], 0, 1))))
            left, top = MARGIN + CELL * s, CELL * (t + 1)
            draw.rectangle([left, top, left + CELL - 2, top + CELL - 2], fill=(grey, grey, grey), outline="#d6d3cc")
    return page


def _font() -> Any:
    """DejaVu, which comes with matplotlib and has the phonetic alphabet; Pillow's own, which has it not, where it is missing."""
    found = find_spec("matplotlib")
    if found is not None and found.origin is not None:
        path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.exists():
            return ImageFont.truetype(str(path), 13)
    return ImageFont.load_default(13)
