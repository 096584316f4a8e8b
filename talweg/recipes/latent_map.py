"""Where codes lie: a drawing of the first two numbers of each, by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..training.report_figures import MANY
from ..training.report_parts import text
from .linear_codes import LinearCode

WIDTH, HEIGHT, EDGE = 560, 420, 26


def latent_map(codes: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> str:
    """Codes (N, d) as points in their class's colour: as they are for d = 2, by two principal components for more."""
    if codes.shape[1] == 1:
        flat = np.concatenate([codes, np.zeros_like(codes)], 1)
        told = "the code's one number goes right"
    elif codes.shape[1] == 2:
        flat, told = codes, "the code's two numbers"
    else:
        flat = LinearCode.of(codes, 2).encode(codes)
        told = f"the two principal components of the code's {codes.shape[1]} numbers"
    low, span = flat.min(0), np.maximum(np.ptp(flat, 0), 1e-12)
    places = (flat - low) / span * [WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE] + EDGE
    points = [_point(x, HEIGHT - y, int(label), classes) for (x, y), label in zip(places, labels)]
    legend = "".join(f'<span style="color:{_colour(i)};margin-right:1em">&#9679; {text(name)}</span>'
                     for i, name in enumerate(classes))
    return (f'<p class="soft">Each point is a picture of the test split: {told}.</p><div>{legend}</div>'
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text(told)}">{"".join(points)}</svg>')


def _point(x: float, y: float, label: int, classes: Sequence[str]) -> str:
    name = text(classes[label]) if classes else ""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" fill="{_colour(label)}" fill-opacity="0.75"><title>{name}</title></circle>'


def _colour(label: int) -> str:
    return MANY[label % len(MANY)]
