"""Movement in NumPy: views wherever NumPy has one."""

from __future__ import annotations

import numpy as np

from ...graph import ops
from ...graph.node import Node
from .table import kernel


@kernel(ops.reshape)
def reshape(node: Node, x):
    return x.reshape(node.attrs[0])


@kernel(ops.permute)
def permute(node: Node, x):
    return x.transpose(node.attrs[0])


@kernel(ops.expand)
def expand(node: Node, x):
    return np.broadcast_to(x, node.attrs[0])


def _slices(starts, stops, steps):
    return tuple(slice(a, b, s) for a, b, s in zip(starts, stops, steps))


@kernel(ops.slice_)
def slice_(node: Node, x):
    return x[_slices(*node.attrs)]


@kernel(ops.write_slice)
def write_slice(node: Node, x, value):
    result = np.array(x)
    result[_slices(*node.attrs)] = value
    return result


@kernel(ops.pad)
def pad(node: Node, x):
    low, high, value = node.attrs
    result = np.full(node.shape, value, x.dtype)
    # A negative amount crops: what is left of x goes to what is left of the result.
    source = tuple(slice(max(-a, 0), s - max(-b, 0)) for a, s, b in zip(low, x.shape, high))
    target = tuple(slice(max(a, 0), n - max(b, 0)) for a, n, b in zip(low, node.shape, high))
    result[target] = x[source]
    return result


@kernel(ops.flip)
def flip(node: Node, x):
    return np.flip(x, node.attrs[0])


@kernel(ops.assemble)
def assemble(node: Node, *parts):
    shape, places = node.attrs
    result = np.zeros(shape, parts[0].dtype)
    for part, (starts, steps) in zip(parts, places):
        result[tuple(slice(a, a + (n - 1) * s + 1, s) for a, n, s in zip(starts, part.shape, steps))] = part
    return result


@kernel(ops.cat)
def cat(node: Node, *parts):
    return np.concatenate(parts, axis=node.attrs[0])
