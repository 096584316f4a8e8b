"""Kernels of pooling, for whatever windows: kernel, stride, padding, dilation, ceil_mode.

The channels are lanes where they lie innermost in memory; otherwise each channel is work of its own. A window's part
inside the input is a range in each dimension; the border is never read.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence

from ....core.shapes import Shape, contiguous_strides
from ....graph import ops
from ....graph.node import Node
from .affine import Affine
from .body import literal
from .expression import Place
from .flow import Flow
from .fold import extreme
from .nest import Kernel, Pointers
from .scalars import EMITTERS
from .types import kind_of

LANES = 64
POOLS = (ops.max_pool, ops.max_pool_indices, ops.max_pool_grad, ops.avg_pool, ops.avg_pool_grad)


def can_pool(node: Node) -> bool:
    if node.op not in POOLS or node.inputs[0].dtype.name == "bool" or kind_of(node.inputs[0].dtype) is None:
        return False
    return node.op in POOLS[:3] or node.dtype.is_floating_point


def pool_loads(node: Node, placed: Mapping[Node, Place], found: dict) -> None:
    for source in node.inputs:
        found[source, ()] = Affine(0)


def pool_start(node: Node) -> Node | None:
    """Zeros, to which the gradients of overlapping windows are added."""
    return ops.full(0, node.shape, node) if node.op is ops.max_pool_grad else None


def pool_strides(node: Node, of_source: Shape | None) -> Shape:
    """Channels-last where the operand is."""
    if of_source is None or len(node.shape) < 3 or of_source[1] != 1 or of_source[-1] == 1:
        return contiguous_strides(node.shape)
    channels, inner = node.shape[1], contiguous_strides((node.shape[0], *node.shape[2:]))
    return (inner[0] * channels, 1, *(s * channels for s in inner[1:]))


def pool_kernel(name: str, outputs: Sequence[Node], placed: Mapping[Node, Place]) -> Kernel:
    """The kernel for one pooling operation or its gradient."""
    return {ops.avg_pool: _Average, ops.avg_pool_grad: _AverageGradient, ops.max_pool_grad: _MaximumGradient}.get(
        outputs[0].op, _Maximum)(outputs[0], placed).kernel(name)


class _Pool:
    """One kernel: for each image, block of channels and position, something with the elements around it."""

    rows_are_shared = True  # among threads; if not, only images and channels are

    def __init__(self, node: Node, placed: Mapping[Node, Place]):
        self.node, self.placed, self.x = node, placed, node.inputs[-1]
        how = node.attrs[1:] if node.op is ops.avg_pool_grad else node.attrs
        self.kernel_size, self.stride, self.padding = how[:3]
        self.how = how
        self.dilation = how[3] if node.op in POOLS[:3] else (1,) * len(self.kernel_size)
        self.flow = Flow()
        self.lanes = min(node.shape[1], LANES) if placed[self.x].strides[1] == 1 else 1
        kind = kind_of(self.x.dtype)
        assert kind is not None
        self.type, self.is_float = kind.register, kind.is_float

    def positions(self) -> Shape:
        """The sizes of the positions gone through."""
        return self.node.shape[2:]

    def at_position(self, image: str, first: str, width: str, position: list[str]) -> None:
        """`width` channels from `first` on."""
        raise NotImplementedError

    def kernel(self, name: str) -> Kernel:
        flow, sizes = self.flow, self.positions()
        images, channels = self.node.shape[:2]
        blocks = -(-channels // max(self.lanes, 1))
        rows = sizes[0] if self.rows_are_shared else 1
        with flow.loop("%begin", "%end") as work:
            rest = flow.integer("udiv", work, max(rows, 1))
            image, block = flow.integer("udiv", rest, max(blocks, 1)), flow.integer("urem", rest, max(blocks, 1))
            first = flow.integer("mul", block, self.lanes)
            width = flow.smaller(flow.integer("sub", channels, first), self.lanes) if self.lanes > 1 else "1"
            with contextlib.ExitStack() as stack:
                row = flow.integer("urem", work, max(rows, 1)) if self.rows_are_shared else stack.enter_context(
                    flow.loop(0, sizes[0]))
                position = [row, *(stack.enter_context(flow.loop(0, n)) for n in sizes[1:])]
                self.at_position(image, first, width, position)
        text = Pointers(self.placed[n] for n in (*self.node.inputs, self.node)).wrap(name, flow.text())
        cost = 8 * math.prod(sizes) * math.prod(self.kernel_size) * self.lanes // max(rows, 1)
        return Kernel(name, text, images * blocks * rows, cost, frozenset(flow.requires))

    # --- memory
    def address(self, node: Node, image: str, channel: str, position: Sequence[str]) -> str:
        total = "0"
        for index, stride in zip((image, channel, *position), self.placed[node].strides):
            total = self.flow.integer("add", total, self.flow.integer("mul", index, stride))
        return total

    def lane_of(self, node: Node, address: str, lane: str) -> str:
        return self.flow.integer("add", address, self.flow.integer("mul", lane, self.placed[node].strides[1]))

    def load(self, node: Node, address: str, lane: str) -> str:
        return self.flow.load(Pointers.name(self.placed[node]), self.lane_of(node, address, lane), node.dtype)

    def store(self, value: str, node: Node, address: str, lane: str) -> None:
        self.flow.store(value, Pointers.name(self.placed[node]), self.lane_of(node, address, lane), node.dtype)

    # --- windows
    def starts(self, position: Sequence[str]) -> list[str]:
        """Where the window at a position starts in the input."""
        flow = self.flow
        return [flow.integer("sub", flow.integer("mul", o, s), p)
                for o, s, p in zip(position, self.stride, self.padding)]

    @contextlib.contextmanager
    def window(self, position: Sequence[str]) -> Iterator[list[str]]:
        """A loop over the elements of a window that are inside the input: the position of each."""
        flow, starts = self.flow, self.starts(position)
        with contextlib.ExitStack() as stack:
            seen = []
            for start, size, k, d in zip(starts, self.x.shape[2:], self.kernel_size, self.dilation):
                low = flow.larger(flow.integer("sdiv", flow.integer("sub", d - 1, start), d), 0)
                high = flow.smaller(flow.integer("sdiv", flow.integer("sub", size + d - 1, start), d), k)
                element = stack.enter_context(flow.loop(low, high))
                seen.append(flow.integer("add", start, flow.integer("mul", element, d)))
            yield seen


class _Maximum(_Pool):
    """The maximum of each window, or where it is: the first of equal ones, the last nan."""

    def __init__(self, node: Node, placed: Mapping[Node, Place]):
        super().__init__(node, placed)
        self.best = self.flow.cell(self.type, self.lanes)
        reach = math.prod(self.x.shape[1:])
        self.place_type = "i32" if reach < 1 << 31 else "i64"  # as wide as floats, for vectors of both
        self.where = self.flow.cell(self.place_type, self.lanes) if node.op is not ops.max_pool else None

    def find(self, image: str, first: str, width: str, position: list[str]) -> None:
        """The maximum into `best`, its place (of the first element that counts: -1 where there is none) into `where`."""
        flow = self.flow
        with flow.loop(0, width) as lane:
            flow.put(self.type, extreme(self.x.dtype, False), flow.at(self.type, self.best, lane))
            if self.where:
                flow.put(self.place_type, "-1", flow.at(self.place_type, self.where, lane))
        with self.window(position) as seen:
            address, place = self.address(self.x, image, first, seen), self.place_of(seen)
            if self.where and self.place_type == "i32":
                place = flow.add(f"trunc i64 {place} to i32")
            with flow.loop(0, width) as lane:
                self._compare(self.load(self.x, address, lane), place, lane)

    def _compare(self, value: str, place: str, lane: str) -> None:
        flow = self.flow
        cell = flow.at(self.type, self.best, lane)
        best = flow.get(self.type, cell)
        flow.put(self.type, EMITTERS[ops.maximum](flow, self.x, best, value), cell)
        if self.where:
            type = self.place_type
            at = flow.at(type, self.where, lane)
            before = flow.get(type, at)
            wins = flow.add(f"or i1 {self._wins(value, best)}, {flow.add(f'icmp slt {type} {before}, 0')}")
            flow.put(type, flow.add(f"select i1 {wins}, {type} {place}, {type} {before}"), at)

    def found_place(self, lane: str) -> str:
        assert self.where is not None
        found = self.flow.get(self.place_type, self.flow.at(self.place_type, self.where, lane))
        return found if self.place_type == "i64" else self.flow.add(f"sext i32 {found} to i64")

    def _wins(self, value: str, best: str) -> str:
        if not self.is_float:
            signed = "s" if self.x.dtype.is_signed else "u"
            return self.flow.add(f"icmp {signed}gt {self.type} {value}, {best}")
        larger = self.flow.add(f"fcmp ogt {self.type} {value}, {best}")
        return self.flow.add(f"or i1 {larger}, {self.flow.add(f'fcmp uno {self.type} {value}, {value}')}")

    def place_of(self, seen: list[str]) -> str:
        """The number of a position, counted through the input's spatial dimensions."""
        total = "0"
        for index, stride in zip(seen, contiguous_strides(self.x.shape[2:])):
            total = self.flow.integer("add", total, self.flow.integer("mul", index, stride))
        return total

    def at_position(self, image: str, first: str, width: str, position: list[str]) -> None:
        flow = self.flow
        self.find(image, first, width, position)
        to = self.address(self.node, image, first, position)
        with flow.loop(0, width) as lane:
            if self.where:
                found = flow.larger(self.found_place(lane), 0)
            else:
                found = flow.get(self.type, flow.at(self.type, self.best, lane))
            self.store(found, self.node, to, lane)


