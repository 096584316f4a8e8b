"""Where values enter a graph: arrays, numbers that vary, numbers that do not."""

from __future__ import annotations

import numpy as np

from ..core.dtypes import dtype as DType
from ..core.dtypes import from_numpy
from .node import Node, constant_op, data, leaf, scalar_op


def from_array(array: np.ndarray) -> Node:
    """A node that holds `array`, which nobody may write to from now on."""
    node = Node(data, (), (), array.shape, from_numpy(array.dtype))
    node.value = array
    return node


def scalar(number, dtype: DType) -> Node:
    """A number that may be another one next time: an input of the graph (learning rates, seeds, step counts)."""
    node = Node(scalar_op, (), (), (), dtype)
    node.value = np.array(number, dtype.numpy)
    return node


_CONSTANTS: dict[tuple, Node] = {}
MOST_CONSTANTS = 4096


def constant(number, dtype: DType) -> Node:
    """A number that is part of the computation's meaning, and of its structural key. Equal ones are one node."""
    exact = repr(number) if number == 0 or number != number else number  # -0.0 is not 0.0, nan is nan
    node = _CONSTANTS.get((exact, dtype))
    if node is None:
        node = Node(constant_op, (), (number,), (), dtype)
        node.value = np.array(number, dtype.numpy)
        if len(_CONSTANTS) < MOST_CONSTANTS:
            _CONSTANTS[exact, dtype] = node
    return node


def differentiable_leaf(source: Node) -> Node:
    """The same value as a variable: reverse passes end here and report the gradient."""
    node = leaf(source)
    node.needs_grad = True
    if source.value is not None:
        node.settle(source.value)
    return node
