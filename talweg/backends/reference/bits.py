"""The bytes of a value as numbers of another type, in NumPy."""

from __future__ import annotations

import numpy as np

from ...core.dtypes import bool_
from ...graph import ops
from ...graph.node import Node
from .table import kernel


@kernel(ops.bits_as)
def bits_as(node: Node, x):
    x = np.ascontiguousarray(x).reshape(x.shape)  # NumPy makes a 0-d array one of one dimension
    if node.dtype is bool_:
        return x.view(np.uint8) != 0
    return x.view(node.dtype.numpy)
