"""Shapes: views where PyTorch gives views, copies where it copies."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...core.dtypes import dtype as DType
from ...core.dtypes import int64, promote_types
from ...core.shapes import broadcast_all, contiguous_strides, dim_index, dim_indices, resolve_reshape
from ...graph import ops
from .. import views
from ..autocast import promoted
from ..keywords import also_named, variadic
from ..operands import as_dtype, require_tensor
from ..tensor import Tensor, wrap


def _sizes(sizes) -> tuple[int, ...]:
    """`f(2, 3)` and `f((2, 3))` mean the same."""
    if len(sizes) == 1 and isinstance(sizes[0], Sequence):
        sizes = sizes[0]
    return tuple(int(s) for s in sizes)


@variadic("shape")
def reshape(input, *shape):
    """The same elements in row-major order under another shape; a view where the strides allow one."""
    x = require_tensor(input, "reshape")
    wanted = resolve_reshape(x.node.shape, _sizes(shape), "reshape")
    found = views.view(x, wanted)
    return wrap(ops.reshape(x.node, wanted)) if found is None else found


@variadic("dtype")
@variadic("size")
def view(input, *shape):
    """As reshape, and never a copy: raises RuntimeError where the strides do not allow a view.

    view(dtype): the same bytes as numbers of another type, without a gradient; the last dimension changes with their size.
    """
    x = require_tensor(input, "view")
    if len(shape) == 1 and (isinstance(shape[0], str) or not isinstance(shape[0], (int, Sequence))):
        if not isinstance(shape[0], DType):
            raise TypeError(f"view(): takes sizes or a dtype, not {type(shape[0]).__name__}")
        return x if shape[0] is x.dtype else views.bits(x, shape[0])
    wanted = resolve_reshape(x.node.shape, _sizes(shape), "view")
    found = views.view(x, wanted)
    if found is None:
        raise RuntimeError("view size is not compatible with input tensor's size and stride (at least one dimension spans "
                           "across two contiguous subspaces). Use .reshape(...) instead.")
    return found


def view_as(input, other):
    """view(other.shape)"""
    return view(input, other.shape)


def reshape_as(input, other):
    """reshape(other.shape)"""
    return reshape(input, other.shape)


def flatten(input, start_dim: int = 0, end_dim: int = -1):
    """The dimensions from start_dim to end_dim as one."""
    x = require_tensor(input, "flatten")
    shape = x.node.shape
    start, end = dim_index(start_dim, len(shape), "flatten"), dim_index(end_dim, len(shape), "flatten")
    if start > end:
        raise RuntimeError(f"flatten() has invalid args: start_dim {start_dim} cannot come after end_dim {end_dim}")
    if not shape:
        return reshape(x, 1)
    return x if start == end else reshape(x, *shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])


def ravel(input):
    """All elements in one dimension."""
    return reshape(input, -1)


def unflatten(input, dim: int, sizes):
    """One dimension as several."""
    x = require_tensor(input, "unflatten")
    shape = x.node.shape
    d = dim_index(dim, len(shape), "unflatten")
    inner = resolve_reshape((shape[d],), tuple(sizes), "unflatten")
    return reshape(x, *shape[:d], *inner, *shape[d + 1 :])


@variadic("dims")
def permute(input, *dims):
    """The dimensions in another order."""
    x = require_tensor(input, "permute")
    rank = x.dim()
    order = tuple(dim_index(d, rank, "permute") for d in _sizes(dims))
    if len(order) != rank or len(set(order)) != rank:
        raise RuntimeError(f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
                           f"desired ordering of dimensions: {rank} dimensions, ordering {list(order)}")
    return views.permute(x, order)


def transpose(input, dim0: int, dim1: int):
    """Two dimensions exchanged."""
    x = require_tensor(input, "transpose")
    rank = x.dim()
    a, b = dim_index(dim0, rank, "transpose"), dim_index(dim1, rank, "transpose")
    order = list(range(rank))
    if rank:
        order[a], order[b] = order[b], order[a]
    return views.permute(x, tuple(order))


swapdims = transpose
swapaxes = also_named(axis0="dim0", axis1="dim1")(transpose)


def t(input):
    """The transpose of a matrix; a vector or a 0-d tensor is itself."""
    x = require_tensor(input, "t")
    if x.dim() > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {x.dim()}D")
    return transpose(x, 0, 1) if x.dim() == 2 else views.permute(x, tuple(range(x.dim())))


def movedim(input, source, destination):
    """Dimensions moved to other places, the rest in order."""
    x = require_tensor(input, "movedim")
    rank = x.dim()
    sources = [dim_index(d, rank, "movedim") for d in ((source,) if isinstance(source, int) else source)]
    targets = [dim_index(d, rank, "movedim") for d in ((destination,) if isinstance(destination, int) else destination)]
    for given, name in ((sources, "source"), (targets, "destination")):
        if len(set(given)) != len(given):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({given})")
    if len(sources) != len(targets):
        raise RuntimeError(f"movedim: Invalid source or destination dims: source ({sources} dims) should contain the same "
                           f"number of dims as destination ({targets} dims)")
    rest = iter([d for d in range(rank) if d not in sources])
    placed = dict(zip(targets, sources))
    return views.permute(x, tuple(placed[i] if i in placed else next(rest) for i in range(rank)))


moveaxis = movedim


def squeeze(input, dim=None):
    """Without dimensions of size 1: all of them, or those named."""
    x = require_tensor(input, "squeeze")
    shape = x.node.shape
    dims = dim_indices(dim, len(shape), "squeeze")
    return views.squeeze(x, tuple(d for d in dims if shape[d] == 1))


def unsqueeze(input, dim: int):
    """With a new dimension of size 1 at dim."""
    x = require_tensor(input, "unsqueeze")
    return views.unsqueeze(x, dim_index(dim, x.dim() + 1, "unsqueeze"))


@variadic("size")
def expand(input, *sizes):
    """Dimensions of size 1 repeated without a copy; -1 keeps a size."""
    x = require_tensor(input, "expand")
    wanted = _sizes(sizes)
    shape = x.node.shape
    lead = len(wanted) - len(shape)
    if lead < 0:
        raise RuntimeError(f"expand: the number of sizes provided ({len(wanted)}) must be greater or equal to the number of "
                           f"dimensions in the tensor ({len(shape)})")
    if any(s == -1 for s in wanted[:lead]):
        raise RuntimeError(f"expand: The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension "
                           f"0; sizes {list(wanted)}, tensor {list(shape)}")
    full = tuple(shape[i - lead] if s == -1 else s for i, s in enumerate(wanted))
    return views.expand(x, full)


def expand_as(input, other):
    """expand(other.shape)"""
    return expand(input, *other.shape)


def broadcast_to(input, size):
    """expand(size)"""
    return expand(input, *size)


def broadcast_tensors(*tensors):
    """Each expanded to the shape they broadcast to."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    shape = broadcast_all([t.node.shape for t in tensors], "broadcast_tensors")
    return [expand(t, *shape) for t in tensors]


