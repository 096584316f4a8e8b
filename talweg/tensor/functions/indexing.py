"""x[...] in all its forms, and reading and writing at positions that are tensors."""

from __future__ import annotations

import math

import numpy as np

from ...core.dtypes import bool_, int64, uint8
from ...core.shapes import dim_index
from ...graph import ops
from ...graph.leaves import constant, from_array
from ...graph.node import Node
from .. import views
from ..autocast import promoted
from ..box import Box
from ..operands import as_dtype, is_number, number_dtype, number_node, require_tensor
from ..pending import value_of
from ..tensor import Tensor, wrap
from .pointwise import where
from .shape import broadcast_tensors


# --- x[key]
def getitem(x: Tensor, key):
    """A view for ints, slices, None and ...; a copy for index tensors and masks."""
    viewed, indices = _basic(x, _as_tuple(key))
    return wrap(_advanced(viewed, indices)) if indices else viewed


def setitem(x: Tensor, key, value) -> None:
    """x[key] = value, in place. The value broadcasts, and is converted to x's dtype."""
    viewed, indices = _basic(x, _as_tuple(key))
    target = viewed.node
    node = _value(value, target)
    if not indices:
        viewed._write(_fitted(node, target.shape))
        return
    dims = tuple(indices)
    shape = ops.index_result_shape(target.shape, [i.shape for i in indices.values()], dims)
    viewed._write(ops.index_put((target, _fitted(node, shape), *indices.values()), dims, False))


def _value(value, target: Node) -> Node:
    if isinstance(value, Box):
        return as_dtype(value.node, target.dtype)
    if is_number(value):
        return number_node(value, target.dtype)
    return from_array(np.asarray(value, dtype=target.dtype.numpy))


def _fitted(node: Node, shape: tuple) -> Node:
    """The value at the written shape; leading dimensions of size 1 may be dropped."""
    while len(node.shape) > len(shape) and node.shape[0] == 1:
        node = ops.reshape(node, node.shape[1:])
    if node.shape == shape:
        return node
    try:
        return ops.expand(node, shape)
    except RuntimeError:
        raise RuntimeError(f"shape mismatch: value tensor of shape {list(node.shape)} cannot be broadcast to indexing "
                           f"result of shape {list(shape)}") from None


def _as_tuple(key) -> tuple:
    if isinstance(key, list) and any(isinstance(k, (slice, type(None), type(...), Box, list, tuple, range)) for k in key):
        key = tuple(key)
    entries = key if isinstance(key, tuple) else (key,)
    return tuple([list(k) if isinstance(k, (tuple, range)) else k for k in entries])


def _is_index(k) -> bool:
    """Whether an entry of the key is an index tensor (or what becomes one)."""
    return isinstance(k, (Box, np.ndarray, list, bool, np.bool_))


def _is_single_mask(k) -> bool:
    """A mask without dimensions: it adds one, which it keeps or empties."""
    if isinstance(k, Box):
        return k.dim() == 0 and k.dtype in (bool_, uint8)
    return isinstance(k, (bool, np.bool_)) or (isinstance(k, np.ndarray) and k.ndim == 0 and k.dtype == bool)


def _width(k) -> int:
    """How many dimensions an entry of the key uses up."""
    if k is None or k is ... or isinstance(k, (bool, np.bool_)):
        return 0
    if isinstance(k, Box):
        return max(k.dim(), 0) if k.dtype in (bool_, uint8) else 1
    if isinstance(k, (np.ndarray, list)):
        array = np.asarray(k)
        return array.ndim if array.dtype == bool else 1
    return 1


def _complete(x: Tensor, key: tuple) -> list:
    """The key with `...` written out and full slices at the end."""
    used = sum(map(_width, key))
    if used > x.dim():
        raise IndexError(f"too many indices for tensor of dimension {x.dim()}")
    rest = [slice(None)] * (x.dim() - used)
    at = next((i for i, k in enumerate(key) if k is ...), None)
    if at is None:
        return [*key, *rest]
    if any(k is ... for k in key[at + 1 :]):
        raise IndexError("an index can only have a single ellipsis ('...')")
    return [*key[:at], *rest, *key[at + 1 :]]


def _basic(x, key: tuple) -> tuple[Tensor, dict[int, Node]]:
    """The view that the ints, slices and Nones of a key select, and the index tensors left, by its dimensions."""
    indices: dict[int, Node] = {}
    dim = 0
    for k in _complete(x, key):
        if _is_index(k) and not (isinstance(k, Box) and k.dim() == 0 and k.dtype.category == "integer"):
            if _is_single_mask(k):
                x = views.unsqueeze(x, dim)
            for node in _index_nodes(k, x, dim):
                indices[dim] = node
                dim += 1
        elif k is None:
            x = views.unsqueeze(x, dim)
            dim += 1
        elif isinstance(k, slice):
            x = _sliced(x, dim, k)
            dim += 1
        else:
            x = views.select(x, dim, _integer(k, x))
    return x, indices


