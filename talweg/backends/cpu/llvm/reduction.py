"""Kernels of one reduction, with whatever is pointwise before it computed on the way.

Rows: the reduced dimensions lie inside (their elements next to each other): one result at a time, partial sums in
vector registers. Columns: a kept dimension lies inside: a block of results at a time, held in registers or on the
stack, in chunks of rows that bound the rounding error.
"""

from __future__ import annotations

from collections.abc import Mapping

from ....graph import ops
from ....graph.node import Node
from .affine import Affine, Loop, linear
from .body import Body, literal
from .expression import Place, loads_of
from .nest import Accesses, Kernel, Merger, Pointers, count, decoded, for_loop, loops_of
from .types import Kind, kind_of

BLOCK = 64  # results of a column kernel held at a time
CHUNK = 256  # rows summed before they are added to the total


def can_reduce(node: Node) -> bool:
    return node.op in (ops.sum_, ops.amax, ops.amin, ops.prod) and node.dtype.name in ("float32", "float64")


def reduction_kernel(name: str, node: Node, placed: Mapping[Node, Place], inner_dim: int | None) -> Kernel:
    """The kernel for one reduction. `inner_dim` is the dimension of the operand that lies innermost in memory, None if
    unknown. Raises NotInline."""
    source = node.inputs[0]
    dims = node.attrs[0]
    if inner_dim is not None and inner_dim not in dims and source.shape[inner_dim] > 1:
        return _columns(name, node, placed, inner_dim)
    return _rows(name, node, placed)


def _identity(node: Node) -> str:
    number = {ops.sum_: 0.0, ops.prod: 1.0, ops.amax: float("-inf"), ops.amin: float("inf")}[node.op]
    return literal(number, node.dtype)


def _combined(body: Body, node: Node, kind: Kind, x: str, y: str, reassociate: bool = True) -> str:
    type = kind.register
    if node.op in (ops.sum_, ops.prod):
        name = "fadd" if node.op is ops.sum_ else "fmul"
        return body.add(f"{name} {'reassoc contract ' if reassociate else ''}{type} {x}, {y}")
    intrinsic = f"llvm.{'maximum' if node.op is ops.amax else 'minimum'}.{ {'float': 'f32', 'double': 'f64'}[type] }"
    return body.add(f"call {type} @{intrinsic}({type} {x}, {type} {y})")


def _output_index(node: Node, by_dim: Mapping[int, Affine]) -> tuple[Affine, ...]:
    dims, keepdim = node.attrs
    rank = len(node.inputs[0].shape)
    if keepdim:
        return tuple(Affine(0) if d in dims else by_dim[d] for d in range(rank))
    return tuple(by_dim[d] for d in range(rank) if d not in dims)


def _prepare(node: Node, placed: Mapping[Node, Place], order: list[int]):
    source = node.inputs[0]
    loops, by_dim = loops_of(source.shape, order)
    index = tuple(by_dim[d] for d in range(len(source.shape)))
    inputs = {n: p for n, p in placed.items() if n is not node}
    loads: dict = {}
    loads_of(source, index, inputs, loads)
    merger = Merger([*loads.values(), linear(_output_index(node, by_dim), placed[node].strides)])
    used = [placed[n] for n, _ in loads if n in inputs] + [placed[node]]
    return loops, by_dim, index, inputs, merger, used


def _rows(name: str, node: Node, placed: Mapping[Node, Place]) -> Kernel:
    source, dims = node.inputs[0], node.attrs[0]
    kept = [d for d in range(len(source.shape)) if d not in dims]
    loops, by_dim, index, inputs, merger, used = _prepare(node, placed, [*kept, *dims])
    outer = merger.merged(loops[: len(kept)])
    inside = merger.merged(loops[len(kept):]) or [Loop("one", 1)]
    kind = kind_of(node.dtype)
    assert kind is not None
    between, inner = inside[:-1], inside[-1]
    body, head, tail = Body(), Body("h"), Body("t")
    accesses = Accesses(body, head, inner, merger, placed)
    computation = accesses.computation()
    computation.placed = inputs
    value = computation.value(source, index)
    total = _combined(body, node, kind, "%acc", value)
    start = _identity(node)
    if between:  # one more loop around, whose sum starts where the inner one's ended
        run = [*decoded("%m", between), *head.lines,
               *for_loop("i", "0", str(inner.size), body.lines, "m_body", [("%acc", kind.register, "%sum", total)])]
        nest = for_loop("m", "0", str(count(between)), run, "o_body", [("%sum", kind.register, start, "%acc")])
        result = "%sum"
    else:
        nest = [*head.lines, *for_loop("i", "0", str(inner.size), body.lines, "o_body",
                                       [("%acc", kind.register, start, total)])]
        result = "%acc"
    at = Accesses(tail, tail, Loop("none", 1), merger, placed)
    at.store(result, node, _output_index(node, by_dim))
    lines = [*decoded("%o", outer), *nest, *tail.lines]
    text = Pointers(used).wrap(name, ["entry:", *for_loop("o", "%begin", "%end", lines, "entry"), "  ret void"])
    return Kernel(name, text, count(outer), len(body.lines) * count(inside), frozenset(body.requires))


