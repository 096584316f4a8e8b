"""Unique elements, membership, places in sorted numbers, histograms and counts."""

from __future__ import annotations

import builtins
import math

import numpy as np

from ...core.dtypes import float32, float64, int32, int64, promote_types
from ...core.shapes import dim_index
from ...graph import ops
from .. import return_types
from ..box import Box
from ..keywords import also_named
from ..operands import as_dtype, is_number, pair, require_tensor
from ..pending import value_of
from ..tensor import Tensor, wrap
from .creation import linspace, tensor, zeros
from .indexing import scatter_add
from .reduce import sort


def msort(input):
    """Sorted along the first dimension."""
    return sort(input, 0).values


def _comparable(x: Tensor) -> np.ndarray:
    found = value_of(x.node)
    return found.astype(np.float32) if found.dtype.kind == "V" else found


def _results(values: np.ndarray, like: Tensor, inverse, counts, wanted: tuple[bool, bool]):
    first = Tensor._from_array(values.astype(like.dtype.numpy))
    others = [Tensor._from_array(np.asarray(a).astype(np.int64)) for a, w in zip((inverse, counts), wanted) if w]
    return (first, *others) if others else first


def unique(input, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None):
    """The different elements in ascending order; with dim, the different slices. Also where each element went
    (`return_inverse`) and how often each occurs (`return_counts`). Every nan is different from every other."""
    x = require_tensor(input, "unique")
    array = _comparable(x)
    wanted = (return_inverse, return_counts)
    if dim is None:
        values, inverse, counts = np.unique(array, return_inverse=True, return_counts=True, equal_nan=False)
        return _results(values, x, inverse.reshape(array.shape), counts, wanted)
    d = dim_index(dim, x.dim(), "unique")
    if array.shape[d] == 0:
        if 0 in array.shape[:d] + array.shape[d + 1 :]:
            raise RuntimeError("unique: There are 0 sized dimensions, and they aren't selected, so unique cannot be applied")
        nothing = np.zeros(0, np.int64)
        return _results(array, x, nothing, nothing, wanted)
    if array.size == 0:
        raise RuntimeError("unique: There are 0 sized dimensions, and they aren't selected, so unique cannot be applied")
    values, inverse, counts = np.unique(array, return_inverse=True, return_counts=True, axis=d, equal_nan=False)
    return _results(values, x, inverse.reshape(-1), counts, wanted)


def unique_consecutive(input, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None):
    """Runs of equal elements (with dim, of equal slices) as one each."""
    x = require_tensor(input, "unique_consecutive")
    array = _comparable(x)
    d = None if dim is None else dim_index(dim, x.dim(), "unique_consecutive")
    rows = array.reshape(-1, 1) if d is None else np.moveaxis(array, d, 0)
    rows = rows.reshape(rows.shape[0], math.prod(rows.shape[1:]))
    starts = np.ones(len(rows), bool)
    starts[1:] = (rows[1:] != rows[:-1]).any(1)
    places = np.flatnonzero(starts)
    inverse = np.cumsum(starts) - 1
    counts = np.diff(np.append(places, len(rows)))
    values = array.reshape(-1)[places] if d is None else np.take(array, places, axis=d)
    inverse = inverse.reshape(array.shape) if d is None else inverse
    return _results(values, x, inverse, counts, (return_inverse, return_counts))


@also_named(element="elements", test_element="test_elements")
def isin(elements, test_elements, *, assume_unique: bool = False, invert: bool = False):
    """Whether each element is one of test_elements."""
    for x in (elements, test_elements):
        if isinstance(x, Box) and x.is_complex():
            raise RuntimeError(f"Unsupported input type encountered for isin(): {x.dtype.name}")
    if not isinstance(elements, Box) and not isinstance(test_elements, Box):
        raise TypeError("isin(): at least one of elements and test_elements must be a Tensor")
    a, b = pair(elements, test_elements, "isin")
    a, b = ops.detach(a), ops.detach(b)
    count = math.prod(b.shape)
    equal = ops.eq(ops.reshape(a, (*a.shape, 1)), ops.reshape(b, (count,)))
    found = ops.any_(equal, (len(a.shape),), False)
    return wrap(ops.logical_not(found) if invert else found)


