"""A kernel of one loop nest: every output element computed from elements of the inputs and stored.

The loops follow the first output's memory, outermost stride first; loops that every load and store walks as one are
merged. The function takes a range of the outer iterations, so that threads share the work.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....graph import ops
from ....graph.node import Node
from .affine import Affine, Loop, linear, of_loop
from .body import Body
from .expression import Computation, Place, loads_of
from .types import kind_of


@dataclass(frozen=True)
class Kernel:
    """One function's text: `void @name(ptr table, i64 begin, i64 end)` over `work` outer iterations of `cost` each."""

    name: str
    text: str
    work: int
    cost: int
    requires: frozenset[tuple[str, str]]


def pointwise_kernel(name: str, outputs: Sequence[Node], placed: Mapping[Node, Place]) -> Kernel:
    """The kernel that stores `outputs` (of one shape) from what else is placed. Raises NotInline."""
    first = outputs[0]
    order = sorted(range(len(first.shape)), key=lambda d: -placed[first].strides[d])
    loops = [Loop(f"d{d}", first.shape[d]) for d in order]
    by_dim = {d: of_loop(loop) for d, loop in zip(order, loops)}
    index = tuple(by_dim[d] for d in range(len(first.shape)))
    inputs = {n: p for n, p in placed.items() if n not in outputs}
    loads: dict = {}
    for output in outputs:
        loads_of(output, index, inputs, loads)
    stores = {o: linear(index, placed[o].strides) for o in outputs}
    merged = _Merged(loops, [*loads.values(), *stores.values()])
    return _Writer(name, outputs, index, inputs, placed, stores, merged).kernel()


class _Merged:
    """The loops left after merging, outermost first, and addresses in terms of them."""

    def __init__(self, loops: list[Loop], addresses: list[Affine]):
        kept: list[tuple[Loop, list[Loop]]] = []
        factor = [dict(a.terms) for a in addresses]
        for loop in loops:
            if loop.size == 1:
                continue
            if kept and all(f.get(kept[-1][0], 0) == f.get(loop, 0) * loop.size for f in factor):
                outer, members = kept.pop()
                # the merged loop keeps the inner one's factors; its size is the product
                kept.append((loop, [*members, loop]))
                self._sizes[loop] = self._sizes[outer] * loop.size
            else:
                kept.append((loop, [loop]))
                self._sizes[loop] = loop.size
        self.loops = [Loop(loop.name, self._sizes[loop]) for loop, _ in kept]
        self._inner = {loop: Loop(loop.name, self._sizes[loop]) for loop, _ in kept}

    @property
    def _sizes(self) -> dict[Loop, int]:
        return self.__dict__.setdefault("sizes", {})

    def address(self, a: Affine) -> Affine:
        return Affine(a.constant, tuple((self._inner[v], f) for v, f in a.terms if v in self._inner))