def _integer(k, x: Tensor) -> int:
    try:
        return k.__index__()
    except AttributeError:
        error = TypeError if isinstance(k, (str, bytes)) else IndexError
        raise error(f"only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
                         f"(got {type(k).__name__})") from None


def _sliced(x: Tensor, dim: int, k: slice) -> Tensor:
    step = 1 if k.step is None else int(k.step)
    if step < 1:
        raise ValueError(f"step must be greater than zero, got {step}; use flip() to reverse")
    start, stop, _ = slice(None if k.start is None else int(k.start), None if k.stop is None else int(k.stop)).indices(
        x.node.shape[dim]
    )
    return views.slice_dim(x, dim, start, max(stop, start), step)


def _index_nodes(k, x: Tensor, dim: int) -> list[Node]:
    """One int64 index for each dimension an entry uses: a mask becomes the positions where it holds."""
    if isinstance(k, (bool, np.bool_)):
        return [from_array(np.zeros(1 if k else 0, np.int64))]
    if isinstance(k, Box) and k.dtype not in (bool_, uint8):
        if k.dtype.category != "integer":
            raise IndexError(f"tensors used as indices must be long, int, byte or bool tensors, not {k.dtype.name}")
        return [_checked(as_dtype(k.node, int64), x.node.shape[dim], dim)]
    array = value_of(k.node) if isinstance(k, Box) else np.asarray(k)
    if array.dtype in (np.dtype(bool), np.dtype(np.uint8)) and (isinstance(k, Box) or array.dtype == bool):
        return _mask_nodes(array.astype(bool), x, dim)
    if array.dtype.kind not in "iu" and array.size:
        raise IndexError(f"arrays used as indices must be of integer or bool type, not {array.dtype}")
    return [_checked(from_array(array.astype(np.int64)), x.node.shape[dim], dim)]


def _mask_nodes(mask: np.ndarray, x: Tensor, dim: int) -> list[Node]:
    covered = x.node.shape[dim : dim + mask.ndim]
    if mask.shape != covered:
        raise IndexError(f"The shape of the mask {list(mask.shape)} at index {dim} does not match the shape of the indexed "
                         f"tensor {list(x.node.shape)} at index {dim}")
    return [from_array(i.astype(np.int64)) for i in (np.nonzero(mask) if mask.ndim else [np.zeros(int(mask))])]


EARLY_CHECK = 65536
"""Index tensors up to this size whose value is known are checked where the user indexes; others at evaluation."""


def _checked(index: Node, size: int, dim: int) -> Node:
    if index.value is not None and 0 < index.value.size <= EARLY_CHECK:
        low, high = int(index.value.min()), int(index.value.max())
        if low < -size or high >= size:
            wrong = high if high >= size else low
            raise IndexError(f"index {wrong} is out of bounds for dimension {dim} with size {size}")
    return index


def _advanced(x: Tensor, indices: dict[int, Node]) -> Node:
    return ops.index((x.node, *indices.values()), tuple(indices))


# --- functions
def _index_node(index, call: str) -> Node:
    node = require_tensor(index, call).node
    if node.dtype.category != "integer":
        raise RuntimeError(f"{call}(): Expected dtype int32/int64 for index, got {node.dtype.name}")
    return as_dtype(node, int64)


def gather(input, dim: int, index, *, sparse_grad: bool = False):
    """out[.., i, ..] = input[.., index[.., i, ..], ..]: read along dim at index."""
    node = require_tensor(input, "gather").node
    d = dim_index(dim, len(node.shape), "gather")
    where = _index_node(index, "gather")
    if 0 in where.shape and len(where.shape) != len(node.shape):
        nothing = ops.slice_along(ops.reshape(node, (math.prod(node.shape),)), 0, 0, 0)
        return wrap(ops.reshape(nothing, where.shape))
    if not node.shape and len(where.shape) == 1:
        node = ops.reshape(node, (1,))
    if node.shape and where.shape:
        _checked_nonnegative(where, node.shape[d], d, "gather")
    return wrap(ops.gather(node, where, d))


