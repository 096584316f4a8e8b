"""Complex numbers, in NumPy."""

from __future__ import annotations

import numpy as np

from ...graph import ops
from ...graph.node import Node
from .table import kernel


@kernel(ops.real)
def real(node: Node, x):
    return x.real


@kernel(ops.imag)
def imag(node: Node, x):
    return x.imag


@kernel(ops.join)
def join(node: Node, re, im):
    result = np.empty(node.shape, node.dtype.numpy)
    result.real = re
    result.imag = im
    return result


@kernel(ops.conj_op)
def conj(node: Node, x):
    return np.conj(x)


@kernel(ops.magnitude)
def magnitude(node: Node, x):
    return np.abs(x)
