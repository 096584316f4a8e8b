"""Where the boxes of a layered drawing go: longest-path layers, barycentre order, straightened heights.

After Sugiyama, Tagawa, Toda, Methods for visual understanding of hierarchical system structures (1981). Lengths are
in pixels, x grows to the right and y downwards. A wire that passes over layers has a place of its own in each, so
that it runs between the boxes and never under one.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field

GAP = 14.0
"""Between neighbours of a layer."""
CHANNEL = 8.0
"""Height kept free for a wire that passes."""
NARROWEST, WIDEST = 36.0, 110.0
"""Between layers, where the wires bend."""
SWEEPS = 12
ASIDE = 1e-3
"""What a late box weighs when it and another one want the same place."""


@dataclass(frozen=True)
class Box:
    """A node's size: what is left and right of its anchor (the middle of its shape), above and below its wire."""

    left: float
    right: float
    above: float
    below: float


@dataclass(frozen=True)
class Link:
    """A wire from a box to the place `port` (relative to its wire's height) on the left of another."""

    source: int
    target: int
    port: float = 0.0


@dataclass
class Layout:
    """Anchors of the boxes, in their order; for each link the points it goes through; the size of all."""

    anchors: list[tuple[float, float]]
    ways: list[list[tuple[float, float]]]
    width: float
    height: float


def arrange(boxes: Sequence[Box], links: Sequence[Link], late: Sequence[bool] | None = None) -> Layout:
    """Place `boxes` so that every link goes to the right.

    Boxes without inputs that are marked `late` (the parameters of a large model), and what is computed from such
    ones alone, stand beside the way that the others take, next to their first reader.

    Boxes come in topological order: the source of a link has the smaller index.
    """
    graph = _Layers(boxes, links, late or [False] * len(boxes))
    graph.order()
    graph.straighten()
    return graph.layout()


@dataclass(eq=False)
class _Place:
    """A box, or a passing wire, in its layer."""

    layer: int
    above: float
    below: float
    box: Box | None = None
    late: bool = False
    before: list[tuple[_Place, float]] = field(default_factory=list)  # sources, and at which height they come in
    after: list[tuple[_Place, float]] = field(default_factory=list)  # targets, and at which height they are met
    y: float = 0.0


def _join(source: _Place, target: _Place, port: float) -> None:
    source.after.append((target, port))
    target.before.append((source, port))


class _Layers:
    """The places by layer, from left to right; in each from top to bottom."""

    def __init__(self, boxes: Sequence[Box], links: Sequence[Link], late: Sequence[bool]):
        self.links = links
        late = late_boxes(links, late)
        numbers = layer_numbers(links, late)
        self.places = [_Place(n, box.above, box.below, box, aside) for n, box, aside in zip(numbers, boxes, late)]
        self.passing: dict[int, list[_Place]] = {}  # of each box: itself, and the way of its wires over later layers
        self.layers: list[list[_Place]] = [[] for _ in range(max(numbers, default=-1) + 1)]
        self.ways = [self._joined(link) for link in links]
        for place in _depth_first(self.places):
            self.layers[place.layer].append(place)

    def _joined(self, link: Link) -> list[_Place]:
        """The places a link goes through, joined to one another; links of one source go as one until they part."""
        source, target = self.places[link.source], self.places[link.target]
        shared = self.passing.setdefault(link.source, [source])
        while len(shared) < target.layer - source.layer:
            place = _Place(source.layer + len(shared), CHANNEL / 2, CHANNEL / 2, None, source.late)
            _join(shared[-1], place, 0.0)
            shared.append(place)
        way = shared[: target.layer - source.layer]
        _join(way[-1], target, link.port)
        return [*way, target]

    # --- which is above which
    def order(self) -> None:
        """Sweep to and fro, sorting each layer by the mean place of its neighbours; keep what crosses least."""
        best, fewest = [list(layer) for layer in self.layers], self._crossings()
        for sweep in range(SWEEPS):
            if fewest == 0:
                break
            self._sweep(forward=sweep % 2 == 0)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best

    def _sweep(self, forward: bool) -> None:
        rank = {place: i / len(layer) for layer in self.layers for i, place in enumerate(layer)}
        for layer in self.layers if forward else reversed(self.layers):
            wanted = {p: _mean([rank[n] + port / 1000 for n, port in (p.before if forward else p.after)], rank[p])
                      for p in layer}
            layer.sort(key=wanted.__getitem__)
            rank.update((place, i / len(layer)) for i, place in enumerate(layer))

    def _crossings(self) -> int:
        """Pairs of wires between two neighbouring layers that cross."""
        rank = {place: i for layer in self.layers for i, place in enumerate(layer)}
        count = 0
        for layer in self.layers:
            met: list[tuple[int, float]] = []  # where the wires of the places above arrive, sorted
            for place in layer:
                ends = [(rank[target], port) for target, port in place.after]
                count += sum(len(met) - bisect.bisect_right(met, end) for end in ends)
                for end in ends:
                    bisect.insort(met, end)
        return count

    # --- at which height
    def straighten(self) -> None:
        """Move places towards the wires that reach them, as far as their neighbours let them."""
        for layer in self.layers:
            _settle(layer, [0.0] * len(layer))
        for sweep in range(SWEEPS):
            forward = sweep % 2 == 1  # the last sweep puts each box where its inputs come from
            for layer in self.layers if forward else reversed(self.layers):
                _settle(layer, [_wanted(place, forward) for place in layer])

    # --- the result
    def layout(self) -> Layout:
        top = min((p.y - p.above for layer in self.layers for p in layer), default=0.0)
        for layer in self.layers:
            for place in layer:
                place.y -= top
        columns = self._columns()
        anchors = [(_anchor(p, columns), p.y) for p in self.places]
        height = max((p.y + p.below for layer in self.layers for p in layer), default=0.0)
        ways = [self._way(link, way, columns) for link, way in zip(self.links, self.ways)]
        return Layout(anchors, ways, columns[-1][2] if columns else 0.0, height)

    def _columns(self) -> list[tuple[float, float, float]]:
        """Left end, anchor and right end of each layer; the gaps are wider where the wires are steeper."""
        columns = []
        x = 0.0
        for i, layer in enumerate(self.layers):
            if i:
                rise = max((abs(p.y - q.y) for q in layer for p, _ in q.before), default=0.0)
                x += min(WIDEST, max(NARROWEST, 0.4 * rise))
            left = max((p.box.left for p in layer if p.box and not p.late), default=0.0)
            right = max((p.box.right for p in layer if p.box and not p.late), default=0.0)
            width = max([left + right, *(p.box.left + p.box.right for p in layer if p.box)])
            columns.append((x, x + left, x + width))
            x += width
        return columns

    def _way(self, link: Link, way: list[_Place], columns: list[tuple[float, float, float]]) -> list[tuple[float, float]]:
        """The corners of a wire: level within a layer, bent between two."""
        source, target = way[0], way[-1]
        assert source.box is not None
        assert target.box is not None
        points = [(_anchor(source, columns) + source.box.right, source.y), (columns[source.layer][2], source.y)]
        for place in way[1:-1]:
            points += [(columns[place.layer][0], place.y), (columns[place.layer][2], place.y)]
        height = target.y + link.port
        return [*points, (columns[target.layer][0], height), (_anchor(target, columns) - target.box.left, height)]