class _Writer:
    def __init__(self, name, outputs, index, inputs, placed, stores, merged: _Merged):
        self.name, self.outputs, self.index = name, outputs, index
        self.inputs, self.placed, self.stores, self.merged = inputs, placed, stores, merged
        self.loops = merged.loops or [Loop("one", 1)]
        self.inner = self.loops[-1]
        self.outer = self.loops[:-1]
        self.body = Body()  # of the innermost loop
        self.head = Body()  # of the outer loop: what does not change inside
        self.head._count = 100_000
        self._starts: dict[tuple[Node, Affine], str] = {}

    def kernel(self) -> Kernel:
        computation = Computation(self.body, self.inputs, self._load)
        for output in self.outputs:
            value = computation.value(output, self.index)
            base, step = self._start(output, self.stores[output])
            self.body.store(value, base, step, output.dtype)
        work = math.prod(v.size for v in self.outer) if self.outer else self.inner.size
        cost = (self.inner.size if self.outer else 1) * max(len(self.body.lines), 1)
        return Kernel(self.name, self._text(), work, cost, frozenset(self.body.requires))

    def _load(self, node: Node, index: tuple[Affine, ...]) -> str:
        if node.op is ops.iota:
            start, step = self._split(self.merged.address(index[0]))
            place = self.body.add(f"add i64 {self._name(start)}, {self._times(step)}")
            return self.body.add(f"add i64 {place}, {node.attrs[1]}")
        base, step = self._start(node, linear(index, self.inputs[node].strides))
        return self.body.load(base, step, node.dtype)

    def _start(self, node: Node, address: Affine) -> tuple[str, str]:
        """(pointer at the inner loop's first element, index from there) for one load or store."""
        start, step = self._split(self.merged.address(address))
        key = (node, start)
        if key not in self._starts:
            kind = kind_of(node.dtype)
            assert kind is not None
            at = self._name(start)
            self._starts[key] = self.head.add(f"getelementptr inbounds {kind.memory}, ptr %p{self._slot(node)}, i64 {at}")
        return self._starts[key], self._times(step)

    def _slot(self, node: Node) -> str:
        place = self.placed[node]
        return f"{place.slot}_{place.offset}"

    def _split(self, address: Affine) -> tuple[Affine, int]:
        """(the part that does not change in the inner loop, the inner loop's factor)"""
        step = dict(address.terms).get(self.inner, 0)
        return Affine(address.constant, tuple((v, f) for v, f in address.terms if v != self.inner)), step

    def _name(self, address: Affine) -> str:
        total = str(address.constant)
        for loop, factor in address.terms:
            part = self.head.add(f"mul i64 %{loop.name}, {factor}")
            total = self.head.add(f"add i64 {total}, {part}")
        return total

    def _times(self, step: int) -> str:
        if step in (0, 1):
            return "%i" if step else "0"
        return self.body.add(f"mul i64 %i, {step}")

    def _text(self) -> str:
        slots = sorted({(p.slot, p.offset) for n, p in self.placed.items() if n in self.inputs or n in self.outputs})
        pointers = [f"%p{s}_{o}" for s, o in slots]
        signature = ", ".join([*(f"ptr noalias {p}" for p in pointers), "i64 %begin", "i64 %end"])
        text = [f"define internal void @{self.name}_body({signature}) noinline {{", *self._nest(), "}", ""]
        text.append(f"define void @{self.name}(ptr %table, i64 %begin, i64 %end) {{")
        for (slot, offset), pointer in zip(slots, pointers):
            bare = pointer[1:]
            text.append(f"  %e_{bare} = getelementptr inbounds ptr, ptr %table, i64 {slot}")
            text.append(f"  %b_{bare} = load ptr, ptr %e_{bare}")
            text.append(f"  {pointer} = getelementptr inbounds i8, ptr %b_{bare}, i64 {offset}")
        arguments = ", ".join([*(f"ptr {p}" for p in pointers), "i64 %begin", "i64 %end"])
        return "\n".join([*text, f"  call void @{self.name}_body({arguments})", "  ret void", "}"])

    def _nest(self) -> list[str]:
        if not self.outer:
            return [*self._head_lines(), *_loop("%begin", "%end", self.body.lines, "ret void", "entry")]
        lines = ["entry:", "  br label %outer", "outer:", "  %o = phi i64 [%begin, %entry], [%o_next, %inner_done]",
                 "  %more = icmp slt i64 %o, %end", "  br i1 %more, label %row, label %finish", "row:"]
        rest = "%o"
        for loop in reversed(self.outer[1:]):
            lines += [f"  %{loop.name} = urem i64 {rest}, {loop.size}", f"  %q_{loop.name} = udiv i64 {rest}, {loop.size}"]
            rest = f"%q_{loop.name}"
        lines += [f"  %{self.outer[0].name} = add i64 {rest}, 0", *self.head.lines]
        lines += _loop("0", str(self.inner.size), self.body.lines, None, "row")
        return [*lines, "  %o_next = add i64 %o, 1", "  br label %outer", "finish:", "  ret void"]

    def _head_lines(self) -> list[str]:
        return ["entry:", *self.head.lines]


def _loop(begin: str, end: str, body: list[str], after: str | None, before: str) -> list[str]:
    """for i in range(begin, end): body"""
    lines = [f"  br label %inner", "inner:", f"  %i = phi i64 [{begin}, %{before}], [%i_next, %inner_body]",
             f"  %again = icmp slt i64 %i, {end}", "  br i1 %again, label %inner_body, label %inner_done", "inner_body:",
             *body, "  %i_next = add nsw i64 %i, 1", "  br label %inner", "inner_done:"]
    return [*lines, f"  {after}"] if after else lines
