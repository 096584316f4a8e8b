"""The steps from a tensor to a view of it: how to read through each, how to write through it, and its strides."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import shapes
from ..core.dtypes import dtype
from ..core.shapes import (
    Shape,
    contiguous_strides,
    dim_index,
    inverse_permutation,
    permuted,
    slice_length,
    view_strides,
)
from ..graph import ops
from ..graph.leaves import from_array
from ..graph.node import Node
from .box import Box


class Permute:
    __slots__ = ("order",)

    def __init__(self, order: Shape):
        self.order = order

    def read(self, source: Node) -> Node:
        return ops.permute(source, self.order)

    def write(self, source: Node, value: Node) -> Node:
        return ops.permute(value, inverse_permutation(self.order))


class Reshape:
    __slots__ = ("shape",)

    def __init__(self, shape: Shape):
        self.shape = shape

    def read(self, source: Node) -> Node:
        return ops.reshape(source, self.shape)

    def write(self, source: Node, value: Node) -> Node:
        return ops.reshape(value, source.shape)


class Slice:
    __slots__ = ("starts", "steps", "stops")

    def __init__(self, starts: Shape, stops: Shape, steps: Shape):
        self.starts, self.stops, self.steps = starts, stops, steps

    def read(self, source: Node) -> Node:
        return ops.slice_(source, self.starts, self.stops, self.steps)

    def write(self, source: Node, value: Node) -> Node:
        return ops.write_slice(source, value, self.starts, self.stops, self.steps)


class Expand:
    __slots__ = ("shape",)

    def __init__(self, shape: Shape):
        self.shape = shape

    def read(self, source: Node) -> Node:
        return ops.expand(source, self.shape)

    def write(self, source: Node, value: Node) -> Node:
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory "
            "location. Please clone() the tensor before performing the operation."
        )


class Elements:
    """Any elements of the parent, by their positions in its row-major order (diagonals, windows, as_strided)."""

    __slots__ = ("places", "unique")

    def __init__(self, places: np.ndarray):
        self.places = places
        self.unique = np.unique(places).size == places.size

    def read(self, source: Node) -> Node:
        return ops.index((_flat(source), from_array(self.places)), (0,))

    def write(self, source: Node, value: Node) -> Node:
        if not self.unique:
            Expand(value.shape).write(source, value)
        written = ops.index_put((_flat(source), value, from_array(self.places)), (0,), False)
        return ops.reshape(written, source.shape)


def _flat(node: Node) -> Node:
    return ops.reshape(node, (math.prod(node.shape),))


class Bits:
    """The same bytes as numbers of another type."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: dtype):
        self.dtype = dtype

    def read(self, source: Node) -> Node:
        return ops.bits_as(source, self.dtype)

    def write(self, source: Node, value: Node) -> Node:
        return ops.bits_as(value, source.dtype)


# --- from a tensor to a view of it
def permute(x: Box, order: Shape):
    strides, offset = x._geometry()
    return x._make_view(Permute(order), permuted(strides, order), offset)


def view(x: Box, shape: Shape):
    """The same elements under another shape, or None where the strides do not allow that without a copy."""
    strides, offset = x._geometry()
    found = view_strides(x.node.shape, strides, shape)
    return None if found is None else x._make_view(Reshape(shape), found, offset)


