"""Where the parts of a drawing stand: in rows by what they need, in columns by what they continue.

Heights are counted in the direction of the data, from the input on; the writer turns the page. Within a frame a part
stands one row behind the last of those it reads, in the column of the first of them if that is free. A wire goes straight
where nothing stands in its way, in a free column where there is one, and otherwise in a lane on the left: the skip
connections of the book's drawings.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .diagram import Diagram, Part
from .diagram_style import BOX, FRAME, GAP, LABEL, LANE, MINIMUM, SIGN, SMALL, shape_text, text_width
from .diagram_wires import TRACK, Point, Tracks, Wire, spread

TEXT = 15.0
"""Room for a shape beside the wires."""


@dataclass
class Placed:
    """A part with the middle of the edge towards the input, and its size; wires are in the same coordinates."""

    part: Part
    x: float
    y: float
    width: float
    height: float
    named_at: float = 0.0  # of a frame: how far from its left edge its name begins


@dataclass
class Page:
    """Everything with its place: parts, wires (corners from source to reader, whether with a head, and whose output), shapes
    beside them. `named_at` is where a frame's name begins, right of the lanes."""

    placed: list[Placed] = field(default_factory=list)
    wires: list[tuple[list[Point], bool, Part]] = field(default_factory=list)
    shapes: list[tuple[float, float, str]] = field(default_factory=list)
    left: float = 0.0
    right: float = 0.0
    height: float = 0.0
    named_at: float = 0.0

    def add(self, other: Page, x: float, y: float) -> None:
        """Put another page on this one, its origin at (x, y)."""
        self.placed += [replace(p, x=p.x + x, y=p.y + y) for p in other.placed]
        self.wires += [([(a + x, b + y) for a, b in corners], head, leaf) for corners, head, leaf in other.wires]
        self.shapes += [(a + x, b + y, words) for a, b, words in other.shapes]


@dataclass(eq=False)
class Cell:
    """A part in the grid of one frame, or where a wire enters (`port`: its source) or leaves the frame.

    `x` is where its wire runs, `before` and `after` how far it reaches to the left and the right of that.
    """

    part: Part | None
    readers: list[Cell] = field(default_factory=list)
    sources: list[Cell] = field(default_factory=list)
    port: Part | None = None
    page: Page | None = None
    row: int = 0
    column: int = 0
    before: float = 0.0
    after: float = 0.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0
    entries: dict[Part, float] = field(default_factory=dict)
    exits: dict[Part, float] = field(default_factory=dict)
    leaves_at: float = 0.0
    told: bool = False  # the shape stands inside the frame already

    @property
    def top(self) -> float:
        return self.y + self.height


def page_of(diagram: Diagram) -> Page:
    """The whole drawing."""
    inputs = [Cell(part, port=part) for part in diagram.inputs]
    grid = _Grid(diagram.model, inputs, set(diagram.outputs))
    return grid.page


