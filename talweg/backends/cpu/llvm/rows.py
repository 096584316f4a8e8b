"""Kernels of groups whose reduced dimensions lie innermost in memory: one row after another, in several passes.

Each pass goes over the row, which is in the cache from the first one on: it takes values into the reductions whose
operands can be computed by then, and stores the values that can. Between passes lies what is computed once a row. A
value that took long and that a later pass needs again is kept: in the output it is stored to, or in a buffer of a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....core.shapes import contiguous_strides
from ....graph.node import Node
from .affine import Affine, Loop, linear, of_loop
from .body import Body
from .cost import is_dear, weight
from .expression import Chosen, Computation, Index, Place, loads_of
from .group import Group, passes, plain_index, visited
from .nest import Accesses, Kernel, Merger, Pointers, body_end, count, decoded, for_loop
from .reduction import WithResults, start, taken_in
from .row_loops import Carried, row_loops
from .types import kind_of

BUFFER = -2  # the slot of places on the stack
LONGEST_BUFFER = 16_384  # elements: a row that is kept shares the cache with the rows it is made from


def row_kernel(name: str, group: Group, placed: Mapping[Node, Place]) -> Kernel:
    """The kernel of a group, from what else is placed. Raises NotInline."""
    return _Rows(group, placed).kernel(name)


class _InPass(Computation):
    """Values in a pass. What stays the same all along the row is computed ahead of it."""

    def __init__(self, body: Body, placed: Mapping[Node, Place], accesses: Accesses, ahead: Computation, moving: set[Loop]):
        super().__init__(body, placed, accesses)
        self.ahead = ahead
        self.moving = moving

    def value(self, node: Node, index: Index) -> str:
        moves = any(loop in self.moving or isinstance(loop, Chosen) for i in index for loop, _ in i.terms)
        return super().value(node, index) if moves else self.ahead.value(node, index)


class _Rows:
    def __init__(self, group: Group, placed: Mapping[Node, Place]):
        self.group = group
        self.inputs = {n: p for n, p in placed.items() if n not in group.members}
        self.placed = dict(placed)
        self.plain = plain_index(group.space)
        self._share_out_work()
        self.kept = self._to_keep()
        self._make_loops()
        self.bodies: list[Body] = []
        self.sums: dict[Node, str] = {}  # of the passes so far
        self.ahead = WithResults(Body(), self.inputs, None)

    # --- what is computed when
    def _share_out_work(self) -> None:
        """The reductions and the full outputs of each pass, and the outputs that are stored once a row."""
        group = self.group
        roots = [*group.outputs, *group.reductions.values()]
        first = passes(group, roots, self.inputs)
        full = [n for n in group.outputs if group.is_full(n)]
        self.once = [n for n in group.outputs if not group.is_full(n)]
        turns = 1 + max(first[n] for n in [*full, *group.reductions.values()])
        self.reductions = [[r for r, x in group.reductions.items() if first[x] == k] for k in range(turns)]
        self.stores = [[n for n in full if first[n] == k] for k in range(turns)]

    def _roots(self, turn: int) -> list[Node]:
        return [*(self.group.reductions[r] for r in self.reductions[turn]), *self.stores[turn]]

    def _to_keep(self) -> dict[Node, int]:
        """What later passes load instead of computing it again, and the pass that stores it."""
        seen: dict[Node, int] = {}
        kept: dict[Node, int] = {}
        fits = self.group.reduced_count <= LONGEST_BUFFER
        for turn in range(len(self.stores)):

            def stop(node: Node, turn=turn) -> bool:
                if seen.get(node, turn) < turn:
                    kept[node] = seen[node]
                return node in kept or node in self.inputs or node in self.group.reductions

            found: dict = {}
            for root in self._roots(turn):
                visited(root, self.plain, stop, found)
            for node, index in found:
                worth = node in self.stores[turn] or (fits and is_dear(node))
                if worth and index == self.plain and node not in self.inputs and node.shape == self.group.space:
                    seen.setdefault(node, turn)
        return kept

    # --- loops
    def _make_loops(self) -> None:
        group, order = self.group, self.group.order
        loops = {d: Loop(f"d{d}", group.space[d]) for d in range(len(group.space))}
        sequence = [*(d for d in range(len(group.space)) if d not in order), *order]
        inside = [d for d in sequence if d in group.dims]
        self._place_buffers(inside)
        self.loads: dict = {}
        for turn in range(len(self.stores)):
            for root in self._roots(turn):
                loads_of(root, self.plain, self.inputs, self.loads, group.reductions)
        for node in self.once:
            loads_of(node, group.index_of(node), self.inputs, self.loads, group.reductions)
        self.merger = Merger([*self.loads.values(), *self._stored_addresses()])
        self.outer = self.merger.merged([loops[d] for d in sequence if d not in group.dims])
        self.inside = self.merger.merged([loops[d] for d in inside]) or [Loop("one", 1)]
        self.moving = {loops[d] for d in inside}

    def _place_buffers(self, inside: Sequence[int]) -> None:
        sizes = tuple(self.group.space[d] for d in inside)
        strides = dict(zip(inside, contiguous_strides(sizes)))
        self.buffers = {n: Place(BUFFER, i, tuple(strides.get(d, 0) for d in range(len(self.group.space))))
                        for i, n in enumerate(n for n in self.kept if n not in self.group.outputs)}
        self.placed.update(self.buffers)

    def _partial_index(self, node: Node) -> Index:
        return (of_loop(Loop("part", self.group.parts)), *self.group.index_of(node))

    def _stored_addresses(self) -> list[Affine]:
        group = self.group
        parts = [linear(self._partial_index(r), self.placed[p].strides) for r, p in group.partials.items()]
        outputs = [linear(group.index_of(n), self.placed[n].strides) for n in group.outputs]
        return [*parts, *outputs, *(linear(self.plain, p.strides) for p in self.buffers.values())]

    # --- text
    def kernel(self, name: str) -> Kernel:
        lines = self._start_of_row()
        for turn in range(len(self.stores)):
            if not self.group.reduced_count:  # then not even what stays the same along the row may be loaded
                self.sums.update({node: start(node) for node in self.reductions[turn]})
                continue
            lines += self._pass(turn, body_end(lines, "o_body"))
        lines += self._end_of_row()
        entry = ["entry:", *(self._room(p, n) for n, p in self.buffers.items())]
        text = self._pointers().wrap(name, [*entry, *for_loop("o", "%begin", "%end", lines, "entry"), "  ret void"])
        cost = sum(weight(b) for b in self.bodies) * -(-count(self.inside) // self.group.parts)
        return Kernel(name, text, count(self.outer) * self.group.parts, cost,
                      frozenset(r for b in self.bodies for r in b.requires))

    def _room(self, place: Place, node: Node) -> str:
        kind = kind_of(node.dtype)
        assert kind is not None
        return f"  {Pointers.name(place)} = alloca {kind.memory}, i64 {self.group.reduced_count}, align 64"

    def _pointers(self) -> Pointers:
        group = self.group
        stored = [self.placed[n] for n in [*group.outputs, *group.partials.values()]]
        return Pointers([*(self.placed[n] for n, _ in self.loads if n in self.inputs), *stored])

    def _start_of_row(self) -> list[str]:
        if self.group.parts == 1:
            return decoded("%o", self.outer)
        size = (self.inside[:1] if not self.inside[:-1] else [Loop("m", count(self.inside[:-1]))])[0].size
        share = -(-size // self.group.parts)
        return [f"  %part = urem i64 %o, {self.group.parts}", f"  %row = udiv i64 %o, {self.group.parts}",
                *decoded("%row", self.outer), f"  %low = mul i64 %part, {share}", f"  %above = add i64 %low, {share}",
                f"  %high = call i64 @llvm.smin.i64(i64 %above, i64 {size})"]

    def _section(self, prefix: str) -> Body:
        """Where from now on goes what is computed once a row."""
        section = Body(prefix)
        self.ahead.results = {n: section.rounded(v, n.dtype) for n, v in self.sums.items()}
        self.ahead.body = section
        self.ahead.accesses = Accesses(section, section, Loop("none", 1), self.merger, self.placed)
        self.bodies.append(section)
        return section

    def _pass(self, turn: int, before: str) -> list[str]:
        merger, loops = self.merger.suffixed(self.inside, f"_{turn}")
        body, head, section = Body(f"v{turn}_"), Body(f"h{turn}_"), self._section(f"s{turn}_")
        self.bodies += [body]
        accesses = Accesses(body, head, loops[-1], merger, self.placed, f"%i{turn}")
        there = {n: self.placed[n] for n, when in self.kept.items() if when < turn}
        values = _InPass(body, {**self.inputs, **there}, accesses, self.ahead, self.moving)
        carried = []
        for number, node in enumerate(self.reductions[turn]):
            name = f"acc{turn}_{number}"
            value = values.value(self.group.reductions[node], self.plain)
            carried.append(Carried(name, node, taken_in(body, node, f"%{name}", value, "reassoc contract")))
        to_store = [*self.stores[turn], *(n for n in self.buffers if self.kept[n] == turn)]
        for node in to_store:
            accesses.store(values.value(node, self.plain), node, self.plain)
        bounds = None if self.group.parts == 1 else ("%low", "%high")
        lines, names = row_loops(turn, before, loops, bounds, self.group.parts, head.lines, body.lines, carried)
        self.sums.update(zip((c.node for c in carried), names))
        return [*section.lines, *lines]

    def _end_of_row(self) -> list[str]:
        section = self._section("t")
        for node in self.once:
            value = self.ahead.value(node, self.group.index_of(node))
            self.ahead.accesses.store(value, node, self.group.index_of(node))
        for node, part in self.group.partials.items():
            self.ahead.accesses.store(self.sums[node], part, self._partial_index(node))
        return section.lines