def bits(x: Box, wanted: dtype):
    """The same memory as numbers of another type. Raises RuntimeError where whole numbers of it do not lie side by side."""
    strides, offset = x._geometry()
    old, new = x.dtype.itemsize, wanted.itemsize
    if old != new and strides:
        _check_whole(x, strides, offset, wanted)
        strides = (*(s * old // new for s in strides[:-1]), 1)
    return x._make_view(Bits(wanted), strides, offset * old // new)


def _check_whole(x: Box, strides: Shape, offset: int, wanted: dtype) -> None:
    pair = f"to view {x.dtype.name} as {wanted.name} (different element sizes)"
    if strides[-1] != 1:
        raise RuntimeError(f"view: self.stride(-1) must be 1 {pair}, but got {strides[-1]}; call contiguous() first")
    ratio = max(wanted.itemsize // x.dtype.itemsize, 1)
    if offset % ratio:
        raise RuntimeError(f"view: self.storage_offset() must be divisible by {ratio} {pair}, but got {offset}; clone() first")
    if any(s % ratio for s in strides[:-1]):
        raise RuntimeError(f"view: the strides must be divisible by {ratio} {pair}, but got {list(strides)}; clone() first")


def expand(x: Box, shape: Shape):
    strides, offset = x._geometry()
    old = x.node.shape
    lead = len(shape) - len(old)
    inner = (0 if have == 1 and want != 1 else s for have, want, s in zip(old, shape[lead:], strides))
    return x._make_view(Expand(shape), (0,) * lead + tuple(inner), offset)


def slice_dims(x: Box, starts: Shape, stops: Shape, steps: Shape):
    strides, offset = x._geometry()
    inside = all(slice_length(*s) for s in zip(starts, stops, steps))
    start = sum(a * s for a, s in zip(starts, strides)) if inside else 0
    return x._make_view(Slice(starts, stops, steps), tuple(a * b for a, b in zip(strides, steps)), offset + start)


def slice_dim(x: Box, dim: int, start: int, stop: int, step: int = 1):
    shape = x.node.shape
    starts = tuple(start if i == dim else 0 for i in range(len(shape)))
    stops = tuple(stop if i == dim else s for i, s in enumerate(shape))
    return slice_dims(x, starts, stops, tuple(step if i == dim else 1 for i in range(len(shape))))


def unsqueeze(x: Box, dim: int):
    strides, offset = x._geometry()
    shape = x.node.shape
    stride = strides[dim] * max(shape[dim], 1) if dim < len(shape) else 1
    new = Reshape((*shape[:dim], 1, *shape[dim:]))
    return x._make_view(new, (*strides[:dim], stride, *strides[dim:]), offset)


def squeeze(x: Box, dims: Shape):
    strides, offset = x._geometry()
    shape = x.node.shape
    left = [i for i in range(len(shape)) if i not in dims]
    return x._make_view(Reshape(permuted(shape, left)), permuted(strides, left), offset)


def select(x: Box, dim: int, index: int):
    """One position of a dimension, which is gone from the result."""
    shape = x.node.shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = dim_index(dim, len(shape), "select")
    size = shape[dim]
    if not -size <= index < size:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {dim}")
    index %= size
    return squeeze(slice_dim(x, dim, index, index + 1), (dim,))


def strided(x: Box, shape: Shape, strides: Shape, offset: int):
    """`shape` elements of the base's memory, `strides` apart from `offset`, as as_strided does."""
    base: Any = Box.__new__(x._plain)
    base._hold(x._storage, None, x._storage.node)
    count = math.prod(base.node.shape)
    of_a_part = x._storage.link is not None and count != math.prod(x._storage.root().node.shape)
    if of_a_part or base.dtype is not x.dtype or (x._view is None and x._geometry() != (contiguous_strides(x.node.shape), 0)):
        return _strided_part(x, shape, strides, offset)
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides))
    if math.prod(shape) and (offset < 0 or last >= count or any(s < 0 for s in strides)):
        raise RuntimeError(
            f"as_strided: sizes {list(shape)}, strides {list(strides)}, storage offset {offset} need {last + 1} elements, "
            f"which are out of bounds for storage of size {count}"
        )
    return base._make_view(Elements(places(shape, strides, offset)), strides, offset)


def _strided_part(x: Box, shape: Shape, strides: Shape, offset: int):
    """The same of a detached part of a larger tensor, which has a storage of its own, or of a tensor that shows another
    type's bytes: elements of the part only."""
    own = places(x.node.shape, *x._geometry()).ravel()  # where each element of x lies in the memory they share
    wanted = places(shape, strides, offset)
    order = np.argsort(own, kind="stable")
    at = order[np.searchsorted(own[order], wanted).clip(max=max(len(own) - 1, 0))] if len(own) else wanted
    if wanted.size and (not len(own) or (own[at] != wanted).any()):
        raise RuntimeError("as_strided: a detached part of a larger tensor, or one under another dtype, cannot be laid out "
                           "beyond itself; call as_strided on the whole, or clone() the part first")
    return x._make_view(Elements(at.reshape(wanted.shape)), strides, offset)


def places(shape: Shape, strides: Shape, first: int) -> np.ndarray:
    """first + sum of index * stride, for every index of `shape`."""
    found = np.full(shape, first, np.int64)
    for axis, (n, s) in enumerate(zip(shape, strides)):
        found += (np.arange(n) * s).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return found


def elements(x: Box, positions: np.ndarray, strides: Shape, offset: int):
    """The parent's elements at row-major `positions`; strides and offset are in the base's memory."""
    return x._make_view(Elements(positions), strides, offset)


def is_contiguous(x: Box) -> bool:
    return x._strides is None or shapes.is_contiguous(x.node.shape, x._strides)
