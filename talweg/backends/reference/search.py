"""Searches in sorted numbers and combining writes, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph import ops
from ...graph.node import Node
from .indexing import _scattered
from .table import kernel


def _comparable(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32) if x.dtype.kind == "V" else x


@kernel(ops.searchsorted)
def searchsorted(node: Node, boundaries, values):
    side: Any = "right" if node.attrs[0] else "left"
    boundaries, values = _comparable(boundaries), _comparable(values)
    if boundaries.ndim == 1:
        return np.asarray(np.searchsorted(boundaries, values, side)).astype(np.int64)
    result = np.empty(values.shape, np.int64)
    for place in np.ndindex(*values.shape[:-1]):
        result[place] = np.searchsorted(boundaries[place], values[place], side)
    return result


_COMBINE = {"prod": np.multiply.at, "amax": np.maximum.at, "amin": np.minimum.at}


@kernel(ops.scatter_reduce)
def scatter_reduce(node: Node, x, index, source):
    return _scattered("scatter_reduce", node, x, index, source, _COMBINE[node.attrs[1]])