def _anchor(place: _Place, columns: list[tuple[float, float, float]]) -> float:
    """Boxes of a layer stand with their anchors below one another, late ones against its right end."""
    assert place.box is not None
    return columns[place.layer][2] - place.box.right if place.late else columns[place.layer][1]


def late_boxes(links: Sequence[Link], late: Sequence[bool]) -> list[bool]:
    """Those marked, and those computed from such ones alone."""
    found = list(late)
    for node in range(len(found)):
        sources = [w.source for w in links if w.target == node]
        if sources:
            found[node] = all(found[s] for s in sources)
    if found and found[-1]:  # all of the graph hangs on them: then they are its way
        return [False] * len(found)
    return found


def layer_numbers(links: Sequence[Link], late: Sequence[bool]) -> list[int]:
    """The longest path to each node from one without inputs; `late` ones stand just before their first reader."""
    numbers = [0] * len(late)
    for link in sorted(links, key=lambda w: w.target):
        numbers[link.target] = max(numbers[link.target], numbers[link.source] + 1)
    for node in reversed(range(len(late))):
        readers = [numbers[w.target] for w in links if w.source == node]
        if late[node] and readers:
            numbers[node] = min(readers) - 1
    return numbers


def _depth_first(places: Sequence[_Place]) -> list[_Place]:
    """From the last place backwards, inputs in their order from top to bottom: few crossings from the start."""
    found: dict[_Place, None] = {}
    for root in reversed(places):
        stack = [root]
        while stack:
            place = stack.pop()
            if place not in found:
                found[place] = None
                stack.extend(source for source, _ in reversed(place.before))
    return list(found)


def _mean(numbers: Sequence[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise


def _wanted(place: _Place, forward: bool) -> float:
    """The height at which the wires on one side would be level; without any, those of the other side.

    Late boxes stand beside the way of the others and do not bend it.
    """
    before = [source.y - port for source, port in place.before]
    leading = [source.y for source, _ in place.before if not source.late]
    if leading and len(leading) < len(before):
        before = leading
    after = [target.y + port for target, port in place.after]
    if place.late:
        return _mean(after, place.y)
    return _mean(before or after, place.y) if forward else _mean(after or before, place.y)


def _settle(layer: Sequence[_Place], wanted: Sequence[float]) -> None:
    """The heights nearest to those wanted (weighted least squares) at which nothing overlaps, in the given order.

    Distances below the first place are subtracted, which leaves numbers that may only grow: pools of neighbours
    that are too close take their weighted mean.
    """
    offsets = [0.0]
    for upper, lower in zip(layer, layer[1:]):
        offsets.append(offsets[-1] + upper.below + GAP + lower.above)
    pools: list[tuple[float, float, int]] = []  # (weighted sum, weight, count)
    for place, height, offset in zip(layer, wanted, offsets):
        weight = ASIDE if place.late else 1.0
        pool = (weight * (height - offset), weight, 1)
        while pools and pools[-1][0] / pools[-1][1] > pool[0] / pool[1]:
            above = pools.pop()
            pool = (above[0] + pool[0], above[1] + pool[1], above[2] + pool[2])
        pools.append(pool)
    levels = [total / weight for total, weight, count in pools for _ in range(count)]
    for place, level, offset in zip(layer, levels, offsets):
        place.y = level + offset
