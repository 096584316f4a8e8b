"""Reading and writing at positions that are themselves data. Indices are int64; a negative one counts from the end.

Evaluation checks every index and raises IndexError for one out of range.
"""

from __future__ import annotations

from ...core.dtypes import int64
from ...core.shapes import broadcast_all
from ..declare import NO_GRADIENT, VARIADIC, Op, same_dtype
from .movement import full, pad


def _check_along(name, x, index, dim):
    if index.dtype is not int64:
        raise RuntimeError(f"{name}(): Expected dtype int64 for index, got {index.dtype.name}")
    if len(index.shape) != len(x.shape):
        raise RuntimeError(f"{name}(): Index tensor must have the same number of dimensions as input tensor: "
                           f"index {list(index.shape)}, input {list(x.shape)}")
    for i, (wanted, size) in enumerate(zip(index.shape, x.shape)):
        if i != dim and wanted > size:
            raise RuntimeError(f"{name}(): Size does not match at dimension {i}: expected index {list(index.shape)} "
                               f"to be no larger than {list(x.shape)} apart from dimension {dim}")


def _infer_gather(x, index, dim):
    _check_along("gather", x, index, dim)
    return index.shape, x.dtype


# out[.., i, ..] = x[.., index[.., i, ..], ..]
gather = Op(
    "gather", 2, "index", _infer_gather,
    (lambda g, out, x, index, dim: scatter_add(full(0, x.shape, g), index, g, dim), NO_GRADIENT),
    attr_names=("dim",),
)


def _infer_scatter(name):
    def infer(x, index, source, dim):
        _check_along(name, x, index, dim)
        same_dtype(name, x, source)
        if any(i > s for i, s in zip(index.shape, source.shape)):
            raise RuntimeError(f"{name}(): Expected index {list(index.shape)} to be no larger than src {list(source.shape)}")
        return x.shape, x.dtype

    return infer


def _read_back(g, index, source, dim):
    """Upstream at the written places; zero for the part of the source that the index did not use."""
    taken = gather(g, index, dim)
    if index.shape == source.shape:
        return taken
    rest = tuple(s - i for s, i in zip(source.shape, index.shape))
    return pad(taken, (0,) * len(rest), rest, 0)


scatter_add = Op(
    "scatter_add", 3, "index", _infer_scatter("scatter_add"),
    (
        lambda g, out, x, index, source, dim: g,
        NO_GRADIENT,
        lambda g, out, x, index, source, dim: _read_back(g, index, source, dim),
    ),
    attr_names=("dim",),
)
scatter = Op(
    "scatter", 3, "index", _infer_scatter("scatter"),
    (
        lambda g, out, x, index, source, dim: scatter(g, index, full(0, index.shape, g), dim),
        NO_GRADIENT,
        lambda g, out, x, index, source, dim: _read_back(g, index, source, dim),
    ),
    attr_names=("dim",),
)


def index_result_shape(shape, index_shapes, dims):
    """NumPy's rule: the broadcast indices stand where the indexed dimensions were, or in front if those are apart."""
    found = broadcast_all(index_shapes, "index")
    rest = [s for i, s in enumerate(shape) if i not in dims]
    adjacent = dims[-1] - dims[0] == len(dims) - 1
    at = dims[0] if adjacent else 0
    return (*rest[:at], *found, *rest[at:])


def _infer_index(nodes, dims):
    x, *indices = nodes
    if any(i.dtype is not int64 for i in indices):
        raise IndexError("index: tensors used as indices must be int64 here")
    return index_result_shape(x.shape, [i.shape for i in indices], dims), x.dtype


class _IndexGradients:
    def __getitem__(self, position):
        return NO_GRADIENT if position else _index_gradient


def _index_gradient(g, out, nodes, dims):
    return index_put((full(0, nodes[0].shape, g), g, *nodes[1:]), dims, True)


# x[i0, :, i1]: index tensors for some dimensions, all of the others.
index = Op("index", VARIADIC, "index", _infer_index, _IndexGradients(), attr_names=("dims",))


def _infer_index_put(nodes, dims, accumulate):
    x, value, *indices = nodes
    same_dtype("index_put", x, value)
    wanted = index_result_shape(x.shape, [i.shape for i in indices], dims)
    if value.shape != wanted:
        raise RuntimeError(f"index_put: shape mismatch: value of shape {list(value.shape)} cannot be written to "
                           f"indexing result of shape {list(wanted)}")
    return x.shape, x.dtype


class _IndexPutGradients:
    def __getitem__(self, position):
        return (_kept_gradient, _written_gradient)[position] if position < 2 else NO_GRADIENT


def _kept_gradient(g, out, nodes, dims, accumulate):
    return g if accumulate else index_put((g, full(0, nodes[1].shape, g), *nodes[2:]), dims, False)


def _written_gradient(g, out, nodes, dims, accumulate):
    return index((g, *nodes[2:]), dims)


# x with x[i0, :, i1] = value (or += value, where equal positions add up). Inputs: x, value, the indices.
index_put = Op("index_put", VARIADIC, "index", _infer_index_put, _IndexPutGradients(), attr_names=("dims", "accumulate"))