class _MaximumGradient(_Maximum):
    """Each window's gradient added where its maximum is. Windows may overlap, so a thread takes whole images."""

    rows_are_shared = False

    def positions(self) -> Shape:
        return self.node.inputs[0].shape[2:]

    def place_of(self, seen: list[str]) -> str:
        """Where a position lies in the result, from where its image and channel start."""
        return self.address(self.node, "0", "0", seen)

    def at_position(self, image: str, first: str, width: str, position: list[str]) -> None:
        flow, g = self.flow, self.node.inputs[0]
        self.find(image, first, width, position)
        upstream = self.address(g, image, first, position)
        start = self.address(self.node, image, first, ["0"] * len(position))
        with flow.loop(0, width) as lane:
            found = self.found_place(lane)
            nowhere = flow.add(f"icmp slt i64 {found}, 0")
            value = self.load(g, upstream, lane)
            share = flow.add(f"select i1 {nowhere}, {self.type} {literal(0, g.dtype)}, {self.type} {value}")
            to = flow.integer("add", start, flow.larger(found, 0))
            self.store(EMITTERS[ops.add](flow, g, self.load(self.node, to, lane), share), self.node, to, lane)


class _Average(_Pool):
    """The sum of each window's elements over how many there are."""

    def divisor(self, position: Sequence[str]) -> str:
        """What the sum of the window at this position is divided by. Windows end where the padding does."""
        include_pad, divisor = self.how[4], self.how[5]
        if divisor is not None:
            return literal(divisor, self.x.dtype)
        flow, total = self.flow, "1"
        spatial = self.node.attrs[0][2:] if self.node.op is ops.avg_pool_grad else self.x.shape[2:]
        for start, size, k, p in zip(self.starts(position), spatial, self.kernel_size, self.padding):
            stop = flow.smaller(flow.integer("add", start, k), size + p)
            if not include_pad:
                stop, start = flow.smaller(stop, size), flow.larger(start, 0)
            total = flow.integer("mul", total, flow.integer("sub", stop, start))
        return flow.add(f"sitofp i64 {total} to {self.type}")

    def summed(self, width: str, around, value, finish) -> None:
        """For each lane finish(sum over `around` of value(what is around, lane), lane)."""
        flow = self.flow
        total = self.total
        with flow.loop(0, width) as lane:
            flow.put(self.type, literal(0, self.x.dtype), flow.at(self.type, total, lane))
        with around as seen:
            term = value(seen)
            with flow.loop(0, width) as lane:
                cell = flow.at(self.type, total, lane)
                flow.put(self.type, flow.add(f"fadd {self.type} {flow.get(self.type, cell)}, {term(lane)}"), cell)
        with flow.loop(0, width) as lane:
            finish(flow.get(self.type, flow.at(self.type, total, lane)), lane)

    def __init__(self, node: Node, placed: Mapping[Node, Place]):
        super().__init__(node, placed)
        self.total = self.flow.cell(self.type, self.lanes)

    def at_position(self, image: str, first: str, width: str, position: list[str]) -> None:
        flow = self.flow
        divisor = self.divisor(position)
        to = self.address(self.node, image, first, position)

        def value(seen):
            address = self.address(self.x, image, first, seen)
            return lambda lane: self.load(self.x, address, lane)

        def finish(total, lane):
            self.store(flow.add(f"fdiv {self.type} {total}, {divisor}"), self.node, to, lane)

        self.summed(width, self.window(position), value, finish)


class _AverageGradient(_Average):
    """For each element of the input, the shares of the windows that see it."""

    @contextlib.contextmanager
    def seen_by(self, position: Sequence[str]) -> Iterator[list[str]]:
        """A loop over the windows around an element of the input."""
        flow = self.flow
        with contextlib.ExitStack() as stack:
            windows = []
            for i, k, s, p, n in zip(position, self.kernel_size, self.stride, self.padding, self.x.shape[2:]):
                first = flow.larger(flow.integer("sdiv", flow.integer("add", i, p - k + s), s), 0)
                last = flow.integer("sdiv", flow.integer("add", i, p), s)
                stop = flow.smaller(flow.integer("add", last, 1), n)
                windows.append(stack.enter_context(flow.loop(first, stop)))
            yield windows

    def at_position(self, image: str, first: str, width: str, position: list[str]) -> None:
        flow = self.flow
        to = self.address(self.node, image, first, position)

        def value(window):
            address, divisor = self.address(self.x, image, first, window), self.divisor(window)
            return lambda lane: flow.add(f"fdiv {self.type} {self.load(self.x, address, lane)}, {divisor}")

        def finish(total, lane):
            self.store(total, self.node, to, lane)

        self.summed(width, self.seen_by(position), value, finish)
