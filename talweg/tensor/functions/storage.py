"""Tensors by their strides, and tensors that change their size."""

from __future__ import annotations

import math

from ...core.dtypes import get_default_dtype
from ...core.shapes import contiguous_strides
from ...graph import ops
from .. import views
from ..box import Storage
from ..keywords import also_named, variadic
from ..operands import require_tensor
from ..tensor import Tensor, wrap
from .creation import _finished, _sizes, empty
from .shape import as_strided


def empty_strided(size, stride, *, dtype=None, layout=None, device=None, requires_grad: bool = False, pin_memory: bool = False):
    """A tensor to be written to, with these strides; it holds zeros until then."""
    size, stride = _sizes((size,)), _sizes((stride,))
    if len(size) != len(stride):
        raise RuntimeError(f"empty_strided: dimensionality of sizes ({len(size)}) must match dimensionality of strides "
                           f"({len(stride)})")
    count = 1 + sum((n - 1) * s for n, s in zip(size, stride)) if math.prod(size) else 0
    base = empty(count, dtype=dtype or get_default_dtype(), device=device)
    return _finished(as_strided(base, size, stride), None, requires_grad)


def new_empty_strided(self, size, stride, *, dtype=None, device=None, requires_grad: bool = False, **_layout):
    """`empty_strided(size, stride)` in this tensor's dtype."""
    return empty_strided(size, stride, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


def empty_permuted(size, physical_layout, *, dtype=None, layout=None, device=None, requires_grad: bool = False,
                   pin_memory: bool = False):
    """A tensor to be written to, whose dimensions lie in memory in the order physical_layout."""
    size, order = _sizes((size,)), _sizes((physical_layout,))
    if sorted(order) != list(range(len(size))):
        raise RuntimeError(f"empty_permuted: Number of dimensions in size does not match the length of the physical_layout, or "
                           f"it is no permutation: {list(size)}, {list(order)}")
    dense = empty([size[d] for d in order], dtype=dtype or get_default_dtype(), device=device)
    return _finished(views.permute(dense, tuple(order.index(d) for d in range(len(size)))), None, requires_grad)


@variadic("size")
def resize_(self, *sizes, memory_format=None):
    """The tensor itself with another size: its elements in row-major order, cut, or filled up with zeros."""
    wanted = _sizes(sizes)
    x = require_tensor(self, "resize_")
    if x.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    if tuple(x.shape) == wanted:
        return x
    have, count = x.numel(), math.prod(wanted)
    flat = ops.reshape(x.node, (have,))
    node = ops.slice_along(flat, 0, 0, count) if count <= have else ops.pad(flat, (0,), (count - have,), 0)
    x._view, x._strides, x._offset = None, contiguous_strides(wanted), 0
    x._hold(Storage(ops.reshape(node, wanted)), None, ops.reshape(node, wanted))
    return x


@also_named(input="self")
def resize_as_(self, the_template, *, memory_format=None):
    """resize_ to another tensor's size."""
    return resize_(self, *the_template.shape)


def sum_to_size(self, *size):
    """Summed over the dimensions along which a tensor of this size would be broadcast to the tensor's own."""
    wanted = _sizes(size)
    node = self.node
    lead = len(node.shape) - len(wanted)
    fits = lead >= 0 and all(w in (1, s) for w, s in zip(wanted, node.shape[lead:]))
    if not fits:
        raise RuntimeError(f"size {{{list(wanted)}}} is not expandable to size {{{list(node.shape)}}}.")
    grown = tuple(i for i, s in enumerate(node.shape) if i < lead or (wanted[i - lead] == 1 and s != 1))
    return wrap(ops.reshape(ops.sum_(node, grown, True) if grown else ops.clone(node), wanted))


def fill(input, value):
    """One number (or a 0-d tensor) everywhere, in the shape and dtype of input."""
    x = require_tensor(input, "fill")
    if isinstance(value, Tensor) and value.dim() != 0:
        raise RuntimeError(f"fill only supports 0-dimension value tensor but got tensor with {value.dim()} dimensions.")
    return x.clone().fill_(value)
