"""Colours and type of a drawn graph, for light and for dark pages, and the sizes that follow from them."""

from __future__ import annotations

LETTER = 0.61
"""Width of a letter of a monospaced face, in font sizes (DejaVu Sans Mono, Menlo: 0.602)."""
LARGE, SMALL, TINY = 15.0, 12.5, 10.5
LINE = 1.25
"""Height of a line of text, in font sizes."""

COLOURS = {  # name: light page, dark page; contrast 4.5 to 1 or more against the page
    "page": ("#ffffff", "#0f141a"),
    "ink": ("#1f2328", "#e6edf3"),
    "faint": ("#5d6670", "#9aa4af"),
    "wire": ("#8a939d", "#6b7682"),
    "operation": ("#eef2f7", "#1d2630"),
    "leaf": ("#fff8e6", "#2b2616"),
    "edge": ("#4a5561", "#8b97a4"),
    "value": ("#14702e", "#5cd07e"),
    "gradient": ("#b3261e", "#ff8a80"),
    "local": ("#5b35b1", "#bfa5ff"),
}


def text_width(text: str, size: float) -> float:
    return len(text) * size * LETTER


def stylesheet() -> str:
    """The style of an SVG: the colours of light pages, and those of dark ones where the reader prefers them."""
    face = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
    light = "\n".join(_rules(0))
    dark = "\n".join(_rules(1))
    return f"text {{ font-family: {face}; }}\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"


def _rules(page: int) -> list[str]:
    colour = {name: pair[page] for name, pair in COLOURS.items()}
    texts = [f".{name} {{ fill: {colour[name]}; }}" for name in ("page", "ink", "faint", "value", "gradient", "local")]
    return [
        *texts,
        f".wire {{ fill: none; stroke: {colour['wire']}; stroke-width: 1.4; }}",
        f".operation {{ fill: {colour['operation']}; stroke: {colour['edge']}; stroke-width: 1.4; }}",
        f".leaf {{ fill: {colour['leaf']}; stroke: {colour['edge']}; stroke-width: 1; }}",
    ]
