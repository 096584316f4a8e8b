"""What kernels have in common: loops that follow memory, merged where every access walks them as one, and the text around
a body of instructions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ....graph import ops
from ....graph.node import Node
from .affine import Affine, Loop, linear, of_loop
from .body import Body
from .expression import Computation, Place
from .types import kind_of


class Text(NamedTuple):
    """LLVM IR that defines `void @kernel(ptr pointers, i64 begin, i64 end)`, and what the pointers point to.

    It says nothing of where values lie, so kernels that do the same to other values are one text.
    """

    body: str
    pointers: tuple[tuple[int, int], ...]  # (slot, byte offset) of each place


@dataclass(frozen=True)
class Kernel:
    """One function over `work` outer iterations of `cost` each."""

    name: str
    text: Text
    work: int
    cost: int
    requires: frozenset[tuple[str, str]]


STATUS = Place(-1, 0, ())
"""The program's status, an i64 that a kernel sets to 1 where it meets an index out of range."""


def loops_of(shape: Sequence[int], order: Iterable[int], prefix: str = "d") -> tuple[list[Loop], dict[int, Affine]]:
    """A loop for each dimension in the given order, and each dimension's index in terms of them."""
    loops = [(d, Loop(f"{prefix}{d}", shape[d])) for d in order]
    return [loop for _, loop in loops], {d: of_loop(loop) for d, loop in loops}


class Merger:
    """Joins neighbouring loops that all addresses walk as one."""

    def __init__(self, addresses: Iterable[Affine]):
        self._factors = [dict(a.terms) for a in addresses]
        self._renamed: dict[Loop, Loop | None] = {}

    def merged(self, loops: Sequence[Loop]) -> list[Loop]:
        """Outermost first. A loop of one iteration goes; a merged one keeps the inner loop's name and factors."""
        kept: list[tuple[Loop, int]] = []
        for loop in loops:
            if loop.size == 1:
                continue
            size = loop.size
            if kept and all(f.get(kept[-1][0], 0) == f.get(loop, 0) * loop.size for f in self._factors):
                outer, outer_size = kept.pop()
                self._renamed[outer] = None
                size *= outer_size
            kept.append((loop, size))
        for loop, size in kept:
            self._renamed[loop] = Loop(loop.name, size)
        return [Loop(loop.name, size) for loop, size in kept]

    def address(self, a: Affine) -> Affine:
        terms = ((self._renamed.get(v), f) for v, f in a.terms)
        return Affine(a.constant, tuple((v, f) for v, f in terms if v is not None))


class Pointers:
    """The base pointers a kernel is given: one for each distinct place."""

    _NAME = re.compile(r"%p(-?\d+)_(\d+)\b")

    def __init__(self, places: Iterable[Place]):
        self.keys = {(p.slot, p.offset) for p in places}

    @staticmethod
    def name(place: Place) -> str:
        return f"%p{place.slot}_{place.offset}"

    def wrap(self, name: str, lines: Sequence[str]) -> Text:
        """The function around these lines. The pointers are numbered as the lines name them.

        An inner function holds the lines, because only parameters can be said not to overlap.
        """
        keys: dict[tuple[int, int], int] = {}

        def renamed(found: re.Match) -> str:
            key = (int(found[1]), int(found[2]))
            return f"%p{keys.setdefault(key, len(keys))}"

        inner = [self._NAME.sub(renamed, line) for line in lines]
        parameters = ", ".join([*(f"ptr noalias %p{i}" for i in range(len(keys))), "i64 %begin", "i64 %end"])
        text = [f"define internal void @inner({parameters}) noinline {{", *inner, "}", ""]
        text.append("define void @kernel(ptr %pointers, i64 %begin, i64 %end) {")
        for i in range(len(keys)):
            text.append(f"  %c{i} = getelementptr inbounds ptr, ptr %pointers, i64 {i}")
            text.append(f"  %p{i} = load ptr, ptr %c{i}")
        arguments = ", ".join([*(f"ptr %p{i}" for i in range(len(keys))), "i64 %begin", "i64 %end"])
        return Text("\n".join([*text, f"  call void @inner({arguments})", "  ret void", "}"]), tuple(keys))


