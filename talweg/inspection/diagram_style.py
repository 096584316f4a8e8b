"""Sizes, colours and type of the drawings of models, and how wide words are."""

from __future__ import annotations

LABEL, SMALL = 13.0, 10.5
BOX, SIGN, MINIMUM = 24.0, 20.0, 118.0
"""Height of a box, size of a round sign, least width of a box."""
GAP, LANE, FRAME = 22.0, 16.0, 12.0
"""Between columns, between lanes, between a frame and what is in it."""

COLOURS = {  # light page, dark page
    "page": ("#ffffff", "#0f141a"),
    "ink": ("#1f2328", "#e6edf3"),
    "faint": ("#5d6670", "#9aa4af"),
    "wire": ("#59636e", "#8b97a4"),
    "plain": ("#eef3fa", "#1d2630"),
    "trained": ("#b7cbe8", "#31496b"),
    "edge": ("#59636e", "#8b97a4"),
    "frame": ("#b6bec8", "#45505c"),
}

_NARROW = dict.fromkeys("ijlI.,:;'|!", 0.28) | dict.fromkeys("frt()[]- ", 0.34) | dict.fromkeys("mwMW×%", 0.83)


def text_width(text: str, size: float) -> float:
    """Width in Helvetica, Arial or Liberation Sans, a little generous."""
    return size * sum(_NARROW.get(c, 0.7 if c.isupper() else 0.58) for c in text)


def shape_text(shape: tuple[int, ...]) -> str:
    """The shape without the batch of one, as the book writes it: 32 × 24 × 24."""
    return " × ".join(map(str, shape[1:] if shape[:1] == (1,) else shape)) or "1"


def stylesheet() -> str:
    light, dark = (_rules(i) for i in (0, 1))
    face = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
    return (f"text {{ font-family: {face}; }}\n.middle {{ text-anchor: middle; }}\n.end {{ text-anchor: end; }}\n{light}\n"
            f"@media (prefers-color-scheme: dark) {{\n{dark}\n}}")


def _rules(page: int) -> str:
    c = {name: pair[page] for name, pair in COLOURS.items()}
    return "\n".join([
        *(f".{name} {{ fill: {c[name]}; }}" for name in ("page", "ink", "faint")),
        f".wire {{ fill: none; stroke: {c['wire']}; stroke-width: 1.2; }}",
        f".head {{ fill: {c['wire']}; }}",
        f".plain {{ fill: {c['plain']}; stroke: {c['edge']}; stroke-width: 1; }}",
        f".trained {{ fill: {c['trained']}; stroke: {c['edge']}; stroke-width: 1; }}",
        f".frame {{ fill: none; stroke: {c['frame']}; stroke-width: 1; }}",
        f".repeat {{ fill: none; stroke: {c['edge']}; stroke-width: 1.3; stroke-dasharray: 5 3; }}",
    ])
