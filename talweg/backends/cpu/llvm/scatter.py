"""Kernels that write where an index says: scatter, scatter_add, index_put, onto a result that holds the rest already.

Every element of the result gets its updates in the order of the index, whatever the number of threads: threads share
the dimensions that are not indexed (the columns of an embedding's table), never the index.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ....core.shapes import Shape
from ....graph import ops
from ....graph.node import Node
from .affine import Affine, Loop, linear
from .body import Body
from .expression import STATUS_CELL, Chosen, Place, along, indexed, loads_of
from .nest import Accesses, Kernel, Merger, Pointers, count, decoded, for_loop, loops_of
from .scalars import EMITTERS
from .types import kind_of

SCATTERS = (ops.scatter, ops.scatter_add, ops.index_put)


def can_scatter(node: Node) -> bool:
    if node.op not in SCATTERS or kind_of(node.dtype) is None:
        return False
    indices = node.inputs[2:] if node.op is ops.index_put else node.inputs[1:2]
    return all(map(math.prod, (node.shape, written(node)[1]))) or not any(math.prod(i.shape) for i in indices)


def adds(node: Node) -> bool:
    return node.op is ops.scatter_add or (node.op is ops.index_put and node.attrs[1])


def written(node: Node) -> tuple[Node, Shape, tuple[int, ...]]:
    """The value that is written, the shape of what is used of it, and which of its dimensions the index goes through."""
    if node.op is not ops.index_put:
        return node.inputs[2], node.inputs[1].shape, (node.attrs[0],) if node.shape else ()
    dims = node.attrs[0]
    rank = max(len(i.shape) for i in node.inputs[2:])
    at = dims[0] if dims[-1] - dims[0] == len(dims) - 1 else 0
    return node.inputs[1], node.inputs[1].shape, tuple(range(at, at + rank))


def target(node: Node, index: tuple[Affine, ...]) -> tuple[list[Chosen], tuple[Affine, ...]]:
    """Where the value at `index` goes."""
    if node.op is ops.index_put:
        return indexed(node.shape, node.inputs[2:], node.attrs[0], index)
    return along(node.inputs[1], index, node.shape, node.attrs[0])


def scatter_loads(node: Node, placed: Mapping[Node, Place], found: dict) -> None:
    value, shape, _ = written(node)
    _, by_dim = loops_of(shape, range(len(shape)))
    index = tuple(by_dim[d] for d in range(len(shape)))
    found[STATUS_CELL, ()] = Affine(0)
    for one in target(node, index)[0]:
        loads_of(one.node, one.index, placed, found)
    loads_of(value, index, placed, found)


def scatter_kernel(name: str, outputs: Sequence[Node], placed: Mapping[Node, Place]) -> Kernel:
    """The kernel for the writes alone. Raises NotInline."""
    node = outputs[0]
    value, shape, sequence = written(node)
    inputs = {n: p for n, p in placed.items() if n is not node}
    loads: dict = {}
    scatter_loads(node, inputs, loads)
    loops, by_dim = loops_of(shape, range(len(shape)))
    index = tuple(by_dim[d] for d in range(len(shape)))
    chosen, to = target(node, index)
    address = linear(to, placed[node].strides)
    merger = Merger([*loads.values(), address])
    factor = dict(address.terms)
    free = sorted((loops[d] for d in range(len(shape)) if d not in sequence), key=lambda v: -factor.get(v, 0))
    columns = merger.merged(free) or [Loop("one", 1)]
    steps = merger.merged([loops[d] for d in sequence])
    body, head = Body(), Body("h")
    accesses = Accesses(body, head, columns[-1], merger, placed)
    computation = accesses.computation()
    computation.placed = inputs
    new = computation.value(value, index)
    to = computation.chosen(chosen, to)
    if adds(node):
        new = EMITTERS[ops.add](body, node, accesses.load(node, to), new)
    accesses.store(new, node, to)
    text, work = _nest(columns, steps, head, body)
    work = work if math.prod(shape) else 0
    used = [placed[n] for n, _ in loads if n in inputs] + [placed[node]]
    cost = len(body.lines) * count(steps) * count(columns) // max(work, 1)
    return Kernel(name, Pointers(used).wrap(name, text), work, cost, frozenset(body.requires))


def _nest(columns: list[Loop], steps: list[Loop], head: Body, body: Body) -> tuple[list[str], int]:
    """Threads share the outer columns, or the only loop of columns there is."""
    outer, inner = columns[:-1], columns[-1]
    begin, end = ("0", str(inner.size)) if outer else ("%begin", "%end")
    step = [*decoded("%m", steps), *head.lines, *for_loop("i", begin, end, body.lines, "m_body")]
    if not outer:
        return ["entry:", *for_loop("m", "0", str(count(steps)), step, "entry"), "  ret void"], inner.size
    row = [*decoded("%o", outer), *for_loop("m", "0", str(count(steps)), step, "o_body")]
    return ["entry:", *for_loop("o", "%begin", "%end", row, "entry"), "  ret void"], count(outer)
