"""Recurrent layers: the loop of the reference, with the weight packed once a call and each step's pointwise part one
kernel.

A product of 32x256 by 256x1024 whose weight oneDNN has to bring into its own layout first costs as much again as the
product itself; a layer does it once for all of its steps. The cells' kernels are generated from the same graph functions
that define the operation.
"""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...core.dtypes import float32
from ...graph.node import Node, data, grad_mode
from ...graph.ops.pointwise import add
from ...graph.ops.recurrent_cells import CELLS, Cell
from ..reference.recurrent import BACKWARD, FORWARD, new_gradients, new_states
from . import primitives
from .arrays import element_strides, pointer
from .bindings import Argument, DataType
from .cache import Cache
from .library import available
from .llvm.commands import CommandList
from .llvm.expression import Place
from .llvm.pointwise import pointwise_kernel
from .plans import Plan
from .primitives import Descriptor

WORTH_COMPILING = 1 << 21
"""Elements that a cell must have computed in NumPy before it gets a kernel, which takes some 40 ms to compile: a count, and
not a time, so that two runs give the same bits."""

_SMALLEST = 1 << 14
"""Multiplications of one step below which NumPy does them."""


class _Product(NamedTuple):
    """h (M, K) times a packed weight (K, N): how the weight is packed, and the product."""

    packing: Plan
    packed_bytes: int
    product: Plan
    shape: tuple[int, int]


_products: Cache[_Product] = Cache(256)
_cells: Cache[_CellKernel] = Cache(256)
_computed: dict[tuple, int] = {}
atexit.register(_cells.clear)  # native code is given back while LLVM is still there


class PackedWeight:
    """Multiplies by one weight, given as (K, N) in any strides, again and again; the result is overwritten each time."""

    def __init__(self, weight: np.ndarray, rows: int, row_step: int):
        strides = element_strides(weight)
        key = (weight.shape, strides, rows, row_step)
        self._plans = _products.find(key) or _products.put(key, _prepared(weight.shape, strides, rows, row_step))
        self._packed = np.empty(self._plans.packed_bytes + 64, np.uint8)
        self._at = pointer(self._packed) + -pointer(self._packed) % 64
        self._result = np.empty(self._plans.shape, np.float32)
        self._plans.packing.run([pointer(weight), self._at])

    def __call__(self, x: np.ndarray) -> np.ndarray:
        self._plans.product.run([pointer(x), self._at, pointer(self._result)])
        return self._result


def _prepared(shape, strides, rows: int, row_step: int) -> _Product:
    inner, columns = shape
    x = Descriptor.strided((rows, inner), (row_step, 1), DataType.F32)
    y = Descriptor.strided((rows, columns), (columns, 1), DataType.F32)
    primitive = primitives.matmul(x, Descriptor.free(shape, DataType.F32), y)
    layout = primitive.layouts[Argument.WEIGHTS]
    packing, product = Plan(), Plan()
    plain = packing.argument(Descriptor.strided(shape, strides, DataType.F32))
    packing.add(primitives.reorder(plain.layout, layout), {Argument.SRC: plain, Argument.DST: packing.argument(layout)})
    product.add(primitive, {Argument.SRC: product.argument(x), Argument.WEIGHTS: product.argument(layout),
                            Argument.DST: product.argument(y)})
    return _Product(packing, layout.nbytes, product, (rows, columns))


class _CellKernel:
    """One step's pointwise part as native code, called with the arrays it was made for."""

    def __init__(self, inputs: Sequence[Node], outputs: Sequence[Node], strides: Sequence[tuple[int, ...] | None]):
        slots = {node: Place(i, 0, s or ()) for i, (node, s) in enumerate(zip([*inputs, *outputs], strides))}
        self._commands = CommandList()
        self._commands.kernel(pointwise_kernel("cell", outputs, slots))
        self._commands.build()

    def __call__(self, *arrays: np.ndarray) -> None:
        for slot, array in enumerate(arrays):
            self._commands.point(slot, pointer(array))
        self._commands.run(0, 1)


def stand_in(shape) -> Node:
    return Node(data, (), (), shape, float32)


def forward_graph(cell: Cell, batch: int, width: int) -> tuple[list[Node], list[Node]]:
    x, p = (stand_in((batch, cell.gates * width)) for _ in range(2))
    bias = stand_in((cell.gates * width,))
    states = [stand_in((batch, width)) for _ in range(cell.states)]
    with grad_mode(False):
        outputs = cell.forward(x, p, bias, states[0], states[-1])
    return [x, p, bias, *states], list(outputs)


def backward_graph(cell: Cell, batch: int, width: int) -> tuple[list[Node], list[Node]]:
    g, p = (stand_in((batch, width)) for _ in range(2))
    carry = [stand_in((batch, width)) for _ in range(cell.has_carry)]
    before, now = ([stand_in((batch, width)) for _ in range(cell.states)] for _ in range(2))
    saved = [stand_in((batch, width)) for _ in range(cell.saved)]
    with grad_mode(False):
        outputs = cell.backward(add(g, p), carry[0] if carry else None, before[0], before[-1], now[0], now[-1], *saved)
    return [g, p, *carry, *before, *now, *saved], list(outputs)


def _step(kind: str, graph, plain, elements: int):
    """What computes a step: NumPy's function until enough has been computed to pay for a kernel."""

    def choose(*arrays):
        strides = tuple([element_strides(a) for a in arrays])
        key = (graph, kind, arrays[-1].shape, strides)
        kernel = _cells.find(key)
        if kernel is None:
            _computed[key] = _computed.get(key, 0) + elements
            if _computed[key] < WORTH_COMPILING:
                return plain
            inputs, outputs = graph(CELLS[kind], *arrays[-1].shape)
            kernel = _cells.put(key, _CellKernel(inputs, outputs, strides))
        return kernel

    return _Chosen(choose)


class _Chosen:
    """Decides at the first step, whose arrays show the strides of all."""

    def __init__(self, choose):
        self._choose = choose
        self._step = None

    def __call__(self, *arrays) -> None:
        if self._step is None:
            self._step = self._choose(*arrays)
        self._step(*arrays)


def _worth_it(node: Node, weight: np.ndarray, batch: int) -> bool:
    return node.dtype is float32 and available() and batch * weight.size >= _SMALLEST


def recurrence(node: Node, *given):
    """All states of a layer's steps, or None for what NumPy does as well."""
    kind = node.attrs[0]
    cell = CELLS[kind]
    batch, width = node.shape[1:]
    arrays = [np.ascontiguousarray(a) for a in given]
    weight = arrays[3 if cell.has_memory else 2]
    if not _worth_it(node, weight, batch):
        return None
    multiply = PackedWeight(weight.T, batch, width)
    step = _step(kind, forward_graph, FORWARD[kind], len(arrays[0]) * batch * width)
    with np.errstate(all="ignore"):
        return new_states(node, cell, arrays, multiply, step)


def recurrence_grad(node: Node, *given):
    """The gradients of all steps, or None for what NumPy does as well."""
    kind = node.attrs[0]
    cell = CELLS[kind]
    arrays = [np.ascontiguousarray(a) for a in given]
    batch, width = arrays[2].shape
    weight = arrays[4 if cell.has_memory else 3]
    if not _worth_it(node, weight, batch):
        return None
    multiply = PackedWeight(weight, batch, cell.grads * width)
    step = _step(kind, backward_graph, BACKWARD[kind], node.shape[0] * batch * width)
    with np.errstate(all="ignore"):
        return new_gradients(node, cell, arrays, multiply, step)
