"""Reductions and scans. `dims` are sorted indices from the front; `keepdim` keeps them with size 1."""

from __future__ import annotations

import math

from ...core.dtypes import bool_, int64
from ...core.shapes import Shape, reduced
from ..declare import NO_GRADIENT, Op
from ..node import Node
from .movement import cat, expand, flip, reshape, slice_along
from .pointwise import cast, div, eq, ge, mul, number, where


def _reduction(name: str, gradient) -> Op:
    return Op(name, 1, "reduce", lambda x, dims, keepdim: (reduced(x.shape, dims, keepdim), x.dtype),
              gradient and (gradient,), attr_names=("dims", "keepdim"))


def spread(y: Node, shape: Shape, dims: Shape) -> Node:
    """A reduced value, repeated over the dimensions that were reduced."""
    kept = tuple(1 if i in dims else s for i, s in enumerate(shape))
    return expand(reshape(y, kept), shape)


sum_ = _reduction("sum", lambda g, out, x, dims, keepdim: spread(g, x.shape, dims))


def _extremum_gradient(g, out, x, dims, keepdim):
    """Each of the equal extrema gets the same share, as in PyTorch."""
    hit = cast(eq(x, spread(out, x.shape, dims)), x.dtype)
    return mul(spread(g, x.shape, dims), div(hit, spread(sum_(hit, dims, True), x.shape, dims)))


amax = _reduction("amax", _extremum_gradient)
amin = _reduction("amin", _extremum_gradient)


def _infer_nonempty(name):
    def infer(x, dim, keepdim):
        if x.shape and x.shape[dim] == 0:
            raise IndexError(f"{name}: Expected reduction dim {dim} to have non-zero size; the shape is {list(x.shape)}")
        return reduced(x.shape, (dim,) if x.shape else (), keepdim), int64

    return infer


argmax = Op("argmax", 1, "reduce", _infer_nonempty("argmax"), NO_GRADIENT, attr_names=("dim", "keepdim"))
argmin = Op("argmin", 1, "reduce", _infer_nonempty("argmin"), NO_GRADIENT, attr_names=("dim", "keepdim"))
any_ = Op("any", 1, "reduce", lambda x, dims, keepdim: (reduced(x.shape, dims, keepdim), bool_), NO_GRADIENT,
          attr_names=("dims", "keepdim"))
all_ = Op("all", 1, "reduce", lambda x, dims, keepdim: (reduced(x.shape, dims, keepdim), bool_), NO_GRADIENT,
          attr_names=("dims", "keepdim"))


# --- scans along one dimension
def _scan(name: str, gradient) -> Op:
    return Op(name, 1, "scan", lambda x, dim: (x.shape, x.dtype), (gradient,), attr_names=("dim",))


def _reversed_sum(g, dim):
    if not g.shape:
        return g
    return flip(cumsum(flip(g, (dim,)), dim), (dim,))


cumsum = _scan("cumsum", lambda g, out, x, dim: _reversed_sum(g, dim))


def _cumprod_gradient(g, out, x, dim):
    """sum over j >= i of g_j * (product of x_k, k <= j, k != i): right where some x are zero, n^2 in memory."""
    if not x.shape:
        return g
    n, rank = x.shape[dim], len(x.shape)
    wide = x.shape[:dim] + (n,) + x.shape[dim:]  # (..., i, j, ...)
    position = reshape(iota(n, 0), (n,) + (1,) * (rank - dim))  # i
    other = reshape(iota(n, 0), (n,) + (1,) * (rank - dim - 1))  # j
    row = expand(reshape(x, x.shape[:dim] + (1,) + x.shape[dim:]), wide)
    without_i = where(eq(position, other), number(1, x), row)
    products = where(ge(other, position), cumprod(without_i, dim + 1), number(0, x))
    upstream = expand(reshape(g, x.shape[:dim] + (1,) + x.shape[dim:]), wide)
    return sum_(mul(upstream, products), (dim + 1,), False)


cumprod = _scan("cumprod", _cumprod_gradient)


def _prod_gradient(g, out, x, dims, keepdim):
    """Upstream times the product of all the others, by products from the left and from the right."""
    if len(dims) == 1:
        line, dim = x, dims[0]
    elif len(dims) == len(x.shape):
        line, dim = reshape(x, (math.prod(x.shape),)), 0
    else:
        raise RuntimeError(f"prod: no gradient over some of several dims at once, got {dims}; take one at a time")
    after = flip(_products_before(flip(line, (dim,)), dim), (dim,))
    return mul(spread(g, x.shape, dims), reshape(mul(_products_before(line, dim), after), x.shape))


def _products_before(x: Node, dim: int) -> Node:
    """At i, the product of x_0 ... x_(i-1); 1 at the first."""
    first = tuple(1 if i == dim else s for i, s in enumerate(x.shape))
    ones = expand(number(1, x), first)
    return cat((ones, cumprod(slice_along(x, dim, 0, x.shape[dim] - 1), dim)), dim) if x.shape[dim] else x


prod = _reduction("prod", _prod_gradient)

iota = Op("iota", 0, "pointwise", lambda n, start: ((n,), int64), NO_GRADIENT, attr_names=("n", "start"))

argsort = Op("argsort", 1, "scan", lambda x, dim, descending: (x.shape, int64), NO_GRADIENT,
             attr_names=("dim", "descending"))
