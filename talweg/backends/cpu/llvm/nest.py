"""What kernels have in common: loops that follow memory, merged where every access walks them as one, and the text around
a body of instructions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ....graph.node import Node
from .affine import Affine, Loop, linear, of_loop
from .body import Body
from .expression import STATUS, Chosen, Computation, NotInline, Place, flat_position, loads_of
from .random import Blocks, uniform_number
from .types import kind_of

WIDE = '"prefer-vector-width"="512"'
"""LLVM prefers 256 bits on processors that once slowed down for 512; without effect where there are none."""


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

    def suffixed(self, loops: Sequence[Loop], suffix: str) -> tuple[Merger, list[Loop]]:
        """These merged loops under other names, for one more copy of them in the same function."""
        names = {loop: Loop(loop.name + suffix, loop.size) for loop in loops}
        other = Merger([])
        other._renamed = {v: to and names.get(to, to) for v, to in self._renamed.items()}
        return other, list(names.values())

    def address(self, a: Affine) -> Affine:
        terms = ((self._renamed.get(v, v), f) for v, f in a.terms)
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
            if key not in self.keys:  # room on the stack, which the lines make themselves
                return f"%room{key[1]}"
            return f"%p{keys.setdefault(key, len(keys))}"

        inner = [self._NAME.sub(renamed, line) for line in lines]
        parameters = ", ".join([*(f"ptr noalias %p{i}" for i in range(len(keys))), "i64 %begin", "i64 %end"])
        text = [f"define internal void @inner({parameters}) noinline {WIDE} {{", *inner, "}", ""]
        text.append("define void @kernel(ptr %pointers, i64 %begin, i64 %end) {")
        for i in range(len(keys)):
            text.append(f"  %c{i} = getelementptr inbounds ptr, ptr %pointers, i64 {i}")
            text.append(f"  %p{i} = load ptr, ptr %c{i}")
        arguments = ", ".join([*(f"ptr %p{i}" for i in range(len(keys))), "i64 %begin", "i64 %end"])
        return Text("\n".join([*text, f"  call void @inner({arguments})", "  ret void", "}"]), tuple(keys))


class Accesses:
    """Loads and stores of an inner loop: what does not change inside goes to `head`, the rest to `body`.

    `counter` names the inner loop's variable. Indices read from memory (`Chosen`) are variables of the addresses too.
    """

    def __init__(self, body: Body, head: Body, inner: Loop, merger: Merger, placed: Mapping[Node, Place], counter: str = "%i"):
        self.body, self.head, self.inner = body, head, inner
        self.merger, self.placed, self.counter = merger, placed, counter
        self.indices = Indices()
        self.blocks: tuple[Blocks, int] | None = None  # where a block of random numbers is drawn at once: which one of it
        self.fixed: tuple[Loop, int] | None = None  # a loop that is written out: which turn of it
        head.requires = body.requires
        self._starts: dict[tuple[Node, Affine], str] = {}

    def load(self, node: Node, index: tuple[Affine, ...]) -> str:
        base, step = self._start(node, linear(index, self.placed[node].strides))
        return self.body.load(base, step, node.dtype)

    def store(self, value: str, node: Node, index: tuple[Affine, ...]) -> None:
        base, step = self._start(node, linear(index, self.placed[node].strides))
        self.body.store(value, base, step, node.dtype)

    def sum_of(self, a: Affine) -> str:
        """The value of an affine expression."""
        start, step = self._split(self._address(a))
        return self.body.add(f"add i64 {self._amount(self.head, start)}, {self._amount(self.body, step)}")

    def random(self, computation: Computation, node: Node, index: tuple[Affine, ...]) -> str:
        element = self.sum_of(flat_position(node, index))
        if self.blocks is None:
            return uniform_number(self.body, computation, node, element)
        blocks, which = self.blocks
        return blocks.number(self.body, computation, node, index, element, which)

    def choose(self, computation: Computation, index: Chosen) -> None:
        """Read and check an index, outside the inner loop where it stays the same inside."""
        if index in self.indices.values:
            return
        if self._changes(computation, index):
            self.indices.changing.add(index)
            value, body = computation.value(index.node, index.index), self.body
        else:
            value, body = self._ahead(computation).value(index.node, index.index), self.head
        self.indices.values[index] = checked_index(body, value, index, Pointers.name(STATUS))

    def _changes(self, computation: Computation, index: Chosen) -> bool:
        """Whether an index is another one at the next turn. One made of a reduction's result may be."""
        loads: dict = {}
        try:
            loads_of(index.node, index.index, computation.placed, loads)
        except NotInline:
            return True
        return any(self._moves(loop) for a in loads.values() for loop, _ in self._address(a).terms)

    def _ahead(self, computation: Computation) -> Computation:
        """The computation of what stays the same in the inner loop."""
        outside = Accesses(self.head, self.head, Loop("none", 1), self.merger, self.placed, self.counter)
        outside.indices, outside.fixed = self.indices, self.fixed
        return Computation(self.head, computation.placed, outside)

    def _moves(self, loop: Loop) -> bool:
        return loop == self.inner or loop in self.indices.changing

    def _start(self, node: Node, address: Affine) -> tuple[str, str]:
        start, step = self._split(self._address(address))
        key = (node, start)
        if key not in self._starts:
            kind = kind_of(node.dtype)
            assert kind is not None
            base = Pointers.name(self.placed[node])
            self._starts[key] = self.head.add(
                f"getelementptr inbounds {kind.memory}, ptr {base}, i64 {self._amount(self.head, start)}")
        return self._starts[key], self._amount(self.body, step)

    def _address(self, a: Affine) -> Affine:
        merged = self.merger.address(a)
        if self.fixed is None:
            return merged
        loop, turn = self.fixed
        terms = dict(merged.terms)
        return Affine(merged.constant + turn * terms.pop(loop, 0), tuple(terms.items()))

    def _split(self, address: Affine) -> tuple[Affine, Affine]:
        """What stays the same in the inner loop, and what changes there."""
        changes = tuple((v, f) for v, f in address.terms if self._moves(v))
        return Affine(address.constant, tuple(t for t in address.terms if t not in changes)), Affine(0, changes)

    def _amount(self, body: Body, address: Affine) -> str:
        total = str(address.constant)
        for loop, factor in address.terms:
            value = self._variable(loop)
            part = value if factor == 1 else body.add(f"mul i64 {value}, {factor}")
            total = part if total == "0" else body.add(f"add i64 {total}, {part}")
        return total

    def _variable(self, loop: Loop) -> str:
        if isinstance(loop, Chosen):
            return self.indices.values[loop]
        return self.counter if loop == self.inner else f"%{loop.name}"

    def computation(self) -> Computation:
        return Computation(self.body, self.placed, self)


class Indices:
    """The indices that a kernel has read: their values, and which of them change in the inner loop."""

    def __init__(self) -> None:
        self.values: dict[Chosen, str] = {}
        self.changing: set[Loop] = set()


def checked_index(body: Body, value: str, index: Chosen, status: str) -> str:
    """An index within [0, size): one out of range is taken for 0 and noted in the status cell.

    Without a branch: its first byte takes the 0 of a good index, its second the 1 of a bad one. Threads that write at
    the same time write the same.
    """
    if index.wraps:
        below = body.add(f"icmp slt i64 {value}, 0")
        value = body.add(f"select i1 {below}, i64 {body.add(f'add i64 {value}, {index.size}')}, i64 {value}")
    wrong = body.add(f"icmp uge i64 {value}, {index.size}")
    note = body.add(f"getelementptr inbounds i8, ptr {status}, i64 {body.add(f'zext i1 {wrong} to i64')}")
    body.do(f"store i8 {body.add(f'zext i1 {wrong} to i8')}, ptr {note}")
    return body.add(f"select i1 {wrong}, i64 0, i64 {value}")


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