# --- places in sorted numbers
def searchsorted(sorted_sequence, input, *, out_int32: bool = False, right: bool = False, side: str | None = None, sorter=None):
    """Where each value belongs in the last dimension of sorted_sequence: before equal ones, behind them if right."""
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError("torch.searchsorted(): side and right can't be set to opposites, got side of left while right was "
                           "True")
    sequence = require_tensor(sorted_sequence, "searchsorted")
    if sequence.dim() == 0:
        raise RuntimeError("torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension")
    if sorter is not None:
        sequence = _ordered(sequence, sorter)
    values = input if isinstance(input, Box) else tensor(input, dtype=sequence.dtype)
    if is_number(input) and sequence.dim() != 1:
        raise RuntimeError("torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1")
    if sequence.dim() != 1 and (values.dim() != sequence.dim() or values.shape[:-1] != sequence.shape[:-1]):
        raise RuntimeError("torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of "
                           f"boundaries tensor and input value tensor must match, but we got {list(sequence.shape)} and "
                           f"{list(values.shape)}")
    kind = promote_types(sequence.dtype, values.dtype)
    found = ops.searchsorted(as_dtype(sequence.node, kind), as_dtype(values.node, kind), right or side == "right")
    return wrap(ops.cast(found, int32) if out_int32 else found)


def _ordered(sequence: Tensor, sorter: Tensor) -> Tensor:
    if sorter.shape != sequence.shape:
        raise RuntimeError(f"torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor "
                           f"{list(sequence.shape)}and got sorter tensor {list(sorter.shape)}")
    if sorter.dtype is not int64:
        raise RuntimeError(f"torch.searchsorted(): sorter must be a tensor of long dtype but got dtype {sorter.dtype.name}")
    if sorter.numel() and (int(sorter.min()) < 0 or int(sorter.max()) >= sequence.shape[-1]):
        raise RuntimeError("torch.searchsorted(): sorter index out of range")
    return sequence.gather(-1, sorter)


def bucketize(input, boundaries, *, out_int32: bool = False, right: bool = False):
    """searchsorted with the boundaries, a vector, as second argument."""
    if require_tensor(boundaries, "bucketize").dim() != 1:
        raise RuntimeError(f"bucketize: boundaries tensor must be 1 dimension, but got dim({boundaries.dim()})")
    values = input if isinstance(input, Box) else tensor(input)
    a, b = pair(boundaries, values, "bucketize")
    found = ops.searchsorted(a, b, right)
    return wrap(ops.cast(found, int32) if out_int32 else found)


# --- histograms and counts
def _bounds(x: Tensor, low: float, high: float, call: str) -> tuple[float, float]:
    """The range given, or that of the data; widened where it has no length."""
    if low == high and x.numel():
        low, high = float(x.detach().min()), float(x.detach().max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{call}: range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"{call}: max must be larger than min, got [{low}, {high}]")
    return (low - 1, high + 1) if low == high and call == "torch.histc" else (low, high)


def histc(input, bins: int = 100, min=0, max=0):
    """How many elements lie in each of `bins` equal parts of [min, max] (of the data's range if those are equal)."""
    x = require_tensor(input, "histc")
    if bins <= 0:
        raise RuntimeError("bins must be > 0")
    if not x.is_floating_point():
        raise NotImplementedError(f"histc: not implemented for '{x.dtype.name}' on the CPU; convert to floats")
    low, high = _bounds(x, float(min), float(max), "torch.histc")
    flat = x.detach().reshape(-1)
    inside = (flat >= low) & (flat <= high)
    places = ((flat.nan_to_num() - low) / (high - low) * bins).floor().to(int64).clamp(0, bins - 1)
    return scatter_add(zeros(bins, dtype=x.dtype), 0, places, inside.to(x.dtype))


