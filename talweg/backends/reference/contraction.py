"""Matrix products and convolutions in NumPy. Half precision is accumulated in float32."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ...graph import ops
from ...graph.node import Node
from .table import kernel


def _wide(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind in "fV" else x


@kernel(ops.matmul)
def matmul(node: Node, x, y):
    with np.errstate(all="ignore"):
        return np.matmul(_wide(x), _wide(y)).astype(x.dtype, copy=False)


def _padded(x: np.ndarray, padding) -> np.ndarray:
    return np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)]) if any(padding) else x


def _under(x: np.ndarray, offset, out, stride, dilation):
    """The elements of padded x that kernel position `offset` meets, one for each output position."""
    places = (slice(o * d, o * d + (n - 1) * s + 1, s) for o, d, n, s in zip(offset, dilation, out, stride))
    return x[(slice(None), slice(None), *places)]


def _by_group(x: np.ndarray, axis: int, groups: int) -> list[np.ndarray]:
    return np.split(x, groups, axis=axis)


@kernel(ops.conv)
def conv(node: Node, x, w):
    stride, padding, dilation, groups = node.attrs
    x, w = _padded(_wide(x), padding), _wide(w)
    out = node.shape[2:]
    result = np.zeros(node.shape, w.dtype)
    for offset in itertools.product(*map(range, w.shape[2:])):
        seen = _under(x, offset, out, stride, dilation)
        taps = w[(slice(None), slice(None), *offset)]  # (O, C / groups)
        pairs = zip(_by_group(seen, 1, groups), _by_group(taps, 0, groups))
        result += np.concatenate([np.moveaxis(np.tensordot(t, s, (1, 1)), 0, 1) for s, t in pairs], axis=1)
    return result.astype(node.dtype.numpy, copy=False)


@kernel(ops.conv_input_grad)
def conv_input_grad(node: Node, g, w):
    shape, stride, padding, dilation, groups = node.attrs
    g, w = _wide(g), _wide(w)
    result = np.zeros((*shape[:2], *(s + 2 * p for s, p in zip(shape[2:], padding))), g.dtype)
    for offset in itertools.product(*map(range, w.shape[2:])):
        taps = w[(slice(None), slice(None), *offset)]
        pairs = zip(_by_group(g, 1, groups), _by_group(taps, 0, groups))
        parts = [np.moveaxis(np.tensordot(t, s, (0, 1)), 0, 1) for s, t in pairs]
        seen = _under(result, offset, g.shape[2:], stride, dilation)
        seen += np.concatenate(parts, axis=1)
    inside = tuple(slice(p, p + s) for p, s in zip(padding, shape[2:]))
    return result[(slice(None), slice(None), *inside)].astype(node.dtype.numpy, copy=False)


@kernel(ops.conv_weight_grad)
def conv_weight_grad(node: Node, x, g):
    shape, stride, padding, dilation, groups = node.attrs
    x, g = _padded(_wide(x), padding), _wide(g)
    result = np.zeros(shape, g.dtype)
    batch_and_space = (0, *range(2, g.ndim))
    for offset in itertools.product(*map(range, shape[2:])):
        seen = _under(x, offset, g.shape[2:], stride, dilation)
        pairs = zip(_by_group(seen, 1, groups), _by_group(g, 1, groups))
        parts = [np.tensordot(t, s, (batch_and_space, batch_and_space)) for s, t in pairs]
        place: Any = (slice(None), slice(None), *offset)
        result[place] = np.concatenate(parts, axis=0)
    return result.astype(node.dtype.numpy, copy=False)
