"""A graph as an SVG picture that reads well on light and on dark pages, without a script or a file beside it."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from .graph_scene import Scene, Shape, Text, scene_of
from .graph_style import stylesheet
from .graph_view import GraphView

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold, escaped or not."""


def to_svg(view: GraphView, title: str = "") -> str:
    """The drawing of `scene_of` as an SVG document."""
    return scene_to_svg(scene_of(view, title), title)


def scene_to_svg(scene: Scene, title: str) -> str:
    width, height = round(scene.width), round(scene.height)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img">',
        f"<title>{_xml(title or 'Computational graph')}</title>",
        f"<style>\n:root {{ color-scheme: light dark; }}\n{stylesheet()}\n</style>",
        f'<rect class="page" width="{width}" height="{height}"/>',
        *(f'<path class="wire" d="{_path(points)}"/>' for points in scene.lines),
        *map(_shape, scene.shapes),
        *map(_text, scene.texts),
        "</svg>",
        "",
    ])


def _path(points: list[tuple[float, float]]) -> str:
    """Level pieces and, between two levels, a curve that leaves and arrives level."""
    words = [f"M{_number(points[0][0])} {_number(points[0][1])}"]
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        if y0 == y1:
            words.append(f"H{_number(x1)}")
        else:
            middle = _number((x0 + x1) / 2)
            words.append(f"C{middle} {_number(y0)} {middle} {_number(y1)} {_number(x1)} {_number(y1)}")
    return " ".join(words)


def _shape(shape: Shape) -> str:
    return (
        f'<rect class="{shape.style}" x="{_number(shape.x)}" y="{_number(shape.y)}" width="{_number(shape.width)}" '
        f'height="{_number(shape.height)}" rx="{_number(shape.radius)}"><title>{_xml(shape.hint)}</title></rect>'
    )


def _text(text: Text) -> str:
    return (
        f'<text class="{text.style}" x="{_number(text.x)}" y="{_number(text.y)}" '
        f'font-size="{_number(text.size)}">{_xml(text.words)}</text>'
    )


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _xml(text: str) -> str:
    return escape(FORBIDDEN.sub("?", text))