def _columns(name: str, node: Node, placed: Mapping[Node, Place], inner_dim: int) -> Kernel:
    source, dims = node.inputs[0], node.attrs[0]
    kept = [d for d in range(len(source.shape)) if d not in dims and d != inner_dim]
    loops, by_dim, index, inputs, merger, used = _prepare(node, placed, [*kept, *dims, inner_dim])
    outer = merger.merged(loops[: len(kept)])
    rows = merger.merged(loops[len(kept):-1]) or [Loop("one", 1)]
    inner = merger.merged(loops[-1:])[0]
    kind = kind_of(node.dtype)
    assert kind is not None
    type = kind.register
    body, head, tail, tail_head = Body(), Body("h"), Body("t"), Body("u")
    accesses = Accesses(body, head, inner, merger, placed, "%c")
    computation = accesses.computation()
    computation.placed = inputs
    value = computation.value(source, index)
    cell = body.add(f"getelementptr inbounds {type}, ptr %part, i64 %i")
    body.do(f"store {type} {_combined(body, node, kind, body.add(f'load {type}, ptr {cell}'), value, False)}, ptr {cell}")
    column = ["  %c = add nsw i64 %first, %i"]
    fill = Body("f")
    fill.do(f"store {type} {_identity(node)}, ptr {fill.add(f'getelementptr inbounds {type}, ptr %WHICH, i64 %WHERE')}")

    def filled(label: str, which: str, before: str) -> list[str]:
        names = (("%WHICH", which), ("%WHERE", f"%{label}"), ("%f", f"%{label}f"))
        lines = fill.lines
        for old, new in names:
            lines = [line.replace(old, new) for line in lines]
        return for_loop(label, "0", "%width", lines, before)

    add = Body("a")
    to, by = (add.add(f"getelementptr inbounds {type}, ptr {p}, i64 %s") for p in ("%total", "%part"))
    before, chunk_sum = add.add(f"load {type}, ptr {to}"), add.add(f"load {type}, ptr {by}")
    add.do(f"store {type} {_combined(add, node, kind, before, chunk_sum, False)}, ptr {to}")
    one_row = [*decoded("%r", rows), *head.lines, *for_loop("i", "0", "%width", [*column, *body.lines], "r_body")]
    chunk = ["  %from = mul i64 %k, " + str(CHUNK), f"  %upto = add i64 %from, {CHUNK}",
             f"  %stop = call i64 @llvm.smin.i64(i64 %upto, i64 {count(rows)})", *filled("z", "%part", "k_body"),
             *for_loop("r", "%from", "%stop", one_row, "z_done"), *for_loop("s", "0", "%width", add.lines, "r_done")]
    out = Accesses(tail, tail_head, inner, merger, placed, "%c2")
    out.store(tail.add(f"load {type}, ptr {tail.add(f'getelementptr inbounds {type}, ptr %total, i64 %w')}"), node,
              _output_index(node, by_dim))
    blocks = -(-inner.size // BLOCK)
    lines = [f"  %block = urem i64 %o, {blocks}", f"  %place = udiv i64 %o, {blocks}", *decoded("%place", outer),
             f"  %first = mul i64 %block, {BLOCK}", f"  %left = sub i64 {inner.size}, %first",
             f"  %width = call i64 @llvm.smin.i64(i64 %left, i64 {BLOCK})", *filled("y", "%total", "o_body"),
             *for_loop("k", "0", str(-(-count(rows) // CHUNK)), chunk, "y_done"), *tail_head.lines,
             *for_loop("w", "0", "%width", ["  %c2 = add nsw i64 %first, %w", *tail.lines], "k_done")]
    text = Pointers(used).wrap(name, [
        "entry:", f"  %part = alloca {type}, i64 {BLOCK}, align 64", f"  %total = alloca {type}, i64 {BLOCK}, align 64",
        *for_loop("o", "%begin", "%end", lines, "entry"), "  ret void"])
    cost = len(body.lines) * count(rows) * min(BLOCK, inner.size)
    return Kernel(name, text, count(outer) * blocks, cost, frozenset(body.requires))
