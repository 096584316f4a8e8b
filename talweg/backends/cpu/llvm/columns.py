"""Kernels of groups that keep the dimension that lies innermost in memory: sums down the columns, many at a time.

A block of columns is gone through row after row, a few rows at once; their sums lie on the stack, in chunks of rows
that bound the rounding error. Values over the whole space are stored by the same pass. What is made of the finished
sums is computed at the end, once a column.
"""

from __future__ import annotations

from collections.abc import Mapping

from ....graph.node import Node
from .affine import Affine, Loop, linear, of_loop
from .body import Body
from .cost import weight
from .expression import Index, Place, loads_of
from .group import Group, plain_index
from .nest import Accesses, Kernel, Merger, Pointers, count, decoded, for_loop
from .reduction import WithResults, register, start, taken_in

BLOCK = 512  # columns at a time: their sums stay in the first-level cache
CHUNK = 256  # rows summed before they are added to the total
AT_ONCE = 4  # rows taken together, so that each sum is loaded and stored once for all of them
LONGEST_AT_ONCE = 60  # instructions a row


def column_kernel(name: str, group: Group, placed: Mapping[Node, Place]) -> Kernel:
    """The kernel of a group whose reductions do not depend on one another. Raises NotInline."""
    return _Columns(group, placed).kernel(name)


