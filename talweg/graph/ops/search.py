"""Searching in sorted numbers, the most frequent number, and writes that combine what meets at one place."""

from __future__ import annotations

from ...core.dtypes import int64
from ..declare import NO_GRADIENT, Op
from .indexing import _infer_scatter, gather, scatter_add
from .pointwise import cast, div, eq, logical_and, mul, number, where


def _infer_searchsorted(boundaries, values, right):
    if len(boundaries.shape) != 1 and boundaries.shape[:-1] != values.shape[:-1]:
        raise RuntimeError("searchsorted: boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
                           f"tensor and input value tensor must match, but we got boundaries tensor {list(boundaries.shape)} "
                           f"and input value tensor {list(values.shape)}")
    return values.shape, int64


# Where each value belongs in the last dimension of sorted boundaries: behind equal ones if `right`.
searchsorted = Op("searchsorted", 2, "index", _infer_searchsorted, NO_GRADIENT, attr_names=("right",))

# The last place of the most frequent element (the smallest of those) along dim, which has size 1 in the result.
mode_index = Op("mode_index", 1, "scan", lambda x, dim: ((*x.shape[:dim], 1, *x.shape[dim + 1 :]), int64), NO_GRADIENT,
                attr_names=("dim",))


def _hits(out, x, index, source, dim):
    """Which elements of x, and of the source, are the result at their place; each as numbers."""
    from_x = cast(eq(x, out), out.dtype)
    from_source = cast(eq(source, gather(out, index, dim)), out.dtype)
    return from_x, from_source


def _shares(g, out, x, index, source, dim):
    from_x, from_source = _hits(out, x, index, source, dim)
    share = div(g, scatter_add(from_x, index, from_source, dim))
    return mul(share, from_x), mul(gather(share, index, dim), from_source)


def _products(g, out, x, index, source, dim):
    """Of a product: out / factor; where exactly one factor is 0, the product of the others."""
    x_zero, source_zero = eq(x, number(0, x)), eq(source, number(0, source))
    zeros = scatter_add(cast(x_zero, x.dtype), index, cast(source_zero, x.dtype), dim)
    x_safe = where(x_zero, number(1, x), x)
    source_safe = where(source_zero, number(1, source), source)
    others = scatter_reduce(x_safe, index, source_safe, dim, "prod")

    def rule(g, zero, safe, zeros, others):
        alone = logical_and(zero, eq(zeros, number(1, zeros)))
        nonzero = eq(zeros, number(0, zeros))
        return mul(g, where(alone, others, where(nonzero, div(others, safe), number(0, others))))

    at = [gather(v, index, dim) for v in (g, zeros, others)]
    return rule(g, x_zero, x_safe, zeros, others), rule(at[0], source_zero, source_safe, at[1], at[2])


def _reduce_gradient(part: int):
    def rule(g, out, x, index, source, dim, reduce):
        if source.shape != index.shape:
            raise RuntimeError(f"scatter_reduce: backward needs src and index of one shape, got {list(source.shape)} and "
                               f"{list(index.shape)}")
        return (_products if reduce == "prod" else _shares)(g, out, x, index, source, dim)[part]

    return rule


# x with elements of the source multiplied in, or kept where larger or smaller, at the places that index names along dim.
scatter_reduce = Op("scatter_reduce", 3, "index", lambda x, index, source, dim, reduce:
                    _infer_scatter("scatter_reduce")(x, index, source, dim),
                    (_reduce_gradient(0), NO_GRADIENT, _reduce_gradient(1)), attr_names=("dim", "reduce"))
