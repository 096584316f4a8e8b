"""A graph drawn with edges of several kinds: known ones, hidden ones that were found or missed, and such that it may lack."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..training.report_parts import text
from .graph_drawing import EDGE, HEIGHT, WIDTH, layout, shown_nodes

KINDS = {
    "known": ("#8a8f96", "stroke-opacity:0.45"), "found": ("#2f8f4e", "stroke-width:2.5"),
    "missed": ("#d02020", "stroke-width:2.5"),
    "proposed": ("#2f6fb0", "stroke-width:1.8;stroke-dasharray:5 4"),
}
TOLD = {"known": "known edges", "found": "hidden, and found", "missed": "hidden, and missed",
        "proposed": "not in the graph, but probable"}
FEW = 100  # nodes whose names can be written


def drawing(
    names: Sequence[str], known: np.ndarray, found: np.ndarray, missed: np.ndarray, proposed: np.ndarray,
) -> str:
    """An SVG; each edge array is (E, 2). Of a large graph the best connected nodes only."""
    every = np.concatenate([known, found, missed])
    which = shown_nodes(every, len(names))
    place = np.full(len(names), -1)
    place[which] = np.arange(len(which))
    inside = place[every][(place[every] >= 0).all(1)]
    xy = EDGE + layout(inside, len(which)) * [WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE]
    lines = "".join(_lines(kind, place[pairs], xy) for kind, pairs in
                    (("known", known), ("proposed", proposed), ("found", found), ("missed", missed)))
    marks = "".join(_node(xy[n], names[i], len(which) <= FEW) for n, i in enumerate(which.tolist()))
    style = "text { font: 8px system-ui, sans-serif; fill: currentColor; text-anchor: middle }"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="the graph with predicted edges"><style>{style}</style>{lines}{marks}</svg>')


def _lines(kind: str, pairs: np.ndarray, xy: np.ndarray) -> str:
    colour, style = KINDS[kind]
    ends = ((xy[a], xy[b]) for a, b in pairs.tolist() if a >= 0 and b >= 0)
    lines = (f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}"/>' for a, b in ends)
    return f'<g class="{kind}" style="stroke:{colour};{style}">{"".join(lines)}</g>'


def _node(at: np.ndarray, name: str, written: bool) -> str:
    x, y = at.tolist()
    words = f'<text x="{x:.1f}" y="{y - 6:.1f}">{text(name)}</text>' if written else ""
    return f'<g><title>{text(name)}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#44546a"/>{words}</g>'


def legend() -> str:
    keys = ". ".join(f'<span style="color: {KINDS[kind][0]}">&#9644;</span> {words}' for kind, words in TOLD.items())
    return f'<p class="soft">{keys}.</p>'
