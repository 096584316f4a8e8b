"""Reductions, scans and sorting. `dim` is one dimension, several, or None for all."""

from __future__ import annotations

import math
from collections import namedtuple

from ...core.dtypes import bool_, iinfo, int64, uint8
from ...core.shapes import dim_index, dim_indices
from ...graph import ops
from ...graph.node import Node
from ..autocast import raised
from ..box import Box
from ..operands import require_tensor, to_float
from ..tensor import Tensor, wrap


class _Pair:
    """Result types named after their function, as PyTorch prints them."""

    max = namedtuple("max", ["values", "indices"])
    min = namedtuple("min", ["values", "indices"])
    sort = namedtuple("sort", ["values", "indices"])
    topk = namedtuple("topk", ["values", "indices"])
    median = namedtuple("median", ["values", "indices"])
    mode = namedtuple("mode", ["values", "indices"])
    kthvalue = namedtuple("kthvalue", ["values", "indices"])
    cummax = namedtuple("cummax", ["values", "indices"])
    cummin = namedtuple("cummin", ["values", "indices"])
    aminmax = namedtuple("aminmax", ["min", "max"])


def _typed(x, dtype, call: str) -> Node:
    node = require_tensor(x, call).node
    return node if dtype is None or node.dtype is dtype else ops.cast(node, dtype)


def _integral_sum_type(node: Node, dtype) -> Node:
    """Sums and products of bools and integers are counted in int64."""
    whole = node.dtype.category in ("bool", "integer") and dtype is None
    return ops.cast(node, int64) if whole and node.dtype is not int64 else node


def _dims(dim, node: Node, call: str) -> tuple[int, ...]:
    """An empty list of dimensions means all of them, as in PyTorch."""
    return dim_indices(dim if isinstance(dim, int) or dim else None, len(node.shape), call)


def sum(input, dim=None, keepdim: bool = False, *, dtype=None):
    """The sum over dim."""
    node = _integral_sum_type(_typed(input, dtype, "sum"), dtype)
    return wrap(ops.sum_(node, _dims(dim, node, "sum"), keepdim))


def nansum(input, dim=None, keepdim: bool = False, *, dtype=None):
    """The sum over dim with nan counted as 0."""
    node = _typed(input, dtype, "nansum")
    if node.dtype.is_floating_point:
        node = ops.where(ops.isnan(node), ops.number(0, node), node)
    return sum(wrap(node), dim, keepdim, dtype=dtype)


@raised
def prod(input, dim=None, keepdim: bool = False, *, dtype=None):
    """The product over one dimension, or of all elements."""
    node = _integral_sum_type(_typed(input, dtype, "prod"), dtype)
    return wrap(ops.prod(node, _dims(dim, node, "prod"), keepdim))


def mean(input, dim=None, keepdim: bool = False, *, dtype=None):
    """The average over dim. Raises RuntimeError for integers: say dtype= to convert them."""
    node = _typed(input, dtype, "mean")
    if not (node.dtype.is_floating_point or node.dtype.is_complex):
        raise RuntimeError("mean(): could not infer output dtype. Input dtype must be either a floating point or complex "
                           f"dtype. Got: {node.dtype.name}")
    return wrap(ops.mean(node, _dims(dim, node, "mean"), keepdim))


def _correction(unbiased, correction) -> float:
    if isinstance(unbiased, bool):
        return 1 if unbiased else 0
    return 1 if correction is None else correction


def var(input, dim=None, unbiased=None, keepdim: bool = False, *, correction=None):
    """sum (x - mean)^2 / (n - correction); correction 1 unless said otherwise."""
    if isinstance(dim, bool):  # var(x, unbiased)
        dim, unbiased = None, dim
    node = require_tensor(input, "var").node
    if node.dtype.is_complex:
        parts = [wrap(part(node)) for part in (ops.real, ops.imag)]
        real, imag = (var(x, dim, unbiased, keepdim, correction=correction) for x in parts)
        return real + imag
    if not node.dtype.is_floating_point:
        raise RuntimeError(f"var: std and var only support floating point and complex dtypes, got {node.dtype.name}")
    return wrap(ops.var(node, _dims(dim, node, "var"), _correction(unbiased, correction), keepdim))


def std(input, dim=None, unbiased=None, keepdim: bool = False, *, correction=None):
    """The square root of `var`. Its gradient at 0, where all numbers are one, is taken to be 0."""
    variance = var(input, dim, unbiased, keepdim, correction=correction).node
    if not variance.needs_grad:
        return wrap(ops.sqrt(variance))
    same = ops.eq(variance, ops.number(0, variance))
    return wrap(ops.where(same, ops.number(0, variance), ops.sqrt(ops.where(same, ops.number(1, variance), variance))))


def var_mean(input, dim=None, unbiased=None, keepdim: bool = False, *, correction=None):
    """(var, mean)"""
    dims = None if isinstance(dim, bool) else dim
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, dims, keepdim)


