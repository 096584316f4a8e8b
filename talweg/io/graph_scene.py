"""The drawing of a graph as texts, shapes and lines with coordinates: what an SVG is then written from.

Inputs stand on the left, the output on the right. Behind each node, above its wire, stands its forward value, below
it its gradient; where the wires are explained, each has its local gradient above it, where it arrives, and the
downstream gradient below (N fig. 2.2 to 2.5).
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

from .graph_layout import Box, Layout, Link, arrange
from .graph_style import LARGE, LINE, SMALL, TINY, text_width
from .graph_text import local_text
from .graph_view import GraphView, ViewNode, Wire
from .graph_words import gradient_text, is_small, value_text

MARGIN = 20.0
PADDING = 9.0
SHAPE = 30.0
"""Height of a node's shape; the width of a round one."""
ROW = 2 * SMALL * LINE + 8
"""Height of a wire with a text above and a text below."""
BEND = 22.0
"""Where explained wires come together at a shape."""
SPREAD = 12.0
"""Between wires that arrive at one shape."""
DIGITS = 4
TITLE_LETTERS = 90


@dataclass(frozen=True)
class Text:
    """A line of text; x is its left end, y its baseline."""

    x: float
    y: float
    words: str
    size: float
    style: str

    def area(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of what it covers, for a monospaced face."""
        return self.x, self.y - 0.8 * self.size, self.x + text_width(self.words, self.size), self.y + 0.22 * self.size


@dataclass(frozen=True)
class Shape:
    """A rounded box around a node's label; `hint` is what a reader sees who points at it."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    style: str
    hint: str


@dataclass
class Scene:
    """Everything that is drawn, and the size of the page. Lines go through points: level, bend, level, ..."""

    width: float = 0.0
    height: float = 0.0
    texts: list[Text] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    lines: list[list[tuple[float, float]]] = field(default_factory=list)


def scene_of(view: GraphView, title: str = "") -> Scene:
    """Lay the graph out and place every text."""
    painter = _Painter(view)
    links = [Link(w.source, w.target, painter.port(w)) for w in view.wires]
    boxes = [painter.box(node) for node in view.nodes]
    layout = arrange(boxes, links, [_stands_late(node) for node in view.nodes])
    scene = Scene()
    top = _heading(scene, view, title)
    painter.paint(scene, layout, MARGIN, top)
    bottom = top + layout.height
    scene.height = bottom + MARGIN
    scene.width = max([layout.width + MARGIN, *(text.area()[2] for text in scene.texts)]) + MARGIN
    return scene


def _stands_late(node: ViewNode) -> bool:
    """Whether a node without inputs stands by its reader: numbers and large parameters. Data and small variables
    are the inputs, on the left."""
    return not node.inputs and (node.kind == "number" or (node.kind == "variable" and not is_small(node.shape)))


def _heading(scene: Scene, view: GraphView, title: str) -> float:
    """Title and legend; returns where the graph begins."""
    y = MARGIN
    for words in textwrap.wrap(title, TITLE_LETTERS, break_long_words=True):
        y += LARGE
        scene.texts.append(Text(MARGIN, y, words, LARGE, "ink"))
        y += LARGE * (LINE - 1)
    y += 4
    for entries in _legend(view):
        y += SMALL * LINE
        x = MARGIN
        for words, style in entries:
            scene.texts.append(Text(x, y, words, SMALL, style))
            x += text_width(words, SMALL) + 18
    return y + 24


def _legend(view: GraphView) -> list[list[tuple[str, str]]]:
    leaving = [("behind a node:", "faint"), ("value", "value"), (f"upstream gradient d{view.output.name}/d(node)", "gradient")]
    if view.explained:
        return [leaving, [("before a node:", "faint"), ("local gradient", "local"), ("downstream gradient", "gradient")]]
    return [[("value", "value"), (f"gradient d{view.output.name}/d(node)", "gradient")]]


class _Painter:
    """Sizes and paints single nodes."""

    def __init__(self, view: GraphView):
        self.view = view
        self.arriving: list[list[Wire]] = [[w for w in view.wires if w.target == node.index] for node in view.nodes]

    # --- sizes
    def box(self, node: ViewNode) -> Box:
        half = self._shape_width(node) / 2
        rows = self._rows(node)
        reach = max(SHAPE / 2, ROW / 2, (len(rows) - 1) / 2 * ROW + ROW / 2 if rows else 0.0)
        name = TINY * LINE + 3 if self._has_name(node) else 0.0
        above = max(reach, SHAPE / 2 + name)
        right = max(half + self._stub(node), text_width(node.name, TINY) / 2 if name else 0.0)
        left = max(half + self._arrival(node), text_width(node.name, TINY) / 2 if name else 0.0)
        return Box(left, right, above, reach)

    def port(self, wire: Wire) -> float:
        """The height, relative to the node's, at which a wire arrives."""
        return self._place(wire) * ROW if self.view.explained else self._entry(wire)

    def _place(self, wire: Wire) -> float:
        """Its place among the wires that arrive there; 0 is the middle."""
        wires = self.arriving[wire.target]
        return wires.index(wire) - (len(wires) - 1) / 2

    def _entry(self, wire: Wire) -> float:
        """The height, relative to the node's, at which a wire goes under the shape."""
        return self._place(wire) * min(SPREAD, (SHAPE - 6) / len(self.arriving[wire.target]))

    def _rows(self, node: ViewNode) -> list[Wire]:
        return self.arriving[node.index] if self.view.explained else []

    def _shape_width(self, node: ViewNode) -> float:
        words = text_width(node.label, LARGE)
        return SHAPE if words + 8 <= SHAPE else words + 2 * PADDING

    def _has_name(self, node: ViewNode) -> bool:
        return bool(node.operation)

    def _stub(self, node: ViewNode) -> float:
        """Length of the piece of wire behind a node that carries its value and gradient."""
        return 2 * PADDING + max(text_width(words, SMALL) for words, _ in self._carried(node))

    def _carried(self, node: ViewNode) -> list[tuple[str, str]]:
        return [(value_text(node.value, DIGITS), "value"), (gradient_text(node.gradient, DIGITS), "gradient")]

    def _arrival(self, node: ViewNode) -> float:
        """Length of the pieces of wire before a node that carry local and downstream gradients."""
        words = [w for wire in self._rows(node) for w, _ in self._explanation(wire)]
        return 2 * PADDING + max(text_width(w, SMALL) for w in words) + self._bend(node) if words else 0.0

    def _bend(self, node: ViewNode) -> float:
        return BEND if len(self._rows(node)) > 1 else 0.0

    def _explanation(self, wire: Wire) -> list[tuple[str, str]]:
        if wire.downstream is None:
            return [("", "local"), ("", "gradient")]
        return [(local_text(self.view, wire, DIGITS), "local"), (gradient_text(wire.downstream, DIGITS), "gradient")]

    # --- painting
    def paint(self, scene: Scene, layout: Layout, left: float, top: float) -> None:
        anchors = [(left + x, top + y) for x, y in layout.anchors]
        for wire, way in zip(self.view.wires, layout.ways):
            points = [(left + x, top + y) for x, y in way]
            if self.view.explained:
                self._paint_pair(scene, points[-1][0] + PADDING, points[-1][1], self._explanation(wire))
            scene.lines.append(points + self._ending(wire, *anchors[wire.target], points[-1][1]))
        for node, (x, y) in zip(self.view.nodes, anchors):
            self._paint_node(scene, node, x, y)

    def _ending(self, wire: Wire, x: float, y: float, height: float) -> list[tuple[float, float]]:
        """The last points of a wire, to under the shape at (x, y)."""
        node = self.view.nodes[wire.target]
        edge, entry = x - self._shape_width(node) / 2, y + self._entry(wire)
        bend = [(edge - self._bend(node), height)] if self.view.explained else []
        return [*bend, (edge, entry), (edge + 6, entry)]

    def _paint_node(self, scene: Scene, node: ViewNode, x: float, y: float) -> None:
        width = self._shape_width(node)
        half = width / 2
        round_ = bool(node.operation)
        scene.shapes.append(Shape(x - half, y - SHAPE / 2, width, SHAPE, SHAPE / 2 if round_ else 5.0,
                                  "operation" if round_ else "leaf", self._hint(node)))
        scene.texts.append(Text(x - text_width(node.label, LARGE) / 2, y + 0.34 * LARGE, node.label, LARGE, "ink"))
        if self._has_name(node):
            scene.texts.append(Text(x - text_width(node.name, TINY) / 2, y - SHAPE / 2 - 5, node.name, TINY, "faint"))
        scene.lines.append([(x + half, y), (x + half + self._stub(node), y)])
        self._paint_pair(scene, x + half + PADDING, y, self._carried(node))

    def _paint_pair(self, scene: Scene, x: float, y: float, pair: list[tuple[str, str]]) -> None:
        """One text above a wire, one below."""
        for (words, style), height in zip(pair, (-5.0, SMALL + 2.0)):
            if words:
                scene.texts.append(Text(x, y + height, words, SMALL, style))

    def _hint(self, node: ViewNode) -> str:
        said = node.name if node.formula == node.name else f"{node.name} = {node.formula}"
        size = "x".join(map(str, node.shape)) or "one number"
        return f"{said} ({node.dtype}, {size})"
