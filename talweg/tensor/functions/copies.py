"""Views as copies (`select_copy`, ...), and copies with one view of them written to (`select_scatter`, ...)."""

from __future__ import annotations

from collections.abc import Callable

from ..box import Box
from ..operands import require_tensor
from ..tensor import Tensor
from . import complex, diagonals, shape
from .convert import alias, clone


def _copied(result):
    return clone(result) if isinstance(result, Box) else tuple(clone(x) for x in result)


def _copying(function: Callable, name: str | None = None) -> Callable:
    def call(*args, **kwargs):
        return _copied(function(*args, **kwargs))

    call.__name__ = call.__qualname__ = (name or function.__name__) + "_copy"
    call.__doc__ = f"{name or function.__name__}, as a copy instead of a view."
    return call


alias_copy = _copying(alias)
as_strided_copy = _copying(shape.as_strided)
detach_copy = _copying(Tensor.detach, "detach")
diagonal_copy = _copying(diagonals.diagonal)
expand_copy = _copying(shape.expand)
narrow_copy = _copying(shape.narrow)
permute_copy = _copying(shape.permute)
select_copy = _copying(shape.select)
split_copy = _copying(shape.split)
split_with_sizes_copy = _copying(shape.split_with_sizes)
squeeze_copy = _copying(shape.squeeze)
t_copy = _copying(shape.t)
transpose_copy = _copying(shape.transpose, "transpose")
unbind_copy = _copying(shape.unbind)
unfold_copy = _copying(shape.unfold)
unsqueeze_copy = _copying(shape.unsqueeze)
view_as_complex_copy = _copying(complex.view_as_complex)
view_as_real_copy = _copying(complex.view_as_real)
view_copy = _copying(shape.view)
unsafe_chunk, unsafe_split = shape.chunk, shape.split
unsafe_split_with_sizes = shape.split_with_sizes


def slice_copy(input, dim: int = 0, start=None, end=None, step: int = 1):
    """input[start:end:step] along dim, as a copy."""
    return clone(_sliced(require_tensor(input, "slice_copy"), dim, start, end, step))


def _sliced(x: Tensor, dim: int, start, end, step: int) -> Tensor:
    d = dim % max(x.dim(), 1)
    return x[(slice(None),) * d + (slice(start, end, step),)]


def _written(x: Tensor, target_of: Callable, src, call: str) -> Tensor:
    """A copy of x whose view `target_of(copy)` is src."""
    copy = clone(x)
    target = target_of(copy)
    if tuple(target.shape) != tuple(require_tensor(src, call).shape):
        raise RuntimeError(f"{call}: expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice "
                           f"size = {list(target.shape)}")
    target.copy_(src)
    return copy


def select_scatter(input, src, dim: int, index: int):
    """input with position `index` of dim replaced by src."""
    return _written(input, lambda x: shape.select(x, dim, index), src, "select_scatter")


def slice_scatter(input, src, dim: int = 0, start=None, end=None, step: int = 1):
    """input with input[start:end:step] along dim replaced by src."""
    return _written(input, lambda x: _sliced(x, dim, start, end, step), src, "slice_scatter")


def diagonal_scatter(input, src, offset: int = 0, dim1: int = 0, dim2: int = 1):
    """input with a diagonal replaced by src."""
    return _written(input, lambda x: diagonals.diagonal(x, offset, dim1, dim2), src, "diagonal_scatter")


def as_strided_scatter(input, src, size, stride, storage_offset=None):
    """input with the elements that as_strided shows replaced by src."""
    x = require_tensor(input, "as_strided_scatter")
    start = x._offset if storage_offset is None else storage_offset
    whole = clone(shape.as_strided(x, (max(_extent(x.shape, x.stride(), x._offset), _extent(size, stride, start)),), (1,), 0))
    written = _written(whole, lambda copy: shape.as_strided(copy, size, stride, start), src, "as_strided_scatter")
    return shape.as_strided(written, x.shape, x.stride(), x._offset)


def _extent(size, stride, start: int) -> int:
    """How much of the storage such a view reaches over."""
    return start + 1 + sum((n - 1) * s for n, s in zip(size, stride)) if all(size) else 0
