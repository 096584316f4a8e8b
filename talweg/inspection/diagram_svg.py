"""A laid-out model as an SVG document: text alone, without a script or a file beside it."""

from __future__ import annotations

from xml.sax.saxutils import escape

from .diagram_layout import Page, Placed
from .diagram_style import LABEL, SMALL, shape_text, stylesheet, text_width
from .diagram_wires import Point

MARGIN = 16.0
TITLE = 18.0
ARROW = 5.0


def to_svg(page: Page, title: str, down: bool = False) -> str:
    """The drawing with the input below and the data flowing upwards, as in the book, or with `down` the other way."""
    return "\n".join(_Writer(page, title, down).lines()) + "\n"


class _Writer:
    def __init__(self, page: Page, title: str, down: bool) -> None:
        self.page = page
        self.title = title
        self.down = down
        needed = text_width(title, LABEL + 2)
        self.width = max(page.right - page.left, needed) + 2 * MARGIN
        self.height = page.height + 2 * MARGIN + TITLE + 12
        self.origin = MARGIN - page.left + max(0.0, needed - page.right + page.left) / 2

    def lines(self) -> list[str]:
        w, h = round(self.width), round(self.height)
        return [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img">',
            f"<title>{escape(self.title)}</title>",
            f"<style>\n:root {{ color-scheme: light dark; }}\n{stylesheet()}\n</style>",
            f'<rect class="page" width="{w}" height="{h}"/>',
            f'<text class="ink" x="{MARGIN:g}" y="{MARGIN + LABEL:g}" font-size="{LABEL + 2:g}" font-weight="bold">'
            f"{escape(self.title)}</text>",
            *(self._frame(p) for p in self.page.placed if p.part.kind == "frame"),
            *(self._wire(corners, head) for corners, head, _ in self.page.wires),
            *(self._part(p) for p in self.page.placed if p.part.kind != "frame"),
            *(self._shape(*s) for s in self.page.shapes),
            "</svg>",
        ]

    def _at(self, point: Point) -> Point:
        """Page coordinates of a place counted from the input on."""
        x, y = point
        top = MARGIN + TITLE + 6
        return x + self.origin, top + y if self.down else top + self.page.height - y

    def _top(self, placed: Placed) -> Point:
        """The upper left corner on the page."""
        x, y = self._at((placed.x - placed.width / 2, placed.y))
        return x, y if self.down else y - placed.height

    def _frame(self, placed: Placed) -> str:
        x, y = self._top(placed)
        part = placed.part
        style = "repeat" if part.copies > 1 else "frame"
        lines = [_rect(style, x, y, placed.width, placed.height, 4, f"{part.name} {part.label}".strip())]
        side = x + placed.width - 5
        if part.copies > 1:
            lines.append(_text("ink end", side, y + LABEL + 2, LABEL, f"×{part.copies}"))
        if part.label:
            lines.append(_text("faint", x + placed.named_at + 5, y + SMALL + 2, SMALL, part.label))
        return "\n".join(lines)

    def _part(self, placed: Placed) -> str:
        part = placed.part
        x, y = self._top(placed)
        middle = y + placed.height / 2 + 0.35 * LABEL
        centre = x + placed.width / 2
        if part.kind == "input":
            return _text("ink middle", centre, middle, LABEL, part.label)
        style = "trained" if part.trainable else "plain"
        if part.kind == "sign":
            radius = placed.width / 2
            words = [f'<circle class="{style}" cx="{_n(centre)}" cy="{_n(y + radius)}" r="{_n(radius)}"/>',
                     _text("ink middle", centre, middle + 1, LABEL + 2, part.label)]
            if part.details:
                words.append(_text("faint", x + placed.width + 5, middle - 1, SMALL, part.details))
            return "\n".join(words)
        hint = f"{part.name} {shape_text(part.shape)}".strip() if part.shape else part.name
        box = _rect(style, x, y, placed.width, placed.height, 3, hint)
        if not part.details:
            return box + "\n" + _text("ink middle", centre, middle, LABEL, part.label)
        label = f'{escape(part.label)} <tspan class="faint" font-size="{SMALL:g}">{escape(part.details)}</tspan>'
        return f'{box}\n<text class="ink middle" x="{_n(centre)}" y="{_n(middle)}" font-size="{LABEL:g}">{label}</text>'

    def _wire(self, corners: list[Point], head: bool) -> str:
        points = [self._at(p) for p in corners]
        path = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        line = f'<polyline class="wire" points="{path}"/>'
        if not head:
            return line
        (x0, y0), (x1, y1) = points[-2:]
        dx, dy = _sign(x1 - x0), _sign(y1 - y0)
        tip = f"{_n(x1)},{_n(y1)}"
        wings = " ".join(
            f"{_n(x1 - ARROW * dx + s * 0.55 * ARROW * dy)},{_n(y1 - ARROW * dy + s * 0.55 * ARROW * dx)}" for s in (1, -1)
        )
        return f'{line}<polygon class="head" points="{tip} {wings}"/>'

    def _shape(self, x: float, y: float, words: str) -> str:
        px, py = self._at((x, y))
        return _text("faint", px, py + (0.75 * SMALL if self.down else 0), SMALL, words)


def _sign(value: float) -> int:
    return (value > 1e-6) - (value < -1e-6)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _rect(style: str, x: float, y: float, width: float, height: float, radius: float, hint: str) -> str:
    return (f'<rect class="{style}" x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" rx="{radius:g}">'
            f"<title>{escape(hint)}</title></rect>")


def _text(style: str, x: float, y: float, size: float, words: str) -> str:
    return f'<text class="{style}" x="{_n(x)}" y="{_n(y)}" font-size="{size:g}">{escape(words)}</text>'
