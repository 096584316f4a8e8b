"""Function bodies with loops and branches: `with` blocks that nest in the text as they do in the source.

Values that change from one iteration to the next live in cells on the stack, which LLVM turns into registers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ....graph.node import Node
from .affine import Loop
from .body import Body
from .expression import Computation, Place
from .nest import Accesses, Merger, decoded

NOTHING = Loop("none", 1)  # no loop is treated as the innermost: LLVM moves what does not change in it


class Flow(Body):
    """The body of one kernel, from its first instruction to its return."""

    def __init__(self) -> None:
        super().__init__()
        self._cells: list[str] = []
        self._block = "start"
        self._labels = 0

    def text(self) -> list[str]:
        return ["entry:", *self._cells, "  br label %start", "start:", *self.lines, "  ret void"]

    def cell(self, type: str, count: int = 1) -> str:
        """Room on the stack."""
        name = f"%cell{len(self._cells)}"
        self._cells.append(f"  {name} = alloca {type}, i64 {count}, align 64")
        return name

    def get(self, type: str, cell: str) -> str:
        return self.add(f"load {type}, ptr {cell}")

    def put(self, type: str, value: str, cell: str) -> None:
        self.do(f"store {type} {value}, ptr {cell}")

    def at(self, type: str, base: str, index: str) -> str:
        return self.add(f"getelementptr inbounds {type}, ptr {base}, i64 {index}")

    def smaller(self, a: str | int, b: str | int) -> str:
        return self.add(f"call i64 @llvm.smin.i64(i64 {a}, i64 {b})")

    def larger(self, a: str | int, b: str | int) -> str:
        less = self.add(f"icmp slt i64 {a}, {b}")
        return self.add(f"select i1 {less}, i64 {b}, i64 {a}")

    def integer(self, name: str, a: str | int, b: str | int) -> str:
        return self.add(f"{name} i64 {a}, {b}")

    def _enter(self, label: str) -> None:
        self.label(label)
        self._block = label

    def _new_label(self) -> str:
        self._labels += 1
        return f"l{self._labels}"

    @contextlib.contextmanager
    def loop(self, begin: str | int, end: str | int, step: str | int = 1) -> Iterator[str]:
        """for value in range(begin, end, step)"""
        label, counter = self._new_label(), self.name()
        self.do(f"br label %{label}_head")
        before = self._block
        self._enter(f"{label}_head")
        here = len(self.lines)
        self.lines.append("")  # the phi, once it is known where the loop's end comes from
        more = self.add(f"icmp slt i64 {counter}, {end}")
        self.do(f"br i1 {more}, label %{label}_body, label %{label}_done")
        self._enter(f"{label}_body")
        yield counter
        following = self.add(f"add nsw i64 {counter}, {step}")
        self.do(f"br label %{label}_head")
        self.lines[here] = f"  {counter} = phi i64 [{begin}, %{before}], [{following}, %{self._block}]"
        self._enter(f"{label}_done")

    @contextlib.contextmanager
    def when(self, condition: str) -> Iterator[None]:
        label = self._new_label()
        self.do(f"br i1 {condition}, label %{label}_then, label %{label}_done")
        self._enter(f"{label}_then")
        yield
        self.do(f"br label %{label}_done")
        self._enter(f"{label}_done")

    def define(self, loop: Loop, value: str) -> None:
        """Give a loop variable of the addresses its value."""
        self.lines.append(f"  %{loop.name} = add i64 {value}, 0")

    def decode(self, flat: str, loops: Sequence[Loop]) -> None:
        self.lines += decoded(flat, loops)

    @contextlib.contextmanager
    def nested(self, loops: Iterable[Loop]) -> Iterator[None]:
        """All these loops, the first outermost."""
        with contextlib.ExitStack() as stack:
            for loop in loops:
                self.define(loop, stack.enter_context(self.loop(0, loop.size)))
            yield


def accesses_in(flow: Flow, merger: Merger, placed: Mapping[Node, Place]) -> Accesses:
    """Loads and stores at this point of the text, and nowhere else."""
    return Accesses(flow, flow, NOTHING, merger, placed)


def computation_in(flow: Flow, merger: Merger, placed: Mapping[Node, Place], inputs: Mapping[Node, Place]) -> Computation:
    """Values computed at this point of the text from those that are `inputs`."""
    return Computation(flow, inputs, accesses_in(flow, merger, placed))