def narrow(input, dim: int, start, length: int):
    """input[..., start : start + length, ...] along dim."""
    x = require_tensor(input, "narrow")
    d = dim_index(dim, x.dim(), "narrow")
    if isinstance(start, Tensor) and (start.dim() != 0 or start.dtype.category != "integer"):
        raise RuntimeError("narrow: start must be an 0-dim integral Tensor.")
    if x.dim() == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    size, start = x.node.shape[d], int(start)
    if not -size <= start <= size:
        raise IndexError(f"narrow: Dimension out of range: start (expected to be in range of [{-size}, {size}], but got {start})")
    start = start + size if start < 0 else start
    if length < 0 or start < 0 or start + length > size:
        raise RuntimeError(f"narrow(): start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return views.slice_dim(x, d, start, start + length)


def select(input, dim: int, index: int):
    """One position along dim."""
    return views.select(require_tensor(input, "select"), dim, int(index))


@also_named(tensor="input", split_size="split_size_or_sections")
def split(input, split_size_or_sections, dim: int = 0):
    """Views of consecutive parts along dim: of one size (the last may be smaller), or of the sizes given."""
    x = require_tensor(input, "split")
    d = dim_index(dim, x.dim(), "split")
    size = x.node.shape[d]
    if isinstance(split_size_or_sections, int):
        step = split_size_or_sections
        if step < 0 or (step == 0 and size):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={step}")
        sections = [min(step, size - i) for i in range(0, size, step)] if size else [0]
    else:
        sections = [int(s) for s in split_size_or_sections]
        if sum(sections) != size or any(s < 0 for s in sections):
            raise RuntimeError(f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at "
                               f"dimension {d}), but got split_sizes={sections}")
    starts = [sum(sections[:i]) for i in range(len(sections))]
    return tuple(views.slice_dim(x, d, a, a + n) for a, n in zip(starts, sections))


def split_with_sizes(input, split_sizes, dim: int = 0):
    """split by a list of sizes"""
    return split(input, list(split_sizes), dim)


def chunk(input, chunks: int, dim: int = 0):
    """At most `chunks` parts of equal size along dim, the last maybe smaller."""
    x = require_tensor(input, "chunk")
    if chunks < 1:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = x.node.shape[dim_index(dim, x.dim(), "chunk")]
    return split(x, max(-(-size // chunks), 1), dim) if size else tuple(x.narrow(dim, 0, 0) for _ in range(chunks))


@also_named(sections="indices_or_sections", indices="indices_or_sections", tensor_indices_or_sections="indices_or_sections")
def tensor_split(input, indices_or_sections, dim: int = 0):
    """Parts whose sizes differ by at most one, or parts that begin at the given indices."""
    x = require_tensor(input, "tensor_split")
    size = x.node.shape[dim_index(dim, x.dim(), "tensor_split")]
    if isinstance(indices_or_sections, int):
        n = indices_or_sections
        if n <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {n}")
        return split(x, [size // n + (i < size % n) for i in range(n)], dim)
    if isinstance(indices_or_sections, Tensor):
        if indices_or_sections.dim() > 1 or indices_or_sections.dtype is not int64:
            raise RuntimeError("tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional "
                               f"tensor of dtype int64, but got shape {list(indices_or_sections.shape)}, "
                               f"{indices_or_sections.dtype.name}")
        return tensor_split(input, indices_or_sections.tolist(), dim)
    cuts = [0, *[min(max(i + size if i < 0 else i, 0), size) for i in indices_or_sections], size]
    return tuple(narrow(x, dim, a, max(b - a, 0)) for a, b in zip(cuts, cuts[1:]))


def unbind(input, dim: int = 0):
    """A view of every position along dim."""
    x = require_tensor(input, "unbind")
    d = dim_index(dim, x.dim(), "unbind")
    if not x.dim():
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return tuple(views.select(x, d, i) for i in range(x.node.shape[d]))


def _joined(tensors, call: str) -> list[Tensor]:
    if isinstance(tensors, Tensor):
        raise TypeError(f"{call}(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor")
    found = list(tensors)
    if not found:
        raise (ValueError if call == "cat" else RuntimeError)(f"{call}(): expected a non-empty list of Tensors")
    for i, x in enumerate(found):
        if not isinstance(x, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}")
    return found


@promoted
def cat(tensors, dim: int = 0):
    """Tensors one behind the other along dim. Empty 1-d tensors are passed over, as in PyTorch."""
    parts = _joined(tensors, "cat")
    if any(x.dim() == 0 for x in parts):
        raise RuntimeError("zero-dimensional tensor (at position 0) cannot be concatenated")
    dtype = parts[0].dtype
    for x in parts[1:]:
        dtype = promote_types(dtype, x.dtype)
    used = [x for x in parts if x.node.shape != (0,)] or parts[:1]
    d = dim_index(dim, used[0].dim(), "cat")
    return wrap(ops.cat(tuple(as_dtype(x.node, dtype) for x in used), d))


concat = concatenate = cat


@promoted
def stack(tensors, dim: int = 0):
    """Tensors of one shape along a new dimension."""
    parts = _joined(tensors, "stack")
    for i, x in enumerate(parts):
        if x.node.shape != parts[0].node.shape:
            raise RuntimeError(f"stack expects each tensor to be equal size, but got {list(parts[0].node.shape)} at entry 0 "
                               f"and {list(x.node.shape)} at entry {i}")
    return cat([unsqueeze(x, dim_index(dim, x.dim() + 1, "stack")) for x in parts], dim_index(dim, parts[0].dim() + 1))


def _at_least(x: Tensor, rank: int) -> Tensor:
    while x.dim() < rank:
        x = unsqueeze(x, 0)
    return x


def hstack(tensors):
    """Along the second dimension, or the first of vectors."""
    parts = [_at_least(x, 1) for x in _joined(tensors, "hstack")]
    return cat(parts, 0 if parts[0].dim() == 1 else 1)


def vstack(tensors):
    """Along the first dimension; vectors are rows."""
    return cat([_at_least(x, 2) for x in _joined(tensors, "vstack")], 0)


row_stack = vstack


def flip(input, *axes, dims=None):
    """Dimensions reversed."""
    x = require_tensor(input, "flip")
    return wrap(ops.flip(x.node, dim_indices(_sizes(axes if dims is None else (dims,)), x.dim(), "flip")))


def fliplr(input):
    """The second dimension reversed."""
    if require_tensor(input, "fliplr").dim() < 2:
        raise RuntimeError(f"fliplr: Input must be >= 2-d, got {input.dim()}-d.")
    return flip(input, 1)


def flipud(input):
    """The first dimension reversed."""
    if require_tensor(input, "flipud").dim() < 1:
        raise RuntimeError("flipud: Input must be >= 1-d, got 0-d.")
    return flip(input, 0)


def roll(input, shifts, dims=None):
    """Elements moved along dims; those pushed out come back at the other end."""
    x = require_tensor(input, "roll")
    shifts, dims = ((v,) if isinstance(v, int) else tuple(v) for v in (shifts, () if dims is None else dims))
    if not shifts:
        raise RuntimeError("roll: `shifts` required")
    if len(shifts) == 1 and not dims:
        return reshape(_rolled(reshape(x, -1), int(shifts[0]), 0), *x.node.shape)
    if x.dim() == 0:
        raise IndexError("roll: Dimension specified as 0 but tensor has no dimensions")
    if len(shifts) != len(dims):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    for shift, dim in zip(shifts, dims):
        x = _rolled(x, shift, dim_index(dim, x.dim(), "roll"))
    return wrap(ops.clone(x.node))


def _rolled(x, shift: int, dim: int):
    size = x.node.shape[dim] if x.dim() else 0
    at = (-shift) % size if size else 0
    return cat([narrow(x, dim, at, size - at), narrow(x, dim, 0, at)], dim) if at else x


@variadic("repeats")
def repeat(input, *sizes):
    """The whole tensor repeated along each dimension; more sizes than dimensions add dimensions in front."""
    x = require_tensor(input, "repeat")
    counts = _sizes(sizes)
    lead = len(counts) - x.dim()
    if lead < 0:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    shape = (1,) * lead + x.node.shape
    pairs = [(1, s) for s in shape]
    node = ops.reshape(x.node, tuple(v for p in pairs for v in p))
    node = ops.expand(node, tuple(v for n, s in zip(counts, shape) for v in (n, s)))
    return wrap(ops.reshape(node, tuple(n * s for n, s in zip(counts, shape))))


@variadic("dims")
def tile(input, *dims):
    """As repeat; fewer counts than dimensions leave the first dimensions alone."""
    counts = _sizes(dims)
    return repeat(input, *((1,) * (input.dim() - len(counts)) + counts))


def unfold(input, dimension: int, size: int, step: int):
    """A view of windows of `size` along a dimension, `step` apart, as a new last dimension."""
    x = require_tensor(input, "unfold")
    d = dim_index(dimension, x.dim(), "unfold")
    shape = x.node.shape or (1,)
    if size > shape[d]:
        raise RuntimeError(f"maximum size for tensor at dimension {d} is {shape[d]} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    strides, start = x._geometry()
    count = (shape[d] - size) // step + 1
    own = contiguous_strides(shape)
    wide = (*shape[:d], count, *shape[d + 1 :], size) if x.dim() else (size,)
    if not x.dim():
        return views.elements(x, views.places(wide, (1,), 0), (1,), start)
    places = views.places(wide, (*own[:d], own[d] * step, *own[d + 1 :], own[d]), 0)
    return views.elements(x, places, (*strides[:d], strides[d] * step, *strides[d + 1 :], strides[d]), start)


def as_strided(input, size, stride, storage_offset=None):
    """A view of the storage by sizes and strides."""
    x = require_tensor(input, "as_strided")
    offset = x._offset if storage_offset is None else storage_offset
    return views.strided(x, tuple(size), tuple(stride), offset)


def meshgrid(*tensors, indexing: str = "ij"):
    """Coordinate grids of 1-d tensors; indexing="xy" exchanges the first two dimensions."""
    parts = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"meshgrid: indexing must be one of \"xy\" or \"ij\", but received: {indexing}")
    swap = indexing == "xy" and len(parts) >= 2
    shape = tuple(x.numel() for x in parts)
    grids = [expand(reshape(x, *[-1 if i == j else 1 for j in range(len(parts))]), *shape) for i, x in enumerate(parts)]
    return tuple(transpose(g, 0, 1) for g in grids) if swap else tuple(grids)
