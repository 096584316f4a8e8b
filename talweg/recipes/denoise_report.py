"""What the report of a denoising run shows: parts of photographs, and that a mean of possible pictures is a blurred one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..training.quality import psnr, roughness, smoothed
from ..training.report_parts import gallery, picture_source, section, table, text
from .degrade import Degradation
from .pictures import as_image, larger

CROP = 96
SHOWN = 3


@dataclass(frozen=True)
class Restored:
    """A photograph degraded, restored and true, each (H, W, C), values about [0, 1]."""

    degraded: np.ndarray
    restored: np.ndarray
    true: np.ndarray


def sections_of(pictures: Sequence[Restored], degradation: Degradation) -> list[str]:
    return [_whole(pictures[0], degradation), _parts(pictures[:SHOWN]), _mean(pictures[0])]


def _whole(p: Restored, degradation: Degradation) -> str:
    kinds = {f"degraded: {degradation.text}": p.degraded, "restored": p.restored, "true": p.true}
    return section("A photograph of the test split", gallery(
        ((picture_source(as_image(picture)), _caption(name, picture, p.true)) for name, picture in kinds.items()), least=300))


def _parts(pictures: Sequence[Restored]) -> str:
    shown = []
    for p in pictures:
        for top, left in _roughest(p.true):
            window = (slice(top, top + CROP), slice(left, left + CROP))
            for name, picture in (("degraded", p.degraded), ("restored", p.restored), ("true", p.true)):
                shown.append((picture_source(larger(picture[window], 3 * CROP)), _caption(name, picture[window], p.true[window])))
    return section("Parts of it, enlarged", gallery(shown, least=300))


def _mean(p: Restored) -> str:
    """The remark of L 6.1, with what can be counted of it."""
    rows = []
    for name, picture in (("true", p.true), ("degraded", p.degraded), ("3x3 Gaussian of deviation 1", smoothed(p.degraded, 1.0)),
                          ("restored", p.restored)):
        shown = np.clip(picture, 0, 1)
        rows.append([name, "" if picture is p.true else f"{psnr(shown, p.true):.2f}", f"{255 * roughness(shown):.2f}",
                     f"{255 * float(shown.std()):.1f}"])
    words = (
        "The squared error is least for the mean of all pictures that could have become what is seen, E[X | X~]. Where several "
        "are possible, an edge a little more to the left or to the right, their mean is none of them but a blurred one. "
        "Restored pictures are therefore smoother than true ones: neighbouring values differ less, and values spread less."
    )
    head = ["picture", "PSNR (dB)", "mean difference of neighbours (of 255)", "standard deviation (of 255)"]
    return section("What is learned is a mean", f"<p>{text(words)}</p>" + table(head, rows, numbers=(1, 2, 3)))


def _caption(name: str, picture: np.ndarray, true: np.ndarray) -> str:
    return name if picture is true or name == "true" else f"{name}, {psnr(np.clip(picture, 0, 1), true):.2f} dB"


def _roughest(picture: np.ndarray, count: int = 2) -> list[tuple[int, int]]:
    """Upper left corners of the windows with the most in them, which do not overlap."""
    height, width = picture.shape[:2]
    corners = [(t, s) for t in range(0, max(1, height - CROP + 1), CROP) for s in range(0, max(1, width - CROP + 1), CROP)]
    return sorted(corners, key=lambda c: -roughness(picture[c[0]:c[0] + CROP, c[1]:c[1] + CROP]))[:count]
