"""Kernels that go along some dimensions with a state: reductions that are not floats' sums and extrema, positions of
extrema, and scans, which store the state at every step.

Rows: the dimensions lie inside, one state in registers. Columns: another dimension lies inside, a block of states on
the stack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ....core.dtypes import dtype as DType
from ....core.dtypes import iinfo
from ....graph import ops
from ....graph.node import Node
from .affine import Affine, Loop, linear, of_loop
from .body import Body, literal
from .expression import Place, loads_of
from .flow import Flow, accesses_in, computation_in
from .nest import Kernel, Merger, Pointers, count, loops_of
from .scalars import EMITTERS, truth
from .types import kind_of

BLOCK = 64  # columns whose states are held at a time
CANDIDATES = 16  # of a row's extremum, side by side
SCANS = (ops.cumsum, ops.cumprod)
POSITIONS = (ops.argmax, ops.argmin)
REDUCTIONS = (ops.sum_, ops.prod, ops.amax, ops.amin, ops.any_, ops.all_)


@dataclass(frozen=True)
class State:
    """What is kept along the way: LLVM types, first values, and the step (body, state, value, position) -> state."""

    types: tuple[str, ...]
    first: tuple[str, ...]
    step: Callable[[Body, Sequence[str], str, str], Sequence[str]]


def can_fold(node: Node) -> bool:
    source = node.inputs[0] if node.inputs else None
    if source is None or kind_of(node.dtype) is None or kind_of(source.dtype) is None:
        return False
    if node.op in SCANS or node.op in POSITIONS:
        return True
    return node.op in REDUCTIONS and (0 not in source.shape or node.op not in (ops.amax, ops.amin))


def along(node: Node) -> tuple[int, ...]:
    """The dimensions it goes along."""
    if node.op in REDUCTIONS:
        return node.attrs[0]
    return (node.attrs[0],) if node.inputs[0].shape else ()


# --- states
def extreme(dtype: DType, largest: bool) -> str:
    """The largest or the smallest number of a dtype."""
    if dtype.is_floating_point:
        return literal(float("inf") if largest else float("-inf"), dtype)
    if dtype.name == "bool":
        return literal(largest, dtype)
    return literal(iinfo(dtype).max if largest else iinfo(dtype).min, dtype)


def _register(dtype: DType) -> str:
    kind = kind_of(dtype)
    assert kind is not None
    return kind.register


def state_of(node: Node) -> State:
    dtype = node.inputs[0].dtype
    type = _register(dtype)
    if node.op in POSITIONS:
        return State((type, "i64"), (extreme(dtype, node.op is ops.argmin), "0"), _position_step(node))
    if node.op in (ops.any_, ops.all_):
        name, start = ("or", "false") if node.op is ops.any_ else ("and", "true")
        return State(("i1",), (start,), lambda b, s, x, at: [b.add(f"{name} i1 {s[0]}, {truth(b, dtype, x)}")])
    if node.op in (ops.amax, ops.amin):
        emit = EMITTERS[ops.maximum if node.op is ops.amax else ops.minimum]
        return State((type,), (extreme(dtype, node.op is ops.amin),), lambda b, s, x, at: [emit(b, node, s[0], x)])
    return State((type,), (literal(1 if node.op in (ops.prod, ops.cumprod) else 0, dtype),), _arithmetic_step(node))


def _arithmetic_step(node: Node):
    """Sums and products: a reduction's in any order, a scan's one after another."""
    multiplies = node.op in (ops.prod, ops.cumprod)
    emit = EMITTERS[ops.mul if multiplies else ops.add]
    if node.op in SCANS or not node.dtype.is_floating_point:
        return lambda b, s, x, at: [emit(b, node, s[0], x)]
    name = f"{'fmul' if multiplies else 'fadd'} reassoc {_register(node.dtype)}"
    return lambda b, s, x, at: [b.add(f"{name} {s[0]}, {x}")]


def _position_step(node: Node):
    """The first of equal extrema, when the elements come in order."""

    def step(body: Body, state: Sequence[str], x: str, at: str) -> Sequence[str]:
        return _chosen(body, node, _beats(body, node, x, state[0]), (x, at), state)

    return step


def _chosen(body: Body, node: Node, wins: str, new: Sequence[str], old: Sequence[str]) -> list[str]:
    types = (_register(node.inputs[0].dtype), "i64")
    return [body.add(f"select i1 {wins}, {t} {a}, {t} {b}") for t, a, b in zip(types, new, old)]


def _beats(body: Body, node: Node, x: str, best: str) -> str:
    """Whether x comes before `best` wherever it stands: nan before everything else."""
    kind = kind_of(node.inputs[0].dtype)
    assert kind is not None
    type, word = kind.register, "gt" if node.op is ops.argmax else "lt"
    if not kind.is_float:
        return body.add(f"icmp {'s' if kind.is_signed else 'u'}{word} {type} {x}, {best}")
    wins = body.add(f"fcmp u{word} {type} {x}, {best}")
    return body.add(f"and i1 {wins}, {body.add(f'fcmp ord {type} {best}, {best}')}")


def earlier_of(body: Body, node: Node, state: Sequence[str], other: Sequence[str]) -> list[str]:
    """Of two extrema and where they are the better one, of equal ones the first."""
    wins, loses = _beats(body, node, other[0], state[0]), _beats(body, node, state[0], other[0])
    before = body.add(f"icmp slt i64 {other[1]}, {state[1]}")
    tie = body.add(f"and i1 {before}, {body.add(f'xor i1 {loses}, true')}")
    return _chosen(body, node, body.add(f"or i1 {wins}, {tie}"), other, state)


# --- kernels
def fold_loads(node: Node, placed: Mapping[Node, Place], found: dict) -> None:
    source = node.inputs[0]
    _, by_dim = loops_of(source.shape, range(len(source.shape)))
    loads_of(source, tuple(by_dim.values()), placed, found)


class _Fold:
    """What the two forms have in common."""

    def __init__(self, node: Node, placed: Mapping[Node, Place]):
        self.node, self.placed = node, placed
        self.source, self.dims = node.inputs[0], along(node)
        self.inputs = {n: p for n, p in placed.items() if n is not node}
        loads: dict = {}
        fold_loads(node, self.inputs, loads)
        self.inner = _innermost(self.source, loads.values())
        rank = range(len(self.source.shape))
        self.loops, self.by_dim = loops_of(self.source.shape, rank)
        self.index = tuple(self.by_dim[d] for d in rank)
        self.merger = Merger([*loads.values(), linear(self.output_index(), placed[node].strides)])
        self.used = [placed[n] for n, _ in loads if n in self.inputs] + [placed[node]]
        self.state = state_of(node)
        self.flow = Flow()

    def output_index(self) -> tuple[Affine, ...]:
        if self.node.op in SCANS:
            return self.index
        kept = [Affine(0) if d in self.dims else i for d, i in enumerate(self.index)]
        return tuple(kept) if self.node.attrs[1] else tuple(i for d, i in enumerate(kept) if d not in self.dims)

    def cells(self, size: int) -> list[str]:
        return [self.flow.cell(_held(t), size) for t in self.state.types]

    def begin(self, cells: Sequence[str]) -> None:
        self.put(self.state.first, cells)

    def get(self, cells: Sequence[str]) -> list[str]:
        return [_to_register(self.flow, t, self.flow.get(_held(t), c)) for t, c in zip(self.state.types, cells)]

    def put(self, values: Sequence[str], cells: Sequence[str]) -> None:
        for type, value, cell in zip(self.state.types, values, cells):
            self.flow.put(_held(type), _to_cell(self.flow, type, value), cell)

    def step(self, cells: Sequence[str], along: Affine | None = None) -> None:
        """One element goes in, at `along` in the only dimension if that is given; of a scan the result so far goes out."""
        compute = computation_in(self.flow, self.merger, self.placed, self.inputs)
        index = self.index
        if along is not None:
            index = tuple(along if d in self.dims else i for d, i in enumerate(index))
        at = "0"
        if self.node.op in POSITIONS and self.dims:
            at = accesses_in(self.flow, self.merger, self.placed).sum_of(index[self.dims[0]])
        after = self.state.step(self.flow, self.get(cells), compute.value(self.source, index), at)
        self.put(after, cells)
        if self.node.op in SCANS:
            self.store(after)

    def store(self, state: Sequence[str]) -> None:
        accesses_in(self.flow, self.merger, self.placed).store(state[-1], self.node, self.output_index())

    def kernel(self, name: str, work: int, cost: int) -> Kernel:
        text = Pointers(self.used).wrap(name, self.flow.text())
        return Kernel(name, text, work, cost, frozenset(self.flow.requires))


def _held(type: str) -> str:
    return "i8" if type == "i1" else type


def _to_cell(flow: Flow, type: str, value: str) -> str:
    return flow.add(f"zext i1 {value} to i8") if type == "i1" else value


def _to_register(flow: Flow, type: str, value: str) -> str:
    return flow.add(f"icmp ne i8 {value}, 0") if type == "i1" else value


def _innermost(source: Node, addresses) -> int | None:
    """The dimension whose neighbours are nearest in memory, in the load that depends on the most dimensions."""
    best = max(addresses, key=lambda a: len(a.terms), default=None)
    near = [(abs(f), loop.name) for loop, f in best.terms if loop.name[0] == "d"] if best is not None else []
    if near:
        return int(min(near)[1][1:])
    return max((d for d, n in enumerate(source.shape) if n > 1), default=None)


def fold_kernel(name: str, outputs: Sequence[Node], placed: Mapping[Node, Place]) -> Kernel:
    """The kernel for a reduction, a position or a scan. Raises NotInline."""
    fold = _Fold(outputs[0], placed)
    size = fold.source.shape[fold.inner] if fold.inner is not None else 1
    if outputs[0].op in POSITIONS and fold.dims == (fold.inner,) and size >= 2 * CANDIDATES:
        return _positions(name, fold)
    if fold.inner in fold.dims or size < 8:
        return _rows(name, fold)
    return _columns(name, fold)


def _rows(name: str, fold: _Fold) -> Kernel:
    flow = fold.flow
    kept = [loop for d, loop in enumerate(fold.loops) if d not in fold.dims]
    outer = fold.merger.merged(kept)
    inside = fold.merger.merged([fold.loops[d] for d in fold.dims])
    cells = fold.cells(1)
    with flow.loop("%begin", "%end") as row:
        flow.decode(row, outer)
        fold.begin(cells)
        with flow.nested(inside):
            fold.step(cells)
        if fold.node.op not in SCANS:
            fold.store(fold.get(cells))
    return fold.kernel(name, count(outer), 8 * count(inside))


def _positions(name: str, fold: _Fold) -> Kernel:
    """Rows of one dimension whose extremum's place is sought: several candidates side by side, compared at the end."""
    flow, dim = fold.flow, fold.dims[0]
    size = fold.source.shape[dim]
    outer = fold.merger.merged([loop for d, loop in enumerate(fold.loops) if d != dim])
    rest, whole = Loop("rest", size), size // CANDIDATES * CANDIDATES
    cells, best = fold.cells(CANDIDATES), fold.cells(1)
    with flow.loop("%begin", "%end") as row:
        flow.decode(row, outer)
        with flow.loop(0, CANDIDATES) as lane:
            fold.begin(_lanes(fold, cells, lane))
        with flow.loop(0, whole, CANDIDATES) as first, flow.loop(0, CANDIDATES) as lane:
            flow.define(fold.loops[dim], flow.integer("add", first, lane))
            fold.step(_lanes(fold, cells, lane))
        with flow.loop(whole, size) as at:
            flow.define(rest, at)
            fold.step(_lanes(fold, cells, flow.integer("sub", at, whole)), of_loop(rest))
        fold.begin(best)
        with flow.loop(0, CANDIDATES) as lane:
            fold.put(earlier_of(flow, fold.node, fold.get(best), fold.get(_lanes(fold, cells, lane))), best)
        fold.store(fold.get(best))
    return fold.kernel(name, count(outer), 2 * size)