def bincount(input, weights=None, minlength: int = 0):
    """How often (with what total weight) each whole number from 0 occurs."""
    x = require_tensor(input, "bincount")
    if x.dim() != 1 or x.dtype.category != "integer":
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if weights is not None and (weights.dim() != 1 or weights.shape != x.shape):
        raise RuntimeError("weights should be 1-d and have the same length as input")
    if x.numel() == 0:
        return zeros(minlength, dtype=int64)
    if int(x.min()) < 0:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    count = builtins.max(int(x.max()) + 1, minlength)
    if weights is None:
        return scatter_add(zeros(count, dtype=int64), 0, x.to(int64), zeros(x.shape[0], dtype=int64) + 1)
    kind = weights.dtype if weights.dtype is float32 else float64
    return scatter_add(zeros(count, dtype=kind), 0, x.to(int64), weights.detach().to(kind))


def histogram(input, bins=100, *, range=None, weight=None, density: bool = False):
    """(hist, bin_edges): the (weighted) number of elements between each two edges, `bins` of which may be given as their
    number or as the edges; as a density with `density`."""
    x = require_tensor(input, "histogram")
    if isinstance(bins, Box):
        edges = bins.detach()
    else:
        edges = _edges(x, bins, range, "histogram")
    hist = _histogram([x.detach().reshape(-1)], [edges], weight, density)
    return return_types.histogram(hist, edges)


def _edges(x: Tensor, bins: int, span, call: str) -> Tensor:
    if bins < 1:
        raise RuntimeError(f"torch.{call}(): bins must be > 0, but got {bins}")
    low, high = span if span is not None else (0, 0)
    low, high = _bounds(x, low, high, f"torch.{call}") if x.numel() or span is not None else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return linspace(low, high, bins + 1, dtype=x.dtype)


def _histogram(columns: list[Tensor], edges: list[Tensor], weight, density: bool) -> Tensor:
    """Counts on a grid: the last bin of each dimension has its upper edge too."""
    shape = [e.shape[0] - 1 for e in edges]
    dtype = columns[0].dtype
    inside, place = None, None
    for x, edge, n in zip(columns, edges, shape):
        here = (x >= edge[0]) & (x <= edge[-1])
        at = (searchsorted(edge, x.contiguous(), right=True) - 1).clamp(0, n - 1)
        inside = here if inside is None else inside & here
        place = at if place is None else place * n + at
    assert inside is not None
    counted = inside.to(dtype) if weight is None else inside.to(dtype) * weight.detach().reshape(-1).to(dtype)
    hist = scatter_add(zeros(math.prod(shape), dtype=dtype), 0, place, counted).reshape(shape)
    if density:
        hist = hist / hist.sum()
        for i, edge in enumerate(edges):
            hist = hist / (edge[1:] - edge[:-1]).reshape([-1 if i == j else 1 for j in builtins.range(len(shape))])
    return hist


def histogramdd(input, bins, *, range=None, weight=None, density: bool = False):
    """(hist, bin_edges) of points (..., D) on a D-dimensional grid."""
    x = require_tensor(input, "histogramdd").detach()
    if x.dim() < 2:
        raise RuntimeError(f"torch.histogramdd: input tensor should have at least 2 dimensions, but got {x.dim()}")
    count = x.shape[-1]
    columns = [x.reshape(-1, count)[:, i] for i in builtins.range(count)]
    kinds = [bins] * count if isinstance(bins, (int, Box)) else list(bins)
    if len(kinds) != count:
        raise RuntimeError(f"torch.histogramdd: The size of bins must be equal to the innermost dimension of the input: "
                           f"{len(kinds)}, {count}")
    spans = [None] * count if range is None else [tuple(range[2 * i : 2 * i + 2]) for i in builtins.range(count)]
    edges = [b.detach() if isinstance(b, Box) else _edges(c, b, s, "histogramdd") for b, c, s in zip(kinds, columns, spans)]
    return return_types.histogramdd(_histogram(columns, edges, weight, density), tuple(edges))

