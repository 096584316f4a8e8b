"""A network over a picture of any size: padded to what it takes, and in tiles where the whole would need too much memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

CORE = 256
MARGIN = 32
Restoring = Callable[[np.ndarray], np.ndarray]


def over_tiles(restore: Restoring, picture: np.ndarray, core: int = CORE, margin: int = MARGIN, multiple: int = 8) -> np.ndarray:
    """`restore` maps pictures (H, W, C) to as large ones (H, W, D), sides multiples of `multiple`; this does for all sizes.

    A picture of at most four tiles goes through as a whole. Of larger ones every tile sees `margin` pixels more on each
    side, which are then dropped: where the network looks no further than that, no seam can be told from the whole.
    Beyond the edges the picture is mirrored. Tiles begin at multiples of 8, where JPEG's blocks do.
    """
    height, width = picture.shape[:2]
    if height * width <= 4 * core**2:
        return _padded(restore, picture, multiple)
    found: np.ndarray | None = None
    framed = _mirrored(picture, margin, -(-height // core) * core - height + margin, -(-width // core) * core - width + margin)
    for top, left in _corners(height, width, core):
        tile = restore(framed[top:top + core + 2 * margin, left:left + core + 2 * margin])
        if found is None:
            found = np.empty((height, width, tile.shape[2]), tile.dtype)
        inner = tile[margin:margin + core, margin:margin + core]
        found[top:top + core, left:left + core] = inner[:height - top, :width - left]
    assert found is not None
    return found


def _corners(height: int, width: int, core: int) -> Iterator[tuple[int, int]]:
    return ((top, left) for top in range(0, height, core) for left in range(0, width, core))


def _padded(restore: Restoring, picture: np.ndarray, multiple: int) -> np.ndarray:
    height, width = picture.shape[:2]
    return restore(_mirrored(picture, 0, -height % multiple, -width % multiple))[:height, :width]


def _mirrored(picture: np.ndarray, before: int, below: int, right: int) -> np.ndarray:
    return np.pad(picture, ((before, below), (before, right), (0, 0)), mode="symmetric")