def _checked_nonnegative(index: Node, size: int, dim: int, call: str, error: type[Exception] = RuntimeError) -> None:
    value = index.value
    if value is not None and 0 < value.size <= EARLY_CHECK and (int(value.min()) < 0 or int(value.max()) >= size):
        wrong = int(value.max()) if int(value.max()) >= size else int(value.min())
        raise error(f"{call}(): index {wrong} is out of bounds for dimension {dim} with size {size}")


def take_along_dim(input, indices, dim=None):
    """gather with indices that broadcast against the input; the flattened input without dim."""
    if dim is None:
        return gather(input.reshape(-1), 0, indices.reshape(-1))
    d = dim_index(dim, input.dim(), "take_along_dim")
    shape = [max(a, b) if i != d else 0 for i, (a, b) in enumerate(zip(input.shape, indices.shape))]
    indices = where(indices < 0, indices + input.shape[d], indices)
    wide = [indices.shape[d] if i == d else s for i, s in enumerate(shape)]
    tall = [input.shape[d] if i == d else s for i, s in enumerate(shape)]
    return gather(input.expand(*tall), d, indices.expand(*wide))


def take(input, index):
    """Elements by their position in the flattened input."""
    return getitem(input.reshape(-1), index)


def scatter(input, dim: int, index, src=None, *, value=None, reduce: str | None = None):
    """input with out[.., index[.., i, ..], ..] = src[.., i, ..] along dim."""
    x = require_tensor(input, "scatter")
    src = value if src is None else src
    where = _index_node(index, "scatter")
    d = dim_index(dim, x.dim(), "scatter")
    node = ops.expand(number_node(src, x.dtype), where.shape) if is_number(src) else src.node
    if len(node.shape) != len(where.shape):
        raise RuntimeError(f"scatter(): Index tensor must have the same number of dimensions as src tensor: index "
                           f"{list(where.shape)}, src {list(node.shape)}")
    _checked_nonnegative(where, x.node.shape[d] if x.dim() else 1, d, "scatter")
    if node.dtype is not x.dtype:
        raise RuntimeError(f"scatter(): Expected self.dtype to be equal to src.dtype, got {x.dtype.name}, {node.dtype.name}")
    if reduce == "add":
        return wrap(ops.scatter_add(x.node, where, node, d))
    if reduce is not None:
        raise RuntimeError(f"scatter(): reduce argument must be 'add' or None, got {reduce!r}")
    return wrap(ops.scatter(x.node, where, node, d))


def scatter_add(input, dim: int, index, src):
    """input with src added at the places that index names along dim; equal places add up."""
    return scatter(input, dim, index, src, reduce="add")


def index_select(input, dim: int, index):
    """The positions `index` (1-d) along dim."""
    x = require_tensor(input, "index_select")
    where = _index_node(index, "index_select")
    if len(where.shape) > 1:
        raise IndexError(f"index_select(): Index is supposed to be a vector, got shape {list(where.shape)}")
    where = ops.reshape(where, (1,)) if not where.shape else where
    d = dim_index(dim, x.dim(), "index_select")
    node = x.node if x.dim() else ops.reshape(x.node, (1,))
    _checked_nonnegative(where, node.shape[d], d, "index_select", IndexError)
    found = ops.index((node, where), (d,))
    return wrap(found if x.dim() else ops.reshape(found, ()))


def _index_write(input, dim: int, index, source, accumulate: bool, call: str, alpha=1):
    x = require_tensor(input, call)
    where = _index_node(index, call)
    d = dim_index(dim, x.dim(), call)
    node = as_dtype(source.node, x.dtype)
    if alpha != 1:
        node = ops.mul(node, number_node(alpha, node.dtype))
    shape = x.node.shape or (1,)
    rows = _at_rows(node, shape, d, where, call)
    written = ops.index_put((ops.reshape(x.node, shape), rows, _as_vector(where)), (d,), accumulate)
    return wrap(written if x.dim() else ops.reshape(written, ()))


def _as_vector(index: Node) -> Node:
    return index if len(index.shape) == 1 else ops.reshape(index, (1,))


def _at_rows(source: Node, shape: tuple, dim: int, index: Node, call: str) -> Node:
    """The source of an index write in its shape: `shape` with as many rows along dim as there are indices."""
    if len(index.shape) > 1:
        raise IndexError(f"{call}(): Index is supposed to be a vector, got shape {list(index.shape)}")
    wanted = (*shape[:dim], math.prod(index.shape), *shape[dim + 1 :])
    if math.prod(source.shape) != math.prod(wanted) or (source.shape not in (wanted, ()) and len(shape) > 1):
        raise RuntimeError(f"{call}(): source of shape {list(source.shape)} does not fit {math.prod(index.shape)} positions "
                           f"along dimension {dim} of a tensor of shape {list(shape)}: it must have shape {list(wanted)}")
    return source if source.shape == wanted else ops.reshape(source, wanted)


