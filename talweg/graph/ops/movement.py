"""Movement: operations that say where elements are and change none of them."""

from __future__ import annotations

import math

from ...core.shapes import Shape, inverse_permutation, permuted, slice_length
from ..declare import VARIADIC, Op, same_dtype
from ..node import Node
from .pointwise import number


def _infer_reshape(x, shape):
    if math.prod(shape) != math.prod(x.shape):
        raise RuntimeError(f"reshape: shape '{list(shape)}' is invalid for input of size {math.prod(x.shape)}")
    return shape, x.dtype


reshape = Op("reshape", 1, "movement", _infer_reshape,
             (lambda g, out, x, shape: reshape(g, x.shape),), attr_names=("shape",))
permute = Op("permute", 1, "movement", lambda x, order: (permuted(x.shape, order), x.dtype),
             (lambda g, out, x, order: permute(g, inverse_permutation(order)),), attr_names=("order",))


def swap_last(x: Node) -> Node:
    """The last two dimensions exchanged."""
    rank = len(x.shape)
    return permute(x, (*range(rank - 2), rank - 1, rank - 2))


def _infer_expand(x, shape):
    lead = len(shape) - len(x.shape)
    if lead < 0 or any(have not in (1, want) for have, want in zip(x.shape, shape[lead:])):
        raise RuntimeError(
            f"expand: shape {list(x.shape)} cannot be expanded to {list(shape)}: only sizes of 1 can grow, "
            "and new dimensions go in front"
        )
    return shape, x.dtype


# The reverse pass sums a gradient that is larger than its input, so the rule is to pass it on.
expand = Op("expand", 1, "movement", _infer_expand, (lambda g, out, x, shape: g,), attr_names=("shape",))


def _infer_slice(x, starts, stops, steps):
    return tuple(slice_length(a, b, s) for a, b, s in zip(starts, stops, steps)), x.dtype


slice_ = Op(
    "slice", 1, "movement", _infer_slice,
    (lambda g, out, x, starts, stops, steps: write_slice(expand(number(0, g), x.shape), g, starts, stops, steps),),
    attr_names=("starts", "stops", "steps"),
)


def slice_along(x: Node, dim: int, start: int, stop: int, step: int = 1) -> Node:
    """x[..., start:stop:step, ...] in one dimension."""
    starts = tuple(start if i == dim else 0 for i in range(len(x.shape)))
    stops = tuple(stop if i == dim else s for i, s in enumerate(x.shape))
    return slice_(x, starts, stops, tuple(step if i == dim else 1 for i in range(len(x.shape))))


def _infer_write_slice(x, value, starts, stops, steps):
    same_dtype("write_slice", x, value)
    hole = tuple(slice_length(a, b, s) for a, b, s in zip(starts, stops, steps))
    if hole != value.shape:
        raise RuntimeError(f"write_slice: a value of shape {list(value.shape)} does not fill {list(hole)}")
    return x.shape, x.dtype


# The first input with a slice of it replaced by the second.
write_slice = Op(
    "write_slice", 2, "movement", _infer_write_slice,
    (
        lambda g, out, x, value, *where: write_slice(g, expand(number(0, g), value.shape), *where),
        lambda g, out, x, value, *where: slice_(g, *where),
    ),
    attr_names=("starts", "stops", "steps"),
)


def _pad_gradient(g, out, x, low, high, value):
    if min(low + high, default=0) < 0:  # what was cropped gets nothing
        return pad(g, tuple(-a for a in low), tuple(-b for b in high), 0)
    stops = tuple(a + s for a, s in zip(low, x.shape))
    return slice_(g, low, stops, (1,) * len(low))


pad = Op(
    "pad", 1, "movement",
    lambda x, low, high, value: (tuple(a + s + b for a, s, b in zip(low, x.shape, high)), x.dtype),
    (_pad_gradient,), attr_names=("low", "high", "value"),
)
flip = Op("flip", 1, "movement", lambda x, dims: (x.shape, x.dtype),
          (lambda g, out, x, dims: flip(g, dims),), attr_names=("dims",))


def _infer_cat(parts, dim):
    same_dtype("cat", *parts)
    first = parts[0].shape
    for number_, part in enumerate(parts):
        if len(part.shape) != len(first) or any(a != b for i, (a, b) in enumerate(zip(part.shape, first)) if i != dim):
            raise RuntimeError(
                f"cat: Sizes of tensors must match except in dimension {dim}. Expected {list(first)} "
                f"but got {list(part.shape)} for tensor number {number_} in the list."
            )
    return (*first[:dim], sum(p.shape[dim] for p in parts), *first[dim + 1 :]), parts[0].dtype


class _CatGradients:
    """One rule an input, made on demand: the part of the upstream gradient where that input lies."""

    def __getitem__(self, index):
        def rule(g, out, parts, dim):
            start = sum(p.shape[dim] for p in parts[:index])
            return slice_along(g, dim, start, start + parts[index].shape[dim])

        return rule


cat = Op("cat", VARIADIC, "movement", _infer_cat, _CatGradients(), attr_names=("dim",))


def full(value, shape: Shape, like: Node) -> Node:
    """`value` everywhere, in another node's dtype."""
    return expand(number(value, like), shape)
