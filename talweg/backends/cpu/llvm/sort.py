"""The kernel of argsort: a stable merge sort of each row, on keys that compare as unsigned integers.

A key has the order of the value it is made from: -0 equals 0, every nan is equal and the largest, and a descending sort
complements the bits. Rows are shared among threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....core.dtypes import dtype as DType
from ....core.dtypes import int64
from ....graph import ops
from ....graph.node import Node, data
from .affine import linear
from .expression import Place, loads_of
from .flow import Flow, computation_in
from .nest import Kernel, Merger, Pointers, count, loops_of
from .types import kind_of

_WIDTH = {"i1": 1, "i8": 8, "i16": 16, "i32": 32, "i64": 64}


def can_sort(node: Node) -> bool:
    return node.op is ops.argsort and kind_of(node.inputs[0].dtype) is not None


def sort_scratch(node: Node) -> list[Node]:
    """Room for two sets of keys and one more of positions."""
    return [Node(data, (), (), node.shape, int64) for _ in range(3)]


def sort_loads(node: Node, placed: Mapping[Node, Place], found: dict) -> None:
    source = node.inputs[0]
    _, by_dim = loops_of(source.shape, range(len(source.shape)))
    loads_of(source, tuple(by_dim[d] for d in range(len(source.shape))), placed, found)


def sort_kernel(name: str, outputs: Sequence[Node], placed: Mapping[Node, Place]) -> Kernel:
    """The kernel for the positions in order. All outputs lie with the sorted dimension innermost. Raises NotInline."""
    node, source = outputs[0], outputs[0].inputs[0]
    inputs = {n: p for n, p in placed.items() if n not in outputs}
    loads: dict = {}
    sort_loads(node, inputs, loads)
    loops, by_dim = loops_of(source.shape, range(len(source.shape)))
    index = tuple(by_dim[d] for d in range(len(source.shape)))
    merger = Merger([*loads.values(), linear(index, placed[node].strides)])
    dim = node.attrs[0] if source.shape else -1
    rows = [loop for d, loop in enumerate(loops) if d != dim]
    size = source.shape[dim] if source.shape else 1
    flow = Flow()
    with flow.loop("%begin", "%end") as row:
        flow.decode(row, rows)
        start = flow.integer("mul", row, size)
        places, keys, other_keys, others = (
            flow.at("i64", Pointers.name(placed[o]), start) for o in (outputs[0], outputs[1], outputs[2], outputs[3]))
        passes = max(size - 1, 0).bit_length()
        here, there = ((keys, places), (other_keys, others))
        if passes % 2:  # the last pass has to end in the result
            here, there = there, here
        with flow.loop(0, size) as at:
            if source.shape and size != 1:
                flow.define(loops[dim], at)
            value = computation_in(flow, merger, placed, inputs).value(source, index)
            flow.put("i64", _key(flow, value, source.dtype, node.attrs[1]), flow.at("i64", here[0], at))
            flow.put("i64", at, flow.at("i64", here[1], at))
        _passes(flow, passes, size, here, there)
    used = [placed[n] for n, _ in loads if n in inputs] + [placed[o] for o in outputs]
    text = Pointers(used).wrap(name, flow.text())
    return Kernel(name, text, count(rows), size * (20 + 12 * passes), frozenset(flow.requires))


def _key(flow: Flow, value: str, dtype: DType, descending: bool) -> str:
    """An unsigned i64 in the order of the values."""
    kind = kind_of(dtype)
    assert kind is not None
    key = _float_key(flow, value, kind.register) if kind.is_float else _integer_key(flow, value, kind)
    return flow.integer("xor", key, -1) if descending else key


def _integer_key(flow: Flow, value: str, kind) -> str:
    extend = "sext" if kind.is_signed else "zext"
    wide = value if kind.register == "i64" else flow.add(f"{extend} {kind.register} {value} to i64")
    return flow.integer("xor", wide, -(1 << 63)) if kind.is_signed else wide


def _float_key(flow: Flow, value: str, type: str) -> str:
    """A negative number's bits complemented, a positive one's with the highest bit set."""
    bits = {"float": 32, "double": 64}[type]
    zero_is_positive = flow.add(f"fadd {type} {value}, 0.0")
    raw = flow.add(f"bitcast {type} {zero_is_positive} to i{bits}")
    negative = flow.add(f"ashr i{bits} {raw}, {bits - 1}")
    mask = flow.add(f"or i{bits} {negative}, {-(1 << (bits - 1))}")
    key = flow.add(f"xor i{bits} {raw}, {mask}")
    nan = flow.add(f"fcmp uno {type} {value}, {value}")
    key = flow.add(f"select i1 {nan}, i{bits} -1, i{bits} {key}")
    return key if bits == 64 else flow.add(f"zext i32 {key} to i64")


Buffers = tuple[str, str]  # keys, positions


def _passes(flow: Flow, passes: int, size: int, here: Buffers, there: Buffers) -> None:
    """Runs of 1, 2, 4... elements merged two by two, from one pair of buffers to the other and back."""
    cells = [flow.cell("ptr") for _ in range(4)]
    for cell, pointer in zip(cells, (*here, *there)):
        flow.put("ptr", pointer, cell)
    with flow.loop(0, passes) as number:
        width = flow.integer("shl", 1, number)
        pointers = [flow.get("ptr", cell) for cell in cells]
        with flow.loop(0, size, flow.integer("shl", width, 1)) as low:
            middle = flow.smaller(flow.integer("add", low, width), size)
            high = flow.smaller(flow.integer("add", middle, width), size)
            _merge(flow, (low, middle, high), size, (pointers[0], pointers[1]), (pointers[2], pointers[3]))
        for cell, pointer in zip(cells, (*pointers[2:], *pointers[:2])):
            flow.put("ptr", pointer, cell)


def _merge(flow: Flow, bounds: tuple[str, str, str], size: int, source: Buffers, to: Buffers) -> None:
    """Of two neighbouring runs one, without branches: equal keys from the left one first."""
    low, middle, high = bounds
    left, right = flow.cell("i64"), flow.cell("i64")
    flow.put("i64", low, left)
    flow.put("i64", middle, right)
    with flow.loop(low, high) as at:
        i, j = flow.get("i64", left), flow.get("i64", right)
        key_left = flow.get("i64", flow.at("i64", source[0], flow.smaller(i, size - 1)))
        key_right = flow.get("i64", flow.at("i64", source[0], flow.smaller(j, size - 1)))
        ordered = flow.add(f"icmp ule i64 {key_left}, {key_right}")
        finished = flow.add(f"icmp sge i64 {j}, {high}")
        first = flow.add(f"or i1 {ordered}, {finished}")
        first = flow.add(f"and i1 {first}, {flow.add(f'icmp slt i64 {i}, {middle}')}")
        flow.put("i64", flow.add(f"select i1 {first}, i64 {key_left}, i64 {key_right}"), flow.at("i64", to[0], at))
        taken = flow.add(f"select i1 {first}, i64 {i}, i64 {j}")
        flow.put("i64", flow.get("i64", flow.at("i64", source[1], taken)), flow.at("i64", to[1], at))
        step = flow.add(f"zext i1 {first} to i64")
        flow.put("i64", flow.integer("add", i, step), left)
        flow.put("i64", flow.integer("sub", flow.integer("add", j, 1), step), right)