def _columns(name: str, fold: _Fold) -> Kernel:
    flow = fold.flow
    kept = [loop for d, loop in enumerate(fold.loops) if d not in fold.dims and d != fold.inner]
    outer = fold.merger.merged(kept)
    inside = fold.merger.merged([fold.loops[d] for d in fold.dims])
    assert fold.inner is not None
    inner = fold.loops[fold.inner]
    fold.merger.merged([inner])
    blocks = -(-inner.size // BLOCK)
    cells = fold.cells(BLOCK)
    with flow.loop("%begin", "%end") as block:
        flow.decode(flow.integer("udiv", block, blocks), outer)
        first = flow.integer("mul", flow.integer("urem", block, blocks), BLOCK)
        width = flow.smaller(flow.integer("sub", inner.size, first), BLOCK)
        with flow.loop(0, width) as lane:
            fold.begin(_lanes(fold, cells, lane))
        with flow.nested(inside), flow.loop(0, width) as lane:
            flow.define(inner, flow.integer("add", first, lane))
            fold.step(_lanes(fold, cells, lane))
        if fold.node.op not in SCANS:
            _store_lanes(fold, cells, inner, first, width)
    return fold.kernel(name, count(outer) * blocks, 8 * count(inside) * min(BLOCK, inner.size))


def _lanes(fold: _Fold, cells: Sequence[str], lane: str) -> list[str]:
    return [fold.flow.at(_held(t), c, lane) for t, c in zip(fold.state.types, cells)]


def _store_lanes(fold: _Fold, cells: Sequence[str], inner: Loop, first: str, width: str) -> None:
    flow = fold.flow
    with flow.loop(0, width) as lane:
        state = fold.get(_lanes(fold, cells, lane))
        column = flow.integer("add", first, lane)
        address = linear(fold.output_index(), fold.placed[fold.node].strides)
        rest = Affine(address.constant, tuple((v, f) for v, f in address.terms if v != inner))
        to = flow.integer("mul", column, dict(address.terms).get(inner, 0))
        start = accesses_in(flow, fold.merger, fold.placed).sum_of(rest)
        flow.store(state[-1], Pointers.name(fold.placed[fold.node]), flow.integer("add", start, to), fold.node.dtype)