class _Grid:
    """One frame: its cells, their rows and columns, and the page that comes of it."""

    def __init__(self, frame: Part, ports: list[Cell], used_outside: set[Part]) -> None:
        self.frame = frame
        self.ports = ports
        self.cells = [*ports, *(Cell(part) for part in frame.parts)]
        self.exits: list[Cell] = []
        self.wires: list[Wire] = []
        self.cell_of = {port.port: port for port in ports if port.port is not None}
        for cell in self.cells[len(ports):]:
            for leaf in cell.part.leaves():  # type: ignore[union-attr]
                self.cell_of[leaf] = cell
        self._connect(used_outside)
        self._rows()
        self._columns()
        self._sizes(used_outside)
        self.page = Page()
        self._coordinates()
        self._draw()

    # --- who reads whom
    def _connect(self, used_outside: set[Part]) -> None:
        for cell in self.cells[len(self.ports):]:
            inside = set(cell.part.leaves())  # type: ignore[union-attr]
            for leaf in cell.part.leaves():  # type: ignore[union-attr]
                for source in leaf.sources:
                    if source not in inside:
                        self._wire(source, cell)
        for part, source in list(self.cell_of.items()):
            if part in used_outside and source.port is None:
                self.exits.append(Cell(None, port=part))
                self._wire(part, self.exits[-1])

    def _wire(self, source: Part, reader: Cell) -> None:
        cell = self.cell_of.get(source)
        if cell is None or cell is reader or any(w.leaf is source and w.reader is reader for w in self.wires):
            return
        self.wires.append(Wire(source, cell, reader))
        if cell not in reader.sources:
            reader.sources.append(cell)
            cell.readers.append(reader)

    @property
    def all(self) -> list[Cell]:
        return [*self.cells, *self.exits]

    # --- the grid
    def _rows(self) -> None:
        for cell in self.cells[len(self.ports):]:
            cell.row = 1 + max((s.row for s in cell.sources), default=0)
        for cell in reversed(self.cells[len(self.ports):]):
            if not cell.sources and cell.readers:  # tables that need no input stand right before their reader
                cell.row = max(1, min(r.row for r in cell.readers if r not in self.exits or len(cell.readers) == 1) - 1)
        top = 1 + max((c.row for c in self.cells), default=0)
        for cell in self.exits:
            cell.row = top

    def _columns(self) -> None:
        taken: set[tuple[int, int]] = set()
        width = 0
        self.exits.sort(key=lambda c: [-s.row for s in c.sources])  # what was made last goes on straight
        for cell in [*sorted(self.cells, key=lambda c: c.row), *self.exits]:
            column = _continued(cell)
            way_up = range(cell.sources[0].row + 1, cell.row + 1) if cell in self.exits else (cell.row,)
            while any((row, column) in taken for row in way_up):
                column += 1
            cell.column = column
            taken.add((cell.row, column))
            width = max(width, column + 1)
        self.columns = width
        self.taken = taken

    def _sizes(self, used_outside: set[Part]) -> None:
        for cell in self.cells:
            if cell.port is not None:
                named = cell.part is not None
                cell.before = cell.after = text_width("X₁", LABEL) / 2 if named else 0.0
                cell.height = LABEL + 4 if named else 0.0
            elif cell.part is not None and cell.part.kind == "frame":
                self._size_frame(cell, used_outside)
            elif cell.part is not None and cell.part.kind == "sign":
                cell.before, cell.height = SIGN / 2, SIGN
                cell.after = SIGN / 2 + (text_width(cell.part.details, SMALL) + 5) * bool(cell.part.details)
            elif cell.part is not None:
                words = text_width(cell.part.label, LABEL) + (text_width(cell.part.details, SMALL) + 8) * bool(cell.part.details)
                cell.before, cell.height = max(MINIMUM, words + 20) / 2, BOX
        boxes = [c.before for c in self.cells if c.part is not None and c.part.kind == "box"]
        for cell in self.cells:
            if cell.part is not None and cell.part.kind == "box":
                cell.before = cell.after = max(boxes)

    def _size_frame(self, cell: Cell, used_outside: set[Part]) -> None:
        part = cell.part
        assert part is not None
        inside = set(part.leaves())
        read = dict.fromkeys(s for leaf in part.leaves() for s in leaf.sources if s not in inside and s in self.cell_of)
        wanted = used_outside | {s for c in self.cells if c is not cell and c.part is not None and c.port is None
                                 for leaf in c.part.leaves() for s in leaf.sources}
        ports = {source: Cell(None, port=source) for source in read}
        grid = _Grid(part, list(ports.values()), wanted & inside)
        cell.page = grid.page
        cell.before = -grid.page.left
        cell.after = max(grid.page.right, 44.0)
        cell.height = grid.page.height
        cell.entries = {source: port.x for source, port in ports.items()}
        cell.exits = {e.port: e.x for e in grid.exits if e.port is not None}
        cell.leaves_at = grid.exits[0].x if grid.exits else 0.0
        cell.told = any(_shape_of(c) == _shape_of(cell) and not c.told for e in grid.exits[:1] for c in e.sources)

    # --- places
    def _coordinates(self) -> None:
        """Columns as far to the left as the rows allow that their parts and wires pass through."""
        reach: dict[int, float] = {}  # how far to the right each row is taken
        for column in range(self.columns):
            for chain in self._chains(column):
                rows = {row for cell in chain for row in self._rows_of(cell)}
                before = max(cell.before for cell in chain)
                x = 0.0 if column == 0 else max(reach.get(row, 0.0) for row in rows) + GAP + before
                for cell in chain:
                    cell.x = x
            for cell in self._in(column):
                for row in self._rows_of(cell):
                    extent = _extent(cell) if row == cell.row else 4.0
                    reach[row] = max(reach.get(row, 0.0), cell.x + extent)
        self.left = -max((c.before for c in self._in(0)), default=0.0)
        self.left = min(self.left, -text_width(self.frame.label, SMALL) - 12 + FRAME) if self.frame.label else self.left
        self.right = max(reach.values(), default=0.0)
        self._lanes()
        self._heights()

    def _in(self, column: int) -> list[Cell]:
        return [c for c in self.all if c.column == column]

    def _rows_of(self, cell: Cell) -> range:
        """The rows that the cell, the wires going up from it, and those coming up to it pass through."""
        ends = [r.row for r in cell.readers if self._way(cell, r) in ("straight", "up")]
        begins = [s.row + 1 for s in cell.sources if self._way(s, cell) == "over"]
        return range(min(begins, default=cell.row), max(ends, default=cell.row) + 1)

    def _chains(self, column: int) -> list[list[Cell]]:
        """The cells of a column, those that are joined by straight wires together."""
        chains: list[list[Cell]] = []
        for cell in sorted(self._in(column), key=lambda c: c.row):
            above = [chain for chain in chains if any(s in chain for s in cell.sources)]
            for chain in above:
                chains.remove(chain)
            chains.append([c for chain in above for c in chain] + [cell])
        return chains

    def _lanes(self) -> None:
        """A lane on the left for every value that has no free column; those that run side by side have different ones."""
        spans: dict[Part, tuple[int, int]] = {}
        for wire in self.wires:
            if self._way(wire.source, wire.reader) == "lane":
                _, end = spans.get(wire.leaf, (0, 0))
                spans[wire.leaf] = (wire.source.row, max(end, wire.reader.row))
        self.lanes: dict[Part, float] = {}
        busy: list[list[tuple[int, int]]] = []
        for leaf, span in sorted(spans.items(), key=lambda item: item[1][1] - item[1][0]):
            free = (i for i, lane in enumerate(busy) if all(b < span[0] or a > span[1] for a, b in lane))
            number = next(free, len(busy))
            busy[number:] = busy[number:] or [[]]
            busy[number].append(span)
            self.lanes[leaf] = self.left - LANE * (number + 1)
        self.named_at = self.left
        self.left -= LANE * len(busy)

    def _heights(self) -> None:
        y = 0.0
        rows: dict[int, list[Cell]] = {}
        for cell in self.all:
            rows.setdefault(cell.row, []).append(cell)
        self._route()
        tracks = Tracks(self.wires)
        last = 0.0
        for row in sorted(rows):
            tallest = max(c.height for c in rows[row])
            for cell in rows[row]:
                cell.y = y
            last = y
            base = TEXT if any(_shape_of(c) and c.readers for c in rows[row]) else 4.0
            tracks.begin(row, y + tallest + base)
            y += tallest + self._gap(rows[row], row, base, tracks.count(row))
        self.tracks = tracks
        self.page.height = last + (LABEL + 8 if self._is_root() else 0.0)

    def _is_root(self) -> bool:
        return any(p.part is not None for p in self.ports) or not self.ports

    def _gap(self, cells: list[Cell], row: int, base: float, tracks: int) -> float:
        """Room behind a row: for shapes beside the wires, for wires that turn, for an arrow's head."""
        gap = max(base + TRACK * tracks + 10.0, 24.0 if base == TEXT else 16.0)
        if self.exits and self.exits[0].row == row + 1 and not self._is_root():
            gap += SMALL + 4.0 if tracks or base == TEXT else 4.0  # the frame's name stands there
        return gap

    # --- wires
    def _way(self, source: Cell, reader: Cell) -> str:
        """How a wire goes: straight, up in its own column and over, over and up in the reader's column, or in a lane."""
        between = range(source.row + 1, reader.row)
        own = not any((row, source.column) in self.taken for row in between)
        if own and source.column == reader.column:
            return "straight"
        if own:
            return "up"
        return "lane" if any((row, reader.column) in self.taken for row in between) else "over"

    def _route(self) -> None:
        """For every wire its ends, the place of its long vertical part, and whether it comes in from the side."""
        sides: set[tuple[Cell, str]] = set()
        below: dict[Cell, list[Wire]] = {}
        for wire in self.wires:
            source, reader = wire.source, wire.reader
            wire.way = self._way(source, reader)
            wire.start = source.x + source.exits.get(wire.leaf, 0.0)
            wire.end = reader.x + reader.entries.get(wire.leaf, 0.0)
            wire.trunk = {"lane": self.lanes.get(wire.leaf, 0.0), "up": wire.start}.get(wire.way, wire.end)
            side = "left" if wire.way == "lane" else "right" if wire.way == "up" and wire.start > wire.end else ""
            if side and (reader, side) not in sides and self._open_side(reader, None if side == "left" else source):
                sides.add((reader, side))
                wire.side = side
            elif not reader.entries:
                below.setdefault(reader, []).append(wire)
        for wires in below.values():
            spread(wires)

    def _draw(self) -> None:
        for cell in self.cells:
            if cell.part is not None:
                if cell.page is not None:
                    self._draw_frame(cell)
                else:
                    self.page.placed.append(self._placed(cell))
                if cell.readers and _shape_of(cell) and not cell.told:
                    self.page.shapes.append((cell.x + cell.leaves_at + 6, cell.top + 5, _shape_of(cell)))
        for wire in self.wires:
            head = wire.reader.page is None and (wire.reader not in self.exits or self._is_root())
            self.page.wires.append((self.tracks.corners(wire), head, wire.leaf))
        self.page.left = self.left - FRAME
        self.page.right = self.right + FRAME
        self.page.named_at = self.named_at - FRAME

    def _draw_frame(self, cell: Cell) -> None:
        page = cell.page
        assert page is not None
        assert cell.part is not None
        self.page.placed.append(self._placed(cell))
        self.page.add(page, cell.x, cell.y)

    def _placed(self, cell: Cell) -> Placed:
        assert cell.part is not None
        if cell.part.kind == "sign":
            return Placed(cell.part, cell.x, cell.y, SIGN, SIGN)
        middle = cell.x + (cell.after - cell.before) / 2
        named_at = 0.0 if cell.page is None else cell.page.named_at + cell.before
        return Placed(cell.part, middle, cell.y, cell.before + cell.after, cell.height, named_at)

    def _open_side(self, reader: Cell, source: Cell | None) -> bool:
        """Whether a wire may come in from the side, from a lane on the left or up a source's column on the right: only to a
        box or sign that something else enters from below, with nothing in the way."""
        if reader.page is not None or reader.part is None or len(reader.sources) < 2:
            return False
        others = [c.column for c in self.cells if c.row == reader.row and c is not reader]
        last = -1 if source is None else source.column
        return not any(min(last, reader.column) <= c <= max(last, reader.column) for c in others)


def _continued(cell: Cell) -> int:
    """The column a cell continues: a frame that reads an input of the model that one, so that encoder and decoder stand
    side by side, another that of the part before it; what joins branches that of the leftmost."""
    if not cell.sources:
        return 0
    if cell.part is not None and cell.part.kind == "frame":
        first = cell.sources[0]
        is_input = first.part is not None and first.part.kind == "input"
        return first.column if is_input else min((-s.row, s.column) for s in cell.sources)[1]
    return min(s.column for s in cell.sources)


def _extent(cell: Cell) -> float:
    """How far a cell reaches to the right of its wire, with the shape beside it."""
    beside = text_width(_shape_of(cell), SMALL) + 7 + cell.leaves_at if _shape_of(cell) else 0.0
    return max(cell.after, beside)


def _shape_of(cell: Cell) -> str:
    """The shape beside the wire, where it is another than that of what the part reads."""
    if cell.part is None or cell.part.shape is None:
        return ""
    before = {part.shape for s in cell.sources if (part := s.part or s.port) is not None}
    if cell.part.kind != "input" and before == {cell.part.shape}:
        return ""
    return shape_text(cell.part.shape)