class Accesses:
    """Loads and stores of an inner loop: what does not change inside goes to `head`, the rest to `body`."""

    def __init__(self, body: Body, head: Body, inner: Loop, merger: Merger, placed: Mapping[Node, Place], counter: str = "%i"):
        self.body, self.head, self.inner = body, head, inner
        self.merger, self.placed, self.counter = merger, placed, counter
        self._starts: dict[tuple[Node, Affine], str] = {}

    def load(self, node: Node, index: tuple[Affine, ...]) -> str:
        if node.op is ops.iota:
            start, step = self._split(self.merger.address(index[0]))
            place = self.body.add(f"add i64 {self._amount(start)}, {self._times(step)}")
            return self.body.add(f"add i64 {place}, {node.attrs[1]}")
        base, step_ = self._start(node, linear(index, self.placed[node].strides))
        return self.body.load(base, step_, node.dtype)

    def store(self, value: str, node: Node, index: tuple[Affine, ...]) -> None:
        base, step = self._start(node, linear(index, self.placed[node].strides))
        self.body.store(value, base, step, node.dtype)

    def _start(self, node: Node, address: Affine) -> tuple[str, str]:
        start, step = self._split(self.merger.address(address))
        key = (node, start)
        if key not in self._starts:
            kind = kind_of(node.dtype)
            assert kind is not None
            base = Pointers.name(self.placed[node])
            self._starts[key] = self.head.add(
                f"getelementptr inbounds {kind.memory}, ptr {base}, i64 {self._amount(start)}")
        return self._starts[key], self._times(step)

    def _split(self, address: Affine) -> tuple[Affine, int]:
        step = dict(address.terms).get(self.inner, 0)
        return Affine(address.constant, tuple((v, f) for v, f in address.terms if v != self.inner)), step

    def _amount(self, address: Affine) -> str:
        total = str(address.constant)
        for loop, factor in address.terms:
            part = self.head.add(f"mul i64 %{loop.name}, {factor}")
            total = self.head.add(f"add i64 {total}, {part}")
        return total

    def _times(self, step: int) -> str:
        if step in (0, 1):
            return self.counter if step else "0"
        return self.body.add(f"mul i64 {self.counter}, {step}")

    def computation(self) -> Computation:
        return Computation(self.body, self.placed, self.load)


def for_loop(name: str, begin: str, end: str, body: Sequence[str], before: str, carried: Sequence[tuple] = ()) -> list[str]:
    """for %name in range(begin, end): body. `carried`: (name, type, start, next) of values kept across iterations.

    Control comes from label `before` and is at label `{name}_done` afterwards; `body` runs from `{name}_body`.
    """
    last = body_end(body, f"{name}_body")
    lines = [f"  br label %{name}_head", f"{name}_head:", f"  %{name} = phi i64 [{begin}, %{before}], [%{name}_next, %{last}]"]
    lines += [f"  {v} = phi {t} [{start}, %{before}], [{after}, %{last}]" for v, t, start, after in carried]
    lines += [f"  %{name}_more = icmp slt i64 %{name}, {end}", f"  br i1 %{name}_more, label %{name}_body, label %{name}_done",
              f"{name}_body:", *body, f"  %{name}_next = add nsw i64 %{name}, 1", f"  br label %{name}_head", f"{name}_done:"]
    return lines


def body_end(lines: Sequence[str], start: str) -> str:
    """The label of the block that the last of these lines is in."""
    return next((line[:-1] for line in reversed(lines) if line.endswith(":") and not line.startswith(" ")), start)


def decoded(flat: str, loops: Sequence[Loop]) -> list[str]:
    """The values of several loops from one number that counts through them all."""
    lines, rest = [], flat
    for loop in reversed(loops[1:]):
        lines += [f"  %{loop.name} = urem i64 {rest}, {loop.size}", f"  %q_{loop.name} = udiv i64 {rest}, {loop.size}"]
        rest = f"%q_{loop.name}"
    return [*lines, f"  %{loops[0].name} = add i64 {rest}, 0"] if loops else []


def count(loops: Iterable[Loop]) -> int:
    return math.prod(loop.size for loop in loops)