def std_mean(input, dim=None, unbiased=None, keepdim: bool = False, *, correction=None):
    """(std, mean)"""
    dims = None if isinstance(dim, bool) else dim
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, dims, keepdim)


def _nonempty(node: Node, dims, call: str, given=()) -> None:
    if 0 in node.shape and given in ((), []):
        raise RuntimeError(f"{call}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
                           f"with the 'dim' argument; the shape is {list(node.shape)}")
    if 0 in [node.shape[d] for d in dims]:
        raise IndexError(f"{call}(): Expected reduction dim to have non-zero size; the shape is {list(node.shape)}, "
                         f"the dims {list(dims)}")


def amax(input, dim=(), keepdim: bool = False):
    """The maximum over dim; equal maxima share the gradient."""
    node = require_tensor(input, "amax").node
    dims = _dims(dim, node, "amax")
    _nonempty(node, dims, "amax", dim)
    return wrap(ops.amax(node, dims, keepdim))


def amin(input, dim=(), keepdim: bool = False):
    """The minimum over dim; equal minima share the gradient."""
    node = require_tensor(input, "amin").node
    dims = _dims(dim, node, "amin")
    _nonempty(node, dims, "amin", dim)
    return wrap(ops.amin(node, dims, keepdim))


def aminmax(input, *, dim=None, keepdim: bool = False):
    """(minimum, maximum)"""
    dims = () if dim is None else dim
    if dim is None and require_tensor(input, "aminmax").numel() == 0:
        raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity; the "
                           f"shape is {list(input.shape)}")
    return _Pair.aminmax(amin(input, dims, keepdim), amax(input, dims, keepdim))


def _extremum(input, dim, keepdim, call: str, whole, position, pointwise, pair):
    if isinstance(dim, Box):
        return pointwise(require_tensor(input, call), dim)
    if dim is None:
        if input.numel() == 0:
            raise RuntimeError(f"{call}(): Expected reduction dim to be specified for input.numel() == 0. "
                               "Specify the reduction dim with the 'dim' argument.")
        return whole(input)
    node = require_tensor(input, call).node
    d = dim_index(dim, len(node.shape), call)
    where = position(node, d, True)
    return pair(*_values_at(node, where, d, keepdim))


def _values_at(node: Node, where: Node, dim: int, keepdim: bool):
    """(values, indices): the elements at one position of dim each; the gradient goes to them alone."""
    found = ops.gather(node, where, dim) if node.shape else node
    if not keepdim and node.shape:
        left = (*node.shape[:dim], *node.shape[dim + 1 :])
        found, where = ops.reshape(found, left), ops.reshape(where, left)
    return wrap(found), wrap(where)


def max(input, dim=None, keepdim: bool = False, other=None):
    """The largest element; with dim, (values, indices) along it; with a tensor, the pointwise maximum."""
    dim = other if other is not None else dim
    return _extremum(input, dim, keepdim, "max", amax, ops.argmax, lambda x, y: x.maximum(y), _Pair.max)


def min(input, dim=None, keepdim: bool = False, other=None):
    """The smallest element; with dim, (values, indices) along it; with a tensor, the pointwise minimum."""
    dim = other if other is not None else dim
    return _extremum(input, dim, keepdim, "min", amin, ops.argmin, lambda x, y: x.minimum(y), _Pair.min)


def _position(op, input, dim, keepdim, call: str):
    node = require_tensor(input, call).node
    if node.dtype is bool_:
        raise RuntimeError(f"{call}(): does not support bool input; convert it to integers")
    if dim is not None:
        return wrap(op(node, dim_index(dim, len(node.shape), call), keepdim))
    if math.prod(node.shape) == 0:
        raise IndexError(f"{call}(): Expected reduction dim to be specified for input.numel() == 0. "
                         "Specify the reduction dim with the 'dim' argument.")
    found = op(ops.reshape(node, (math.prod(node.shape),)), 0, False)
    return wrap(ops.reshape(found, (1,) * len(node.shape)) if keepdim else found)


def argmax(input, dim=None, keepdim: bool = False):
    """Where the (first) maximum is, along dim or in the flattened tensor."""
    return _position(ops.argmax, input, dim, keepdim, "argmax")


def argmin(input, dim=None, keepdim: bool = False):
    """Where the (first) minimum is, along dim or in the flattened tensor."""
    return _position(ops.argmin, input, dim, keepdim, "argmin")


def _test(op, input, dim, keepdim, call: str):
    node = require_tensor(input, call).node
    found = op(node, _dims(dim, node, call), keepdim)
    return wrap(ops.cast(found, uint8) if node.dtype is uint8 else found)


def any(input, dim=None, keepdim: bool = False):
    """Whether some element is nonzero."""
    return _test(ops.any_, input, dim, keepdim, "any")