class _Columns:
    def __init__(self, group: Group, placed: Mapping[Node, Place]):
        self.group = group
        self.placed = placed
        self.inputs = {n: p for n, p in placed.items() if n not in group.members}
        self.plain = plain_index(group.space)
        self.full = [n for n in group.outputs if group.is_full(n)]
        self.once = [n for n in group.outputs if not group.is_full(n)]
        self.sums = list(group.reductions)
        self.bodies: list[Body] = []
        self._make_loops()

    def _make_loops(self) -> None:
        group, order = self.group, self.group.order
        last_reduced = max((i for i, d in enumerate(order) if d in group.dims), default=-1)
        inside = order[last_reduced + 1 :]
        loops = {d: Loop(f"d{d}", size) for d, size in enumerate(group.space)}
        self.loads: dict = {}
        for root in [*group.reductions.values(), *self.full]:
            loads_of(root, self.plain, self.inputs, self.loads)
        for node in self.once:
            loads_of(node, group.index_of(node), self.inputs, self.loads, group.reductions)
        self.merger = Merger([*self.loads.values(), *self._stored_addresses()])
        outside = [loops[d] for d in range(len(group.space)) if d in group.kept and d not in inside]
        columns = self.merger.merged([loops[d] for d in inside])
        self.outer = [*self.merger.merged(outside), *columns[:-1]]
        empty = [loops[d] for d in group.dims if d not in order and group.space[d] == 0]
        self.rows = self.merger.merged([*empty, *(loops[d] for d in order if d in group.dims)]) or [Loop("one", 1)]
        self.inner = columns[-1]

    def _partial_index(self, node: Node) -> Index:
        return (of_loop(Loop("part", self.group.parts)), *self.group.index_of(node))

    def _stored_addresses(self) -> list[Affine]:
        group = self.group
        parts = [linear(self._partial_index(r), self.placed[p].strides) for r, p in group.partials.items()]
        return [*parts, *(linear(group.index_of(n), self.placed[n].strides) for n in group.outputs)]

    # --- text
    def kernel(self, name: str) -> Kernel:
        group, blocks = self.group, -(-self.inner.size // BLOCK)
        chunks, row_weight = self._chunks("y_done")
        lines = [*self._start_of_block(blocks), *self._filled("total", "y", "o_body"), *chunks, *self._end_of_block("k_done")]
        entry = ["entry:"]
        for number, node in enumerate(self.sums):
            entry += [f"  %{array}{number} = alloca {register(node)}, i64 {BLOCK}, align 64" for array in ("sum", "total")]
        stored = [self.placed[n] for n in [*group.outputs, *group.partials.values()]]
        pointers = Pointers([*(self.placed[n] for n, _ in self.loads if n in self.inputs), *stored])
        text = pointers.wrap(name, [*entry, *for_loop("o", "%begin", "%end", lines, "entry"), "  ret void"])
        cost = row_weight * -(-count(self.rows) // group.parts) * min(BLOCK, self.inner.size)
        requires = frozenset(r for b in self.bodies for r in b.requires)
        return Kernel(name, text, count(self.outer) * group.parts * blocks, cost, requires)

    def _start_of_block(self, blocks: int) -> list[str]:
        parts, rows = self.group.parts, count(self.rows)
        share = -(-rows // parts)
        return [f"  %block = urem i64 %o, {blocks}", f"  %place = udiv i64 %o, {blocks}",
                f"  %part = urem i64 %place, {parts}", f"  %kept = udiv i64 %place, {parts}", *decoded("%kept", self.outer),
                f"  %low = mul i64 %part, {share}", f"  %above = add i64 %low, {share}",
                f"  %high = call i64 @llvm.smin.i64(i64 %above, i64 {rows})", f"  %first = mul i64 %block, {BLOCK}",
                f"  %left = sub i64 {self.inner.size}, %first",
                f"  %width = call i64 @llvm.smin.i64(i64 %left, i64 {BLOCK})"]

    def _filled(self, array: str, loop: str, before: str) -> list[str]:
        body = Body(f"{loop}_")
        for number, node in enumerate(self.sums):
            cell = self._cell(body, node, f"{array}{number}", f"%{loop}")
            body.do(f"store {register(node)} {start(node)}, ptr {cell}")
        return for_loop(loop, "0", "%width", body.lines, before)

    @staticmethod
    def _cell(body: Body, node: Node, array: str, at: str) -> str:
        return body.add(f"getelementptr inbounds {register(node)}, ptr %{array}, i64 {at}")

    def _chunks(self, before: str) -> tuple[list[str], int]:
        """All rows of a block, chunk by chunk."""
        single = self._rows("r", 1, "g_done")
        light = single[1] <= LONGEST_AT_ONCE
        at_once = AT_ONCE if light else 1
        many = self._rows("g", at_once, "z_done")[0] if at_once > 1 else ["  br label %g_done", "g_done:"]
        chunk = [f"  %past = mul i64 %k, {CHUNK}", "  %from = add i64 %low, %past", f"  %to = add i64 %from, {CHUNK}",
                 "  %stop = call i64 @llvm.smin.i64(i64 %to, i64 %high)", "  %have = sub i64 %stop, %from",
                 f"  %groups = sdiv i64 %have, {at_once if at_once > 1 else CHUNK + 1}",
                 f"  %grouped = mul i64 %groups, {at_once}", "  %rest = add i64 %from, %grouped",
                 *self._filled("sum", "z", "k_body"), *many, *single[0], *self._added("s", "r_done")]
        share = -(-count(self.rows) // self.group.parts)
        return for_loop("k", "0", str(-(-share // CHUNK)), chunk, before), single[1]

    def _rows(self, loop: str, at_once: int, before: str) -> tuple[list[str], int]:
        """A loop over rows, or over so many of them together, and the instructions of one element."""
        body, head = Body(f"{loop}v"), Body(f"{loop}h")
        self.bodies.append(body)
        lines, taken = [], []
        for copy in range(at_once):
            row = f"%{loop}{copy}"
            where = f"add i64 %{loop}, 0" if at_once == 1 else f"add i64 %{loop}_base, {copy}"
            merger, loops = self.merger.suffixed(self.rows, f"_{loop}{copy}")
            accesses = Accesses(body, head, self.inner, merger, self.placed, f"%{loop}c")
            lines += [f"  {row} = {where}", *decoded(row, loops)]
            taken.append(self._row_values(accesses))
        for number, node in enumerate(self.sums):
            cell = self._cell(body, node, f"sum{number}", f"%{loop}i")
            total = taken[0][number]
            for values in taken[1:]:
                total = taken_in(body, node, total, values[number])
            so_far = body.add(f"load {register(node)}, ptr {cell}")
            body.do(f"store {register(node)} {taken_in(body, node, so_far, total)}, ptr {cell}")
        column = [f"  %{loop}c = add nsw i64 %first, %{loop}i"]
        inside = for_loop(f"{loop}i", "0", "%width", [*column, *body.lines], f"{loop}_body")
        if at_once == 1:
            return for_loop(loop, "%rest", "%stop", [*lines, *head.lines, *inside], before), weight(body)
        base = [f"  %{loop}_past = mul i64 %{loop}, {at_once}", f"  %{loop}_base = add i64 %from, %{loop}_past"]
        return for_loop(loop, "0", "%groups", [*base, *lines, *head.lines, *inside], before), weight(body)

    def _row_values(self, accesses: Accesses) -> list[str]:
        """The operands at one row; its full outputs are stored."""
        values = accesses.computation()
        values.placed = self.inputs
        found = [values.value(x, self.plain) for x in self.group.reductions.values()]
        for node in self.full:
            accesses.store(values.value(node, self.plain), node, self.plain)
        return found

    def _added(self, loop: str, before: str) -> list[str]:
        """A chunk's sums to the totals."""
        body = Body(f"{loop}v")
        for number, node in enumerate(self.sums):
            to, by = (self._cell(body, node, f"{array}{number}", f"%{loop}") for array in ("total", "sum"))
            total, chunk = body.add(f"load {register(node)}, ptr {to}"), body.add(f"load {register(node)}, ptr {by}")
            body.do(f"store {register(node)} {taken_in(body, node, total, chunk)}, ptr {to}")
        return for_loop(loop, "0", "%width", body.lines, before)

    def _end_of_block(self, before: str) -> list[str]:
        """What is made of the totals, or the totals of a part, to their places."""
        body, head = Body("w"), Body("wh")
        self.bodies.append(body)
        accesses = Accesses(body, head, self.inner, self.merger, self.placed, "%wc")
        values = WithResults(body, self.inputs, accesses)
        totals = {}
        for number, node in enumerate(self.sums):
            totals[node] = body.add(f"load {register(node)}, ptr {self._cell(body, node, f'total{number}', '%wi')}")
            values.results[node] = body.rounded(totals[node], node.dtype)
        for node in self.once:
            index = self.group.index_of(node)
            accesses.store(values.value(node, index), node, index)
        for node, part in self.group.partials.items():
            accesses.store(totals[node], part, self._partial_index(node))
        column = ["  %wc = add nsw i64 %first, %wi"]
        return [*head.lines, *for_loop("wi", "0", "%width", [*column, *body.lines], before)]
