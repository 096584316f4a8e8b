"""Operations that the compiler takes apart further than the graph does, so that their parts fuse with their neighbours."""

from __future__ import annotations

import itertools
import math

from ..core.dtypes import uint8
from ..graph import ops
from ..graph.leaves import constant
from ..graph.node import Node
from .rules import rule

MOST_WINDOWS = 16  # positions of a pooling window that are worth a load each


def _inside(x_shape, out, kernel, stride, padding, dilation) -> bool:
    """Whether no window looks past the input."""
    if any(padding) or math.prod(kernel) > MOST_WINDOWS:
        return False
    return all((n - 1) * s + d * (k - 1) < size for n, s, d, k, size in zip(out, stride, dilation, kernel, x_shape[2:]))


def _seen(x: Node, offset, out, stride, dilation) -> Node:
    """What every window sees at one of its positions."""
    starts = (0, 0, *(o * d for o, d in zip(offset, dilation)))
    stops = (*x.shape[:2], *(a + (n - 1) * s + 1 for a, n, s in zip(starts[2:], out, stride)))
    return ops.slice_(x, starts, stops, (1, 1, *stride))


@rule(ops.max_pool)
def max_pool(x: Node, kernel, stride, padding, dilation, ceil_mode) -> Node | None:
    """The maximum of the windows' positions, one after another."""
    out = ops.max_pool.infer(x, kernel, stride, padding, dilation, ceil_mode)[0][2:]
    if not _inside(x.shape, out, kernel, stride, padding, dilation):
        return None
    positions = [_seen(x, o, out, stride, dilation) for o in itertools.product(*map(range, kernel))]
    best = positions[0]
    for seen in positions[1:]:
        best = ops.maximum(best, seen)
    return best


@rule(ops.max_pool_grad)
def max_pool_grad(g: Node, x: Node, kernel, stride, padding, dilation, ceil_mode) -> Node | None:
    """Windows that do not overlap and have no gaps: each position gets g where it is the first maximum (of nans the last).
    Which one it is takes a byte a window from the forward pass to the backward pass."""
    out = g.shape[2:]
    if not _inside(x.shape, out, kernel, stride, padding, dilation) or tuple(kernel) != tuple(stride) or set(dilation) != {1}:
        return None
    offsets = list(itertools.product(*map(range, kernel)))
    positions = [_seen(x, o, out, stride, dilation) for o in offsets]
    best, winner = positions[0], ops.expand(constant(0, uint8), g.shape)
    for number, seen in enumerate(positions[1:], 1):
        wins = ops.logical_or(ops.gt(seen, best), ops.isnan(seen))
        winner = ops.where(wins, ops.expand(constant(number, uint8), g.shape), winner)
        best = ops.maximum(best, seen)
    zero = ops.number(0, g)
    parts = [ops.where(ops.eq(winner, ops.expand(constant(k, uint8), g.shape)), g, zero) for k in range(len(offsets))]
    places = tuple(((0, 0, *o), (1, 1, *stride)) for o in offsets)
    return ops.assemble(tuple(parts), x.shape, places)


@rule(ops.scatter_add)
def scatter_add(x: Node, index: Node, source: Node, dim: int) -> Node | None:
    """One element of a row: x plus the source where the row's position is the index. Read from the positions by a
    gather, the index is checked."""
    if math.prod(x.shape) == 0 or not x.shape or index.shape[dim] != 1 or index.shape != source.shape:
        return None
    if any(a != b for d, (a, b) in enumerate(zip(index.shape, x.shape)) if d != dim):
        return None
    line = tuple(x.shape[dim] if d == dim else 1 for d in range(len(x.shape)))
    position = ops.reshape(ops.iota(x.shape[dim], 0), line)
    positions = ops.expand(position, x.shape)
    there = ops.eq(positions, ops.expand(ops.gather(positions, index, dim), x.shape))
    added = ops.where(there, ops.expand(source, x.shape), ops.number(0, source))
    return ops.add(x, added)


@rule(ops.recurrence_output)
def recurrence_output(nodes: tuple, kind: str) -> Node:
    """The first of the states."""
    return ops.slice_along(nodes[0], 0, 0, ops.recurrence_output.infer(nodes, kind)[0][0])


@rule(ops.cat)
def cat(parts: tuple, dim: int) -> Node:
    shape = ops.cat.infer(parts, dim)[0]
    ones = (1,) * len(shape)
    places, start = [], 0
    for part in parts:
        places.append((tuple(start if d == dim else 0 for d in range(len(shape))), ones))
        start += part.shape[dim]
    return ops.assemble(parts, shape, tuple(places))


@rule(ops.pad)
def pad(x: Node, low, high, value) -> Node | None:
    """What is left of x, in a border of one value: two slabs a dimension."""
    starts = tuple(max(-a, 0) for a in low)
    stops = tuple(s - max(-b, 0) for s, b in zip(x.shape, high))
    if any(a > b for a, b in zip(starts, stops)):
        return None
    ones = (1,) * len(x.shape)
    core = ops.slice_(x, starts, stops, ones) if any(a < 0 for a in (*low, *high)) else x
    low, high = tuple(max(a, 0) for a in low), tuple(max(b, 0) for b in high)
    shape = tuple(a + s + b for a, s, b in zip(low, core.shape, high))
    if math.prod(core.shape) == 0 or shape == core.shape:
        return ops.full(value, shape, x) if shape != core.shape else core
    slabs = [] if value == 0 else _border(core.shape, low, high)
    parts = (core, *(ops.full(value, size, x) for size, _ in slabs))
    return ops.assemble(parts, shape, ((low, ones), *((start, ones) for _, start in slabs)))


def _border(shape, low, high) -> list[tuple[tuple, tuple]]:
    """Shapes and starts of slabs that cover what is around `shape`: full in the dimensions before their own."""
    whole = tuple(a + s + b for a, s, b in zip(low, shape, high))
    found = []
    for d in range(len(shape)):
        for start, size in ((0, low[d]), (low[d] + shape[d], high[d])):
            if size:
                found.append(((*whole[:d], size, *shape[d + 1 :]), (*(0,) * d, start, *low[d + 1 :])))
    return [(size, start) for size, start in found if math.prod(size)]


@rule(ops.write_slice)
def write_slice(x: Node, value: Node, starts, stops, steps) -> Node | None:
    """Over everything, or onto zeros: the gradient of a slice."""
    if value.shape == x.shape:
        return value
    blank = x.op is ops.expand and not x.inputs[0].inputs and getattr(x.inputs[0], "attrs", ()) == (0,)
    if not blank or math.prod(value.shape) == 0:
        return None
    return ops.assemble((value,), x.shape, ((tuple(starts), tuple(steps)),))


@rule(ops.add)
def add(x: Node, y: Node) -> Node | None:
    """Two values put together from parts that lie apart: one, put together from all of them."""
    if x.op is not ops.assemble or y.op is not ops.assemble or x.shape != y.shape:
        return None
    parts, places = (*x.inputs, *y.inputs), (*x.attrs[1], *y.attrs[1])
    boxes = [_box(part, place) for part, place in zip(parts, places)]
    if any(_overlap(a, b) for a, b in itertools.combinations(boxes, 2)):
        return None
    return ops.assemble(parts, x.shape, places)


def _box(part: Node, place: tuple) -> list[tuple[int, int]]:
    """The first and the last index of a part in each dimension."""
    return [(start, start + (size - 1) * step) for size, start, step in zip(part.shape, *place)]


def _overlap(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> bool:
    return all(low <= other_high and other_low <= high for (low, high), (other_low, other_high) in zip(a, b))