def all(input, dim=None, keepdim: bool = False):
    """Whether every element is nonzero."""
    return _test(ops.all_, input, dim, keepdim, "all")


def count_nonzero(input, dim=None):
    """How many elements are nonzero."""
    return sum(input != 0 if input.dtype is not bool_ else input, dim)


def cumsum(input, dim: int, *, dtype=None):
    """y_i = x_1 + ... + x_i along dim."""
    node = _integral_sum_type(_typed(input, dtype, "cumsum"), dtype)
    return wrap(ops.cumsum(node, dim_index(dim, len(node.shape), "cumsum")))


def cumprod(input, dim: int, *, dtype=None):
    """y_i = x_1 ... x_i along dim."""
    node = _integral_sum_type(_typed(input, dtype, "cumprod"), dtype)
    return wrap(ops.cumprod(node, dim_index(dim, len(node.shape), "cumprod")))


def logsumexp(input, dim, keepdim: bool = False):
    """log sum exp(x) over dim, without overflow."""
    node = to_float(require_tensor(input, "logsumexp").node)
    return wrap(ops.logsumexp(node, _dims(dim, node, "logsumexp"), keepdim))


def _euclidean(x: Tensor, dim, keepdim: bool):
    """The gradient x / |x| is 0 at 0, where sqrt alone would give nan."""
    total = sum(x * x, dim, keepdim).node
    zero = ops.eq(total, ops.number(0, total))
    root = ops.sqrt(ops.where(zero, ops.number(1, total), total))
    return wrap(ops.where(zero, ops.number(0, total), root))


def sort(input, dim: int = -1, descending: bool = False, stable: bool = False):
    """(values, indices) in order along dim; equal elements keep their order; nan is the largest."""
    node = require_tensor(input, "sort").node
    d = dim_index(dim, len(node.shape), "sort")
    order = ops.argsort(node, d, descending)
    return _Pair.sort(wrap(ops.gather(node, order, d) if node.shape else node), wrap(order))


def argsort(input, dim: int = -1, descending: bool = False, stable: bool = False):
    """The indices that sort along dim."""
    node = require_tensor(input, "argsort").node
    return wrap(ops.argsort(node, dim_index(dim, len(node.shape), "argsort"), descending))


def topk(input, k: int, dim: int = -1, largest: bool = True, sorted: bool = True):
    """(values, indices) of the k largest (or smallest) along dim, in order."""
    node = require_tensor(input, "topk").node
    d = dim_index(dim, len(node.shape), "topk")
    size = node.shape[d] if node.shape else 1
    if not 0 <= k <= size:
        raise RuntimeError(f"topk(): selected index k out of range: k={k}, the dimension has size {size}")
    if not node.shape:
        return _Pair.topk(wrap(node), wrap(ops.argsort(node, 0, largest)))
    order = ops.slice_along(ops.argsort(node, d, largest), d, 0, k)
    return _Pair.topk(wrap(ops.gather(node, order, d)), wrap(order))


def kthvalue(input, k: int, dim: int = -1, keepdim: bool = False):
    """(value, index) of the k-th smallest along dim; k counts from 1."""
    node = require_tensor(input, "kthvalue").node
    d = dim_index(dim, len(node.shape), "kthvalue")
    size = node.shape[d] if node.shape else 1
    if not 1 <= k <= size:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {d}: k={k}, size {size}")
    order = ops.argsort(node, d, False)
    where = ops.slice_along(order, d, k - 1, k) if node.shape else order
    return _Pair.kthvalue(*_values_at(node, where, d, keepdim))


def median(input, dim=None, keepdim: bool = False):
    """The middle element (the lower of two); with dim, (values, indices). nan if there is one."""
    x = require_tensor(input, "median")
    if dim is None and 0 in x.shape:
        return x.sum() + math.nan if x.is_floating_point() else x.new_full((), iinfo(x.dtype).min)
    if dim is None:
        return _median(x.reshape(-1), 0, False)[0]
    return _Pair.median(*_median(x, dim, keepdim))


def _median(x, dim: int, keepdim: bool):
    node = x.node
    d = dim_index(dim, len(node.shape), "median")
    size = node.shape[d] if node.shape else 1
    if size == 0:
        raise IndexError(f"median(): Expected reduction dim {d} to have non-zero size; the shape is {list(node.shape)}")
    order = ops.argsort(node, d, False)
    if not node.shape:
        return wrap(node), wrap(order)
    middle = ops.slice_along(order, d, (size - 1) // 2, (size - 1) // 2 + 1)
    if node.dtype.is_floating_point:  # nan sorts last: if the last is one, it is the answer
        last = ops.slice_along(order, d, size - 1, size)
        middle = ops.where(ops.isnan(ops.gather(node, last, d)), last, middle)
    return _values_at(node, middle, d, keepdim)
