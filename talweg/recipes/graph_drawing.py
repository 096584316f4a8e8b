"""A graph drawn: nodes that pull along edges and push each other away, coloured by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..data.order import uniform
from ..training.report_parts import text

COLOURS = ("#2f6fb0", "#c9622b", "#3a8a57", "#8e5ea8", "#b8962e", "#c2417c", "#3f9aa8", "#7a6a58", "#6b7fd6", "#8a9a2e")
OTHERS = "#8a8f96"  # classes beyond the colours
WIDTH, HEIGHT, EDGE = 720, 480, 28
MOST_NODES = 400
STYLE = ("text { font: 9px system-ui, sans-serif; fill: #fff; text-anchor: middle; dominant-baseline: central } "
         ".link { stroke: #888; stroke-opacity: 0.4 }")


def layout(edges: np.ndarray, nodes: int, rounds: int = 200) -> np.ndarray:
    """Places (N, 2) in [0, 1] (Fruchterman and Reingold, 1991): repulsion k^2 / d, attraction d^2 / k along edges, and steps that
    shorten as the picture cools."""
    places = uniform(2 * nodes, 0, "graph layout").reshape(nodes, 2)
    ideal = 1 / np.sqrt(max(nodes, 1))
    for heat in np.linspace(0.1, 0.001, rounds):
        apart = places[:, None] - places[None]  # (N, N, 2)
        distance = np.maximum(np.linalg.norm(apart, axis=-1), 1e-6)
        move = (apart * (ideal**2 / distance**2)[..., None]).sum(1)
        along = apart[edges[:, 0], edges[:, 1]]
        pull = along * distance[edges[:, 0], edges[:, 1]][:, None] / ideal
        np.add.at(move, edges[:, 0], -pull)
        np.add.at(move, edges[:, 1], pull)
        move -= (places - places.mean(0)) * 0.5  # parts without an edge between them would drift away
        length = np.maximum(np.linalg.norm(move, axis=1, keepdims=True), 1e-9)
        places = places + move / length * np.minimum(length, heat)
    span = np.maximum(np.ptp(places, axis=0), 1e-9)
    return (places - places.min(0)) / span


def shown_nodes(edges: np.ndarray, nodes: int) -> np.ndarray:
    """All of a small graph, the best connected of a large one: their numbers, rising."""
    degrees = np.bincount(edges.ravel(), minlength=nodes)
    return np.sort(np.argsort(-degrees, kind="stable")[:MOST_NODES])


def drawing(
    names: Sequence[str], edges: np.ndarray, predicted: np.ndarray, labels: np.ndarray, known: np.ndarray, classes: Sequence[str],
) -> str:
    """An SVG: the fill is the predicted class, a red ring says that the label is another (-1 is no label), a square that the
    label was learned from. Of a large graph the best connected nodes only."""
    which = shown_nodes(edges, len(names))
    place = np.full(len(names), -1)
    place[which] = np.arange(len(which))
    inside = place[edges][(place[edges] >= 0).all(1)]
    xy = EDGE + layout(inside, len(which)) * [WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE]
    lines = "".join(f'<line class="link" x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}"/>'
                    for a, b in ((xy[i], xy[j]) for i, j in inside.tolist()))
    radius = 10 if len(which) <= 60 else 5
    marks = "".join(
        _node(xy[n], radius, names[i], classes[predicted[i]], colour(int(predicted[i])),
              None if labels[i] < 0 else classes[labels[i]], i in known)
        for n, i in enumerate(which.tolist())
    )
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="the graph by predicted class"><style>{STYLE}</style>{lines}{marks}</svg>')


def small_drawing(edges: np.ndarray, nodes: int, width: int = 190, height: int = 150) -> str:
    """An SVG of a graph without names; of a large one the best connected nodes only."""
    which = shown_nodes(edges, nodes)
    place = np.full(nodes, -1)
    place[which] = np.arange(len(which))
    inside = place[edges][(place[edges] >= 0).all(1)]
    xy = 8 + layout(inside, len(which)) * [width - 16, height - 16]
    lines = "".join(f'<line x1="{xy[a, 0]:.1f}" y1="{xy[a, 1]:.1f}" x2="{xy[b, 0]:.1f}" y2="{xy[b, 1]:.1f}"/>'
                    for a, b in inside.tolist())
    marks = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in xy.tolist())
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="a graph">'
            f'<g stroke="#8a8f96" stroke-opacity="0.6">{lines}</g><g fill="{COLOURS[0]}">{marks}</g></svg>')


def colour(number: int) -> str:
    return COLOURS[number] if number < len(COLOURS) else OTHERS


def _node(at: np.ndarray, r: int, name: str, predicted: str, fill: str, label: str | None, known: bool) -> str:
    x, y = at.tolist()
    wrong = label is not None and label != predicted
    ring = ' stroke="#d02020" stroke-width="3"' if wrong else ' stroke="#fff" stroke-width="1"'
    said = f"{name}: {predicted}" + (f", is {label}" if wrong else "") + (", known" if known else "")
    place = (f'rect x="{x - r:.1f}" y="{y - r:.1f}" width="{2 * r}" height="{2 * r}" rx="2"' if known else
             f'circle cx="{x:.1f}" cy="{y:.1f}" r="{r}"')
    words = f'<text x="{x:.1f}" y="{y:.1f}">{text(name)}</text>' if r > 5 and len(name) <= 3 else ""
    return f'<g><title>{text(said)}</title><{place} fill="{fill}"{ring}/>{words}</g>'


def legend(classes: Sequence[str]) -> str:
    shown = enumerate(classes[:len(COLOURS)])
    keys = " ".join(f'<span style="color: {colour(i)}">&#9679;</span> {text(name)}' for i, name in shown)
    return f'<p class="soft">{keys}. Squares were learned from; a red ring: the label is another.</p>'