def index_add(input, dim: int, index, source, *, alpha=1):
    """input with alpha source added at the positions `index` along dim."""
    return _index_write(input, dim, index, source, True, "index_add", alpha)


@promoted
def index_copy(input, dim: int, index, source):
    """input with the positions `index` along dim replaced by source."""
    return _index_write(input, dim, index, source, False, "index_copy")


def index_fill(input, dim: int, index, value):
    """input with the positions `index` along dim filled with a number."""
    x = require_tensor(input, "index_fill")
    where = _index_node(index, "index_fill")
    d = dim_index(dim, x.dim(), "index_fill")
    size = x.node.shape[d] if x.dim() else 1
    _checked_nonnegative(where, size, d, "index_fill", IndexError)
    if len(where.shape) > 1:
        raise IndexError(f"index_fill_(): Index is supposed to be a vector, got shape {list(where.shape)}")
    rows = _as_vector(where)
    no, yes = (ops.expand(constant(v, bool_), n) for v, n in ((False, (size,)), (True, rows.shape)))
    chosen = ops.index_put((no, yes, rows), (0,), False)
    shape = tuple(size if i == d else 1 for i in range(x.dim()))
    return wrap(ops.where(ops.reshape(chosen, shape), _value(value, x.node), x.node))


def index_put(input, indices, values, accumulate: bool = False):
    """input with input[indices] = values, or += with accumulate (equal positions add up)."""
    x = require_tensor(input, "index_put")
    viewed, found = _basic(x, tuple(slice(None) if i is None else i for i in indices))
    dims = tuple(found)
    shape = ops.index_result_shape(viewed.node.shape, [i.shape for i in found.values()], dims)
    value = _fitted(_value(values, viewed.node), shape)
    return wrap(ops.index_put((viewed.node, value, *found.values()), dims, accumulate))


def masked_fill(input, mask, value):
    """input with a number (or 0-d tensor) where the mask holds."""
    x = require_tensor(input, "masked_fill")
    if mask.dtype is not bool_:
        raise RuntimeError(f"masked_fill only supports boolean masks, but got mask with dtype {mask.dtype}")
    if isinstance(value, Box) and value.dim() != 0:
        raise RuntimeError(f"masked_fill only supports a 0-dimensional value tensor, but got tensor with {value.dim()} "
                           "dimension(s).")
    kind = value.node.dtype if isinstance(value, Box) else number_dtype(value)
    if kind.is_complex and not x.dtype.is_complex:
        raise RuntimeError(f"masked_fill: value cannot be converted to type {x.dtype.name} without overflow: it is complex")
    return wrap(ops.where(mask.node, _value(value, x.node), x.node))


def masked_select(input, mask):
    """The elements where the mask holds, in row-major order."""
    if mask.dtype is not bool_:
        raise RuntimeError(f"masked_select: expected BoolTensor for mask, got {mask.dtype}")
    x, chosen = broadcast_tensors(input, mask)
    return getitem(x, chosen)


def masked_scatter(input, mask, source):
    """input with the elements of source, in order, where the mask holds."""
    if mask.dtype is not bool_:
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.dtype.name}")
    if source.dtype is not input.dtype:
        raise RuntimeError(f"masked_scatter: expected self and source to have same dtypes but got {input.dtype.name} and "
                           f"{source.dtype.name}")
    input = input.broadcast_to(np.broadcast_shapes(input.shape, mask.shape))
    chosen = np.broadcast_to(value_of(mask.node), input.shape)
    count = int(chosen.sum())
    if source.numel() < count:
        raise RuntimeError(f"masked_scatter: expected source to have at least {count} elements, it has {source.numel()}")
    if not input.dim():
        return where(mask, source.reshape(-1)[0], input) if count else input.clone()
    places = tuple(Tensor._from_array(i.astype(np.int64)) for i in np.nonzero(chosen))
    return index_put(input, places, source.reshape(-1)[:count])


def nonzero(input, *, as_tuple: bool = False):
    """The indices of the nonzero elements, one row each (or one tensor a dimension)."""
    x = require_tensor(input, "nonzero")
    found = np.nonzero(np.atleast_1d(value_of(x.node)))
    columns = [i.astype(np.int64) for i in found]
    if as_tuple:
        return tuple(Tensor._from_array(c) for c in columns)
    rows = np.stack(columns, axis=1) if x.dim() else np.zeros((len(columns[0]), 0), np.int64)
    return Tensor._from_array(rows)


argwhere = nonzero
