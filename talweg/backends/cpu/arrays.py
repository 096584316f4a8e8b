"""NumPy arrays as oneDNN sees them: an address, a type, strides in elements."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import c_size_t

import ml_dtypes
import numpy as np

from .bindings import DataType, Unsupported
from .library import library
from .primitives import Descriptor

Strides = tuple[int, ...]

_TYPES = {np.dtype(np.float32): DataType.F32, np.dtype(ml_dtypes.bfloat16): DataType.BF16}
_DATA_FIELD = object.__basicsize__  # NumPy's ABI: the data pointer is an array object's first field


def _pointer(array: np.ndarray) -> int:
    return c_size_t.from_address(id(array) + _DATA_FIELD).value


def _slow_pointer(array: np.ndarray) -> int:
    return array.ctypes.data


def _field_is_where_expected() -> bool:
    probe = np.zeros(8)[3:]
    return type(probe).__basicsize__ > _DATA_FIELD and _pointer(probe) == probe.ctypes.data


# `array.ctypes.data` takes 2 us, more than all the rest of a call to oneDNN; reading the field takes 0.3 us.
pointer = _pointer if _field_is_where_expected() else _slow_pointer


def type_of(call: str, *arrays: np.ndarray) -> DataType:
    """The one type of all arrays.

    Raises RuntimeError if they differ, Unsupported if oneDNN cannot compute with it.
    """
    first = arrays[0].dtype
    for array in arrays[1:]:
        if array.dtype != first:
            names = " and ".join(str(a.dtype) for a in arrays)
            raise RuntimeError(f"{call}: expected operands of one dtype, got {names}; convert them to one")
    found = _TYPES.get(first)
    if found is None or (found is DataType.BF16 and not library().computes_bfloat16):
        raise Unsupported(f"{call}: oneDNN does not compute with {first} on this processor")
    return found


def element_strides(array: np.ndarray) -> Strides | None:
    """Strides in elements, or None where they are no whole number of elements (a field of a record)."""
    size = array.itemsize
    if any(s % size for s in array.strides):
        return None
    return tuple(s // size for s in array.strides)


def describable(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether oneDNN takes these strides: positive, no two elements at one address. Sizes of 1 are free."""
    free_from = 1
    for stride, size in sorted((stride, size) for stride, size in zip(strides, shape) if size != 1):
        if stride < free_from:
            return False
        free_from = stride * size
    return True


def readable(array: np.ndarray) -> tuple[Strides, bool]:
    """The strides to describe an input by, and whether that means a row-major copy of it."""
    strides = element_strides(array)
    if strides is None or not describable(array.shape, strides):
        return row_major(array.shape), True
    return strides, False


def packed_strides(shape: Sequence[int], order: Sequence[int]) -> Strides:
    """Strides without gaps when the dimensions lie in memory in this order, outermost first."""
    strides = [0] * len(shape)
    step = 1
    for dimension in reversed(order):
        strides[dimension] = step
        step *= max(shape[dimension], 1)
    return tuple(strides)


def row_major(shape: Sequence[int]) -> Strides:
    return packed_strides(shape, range(len(shape)))


def channels_last(shape: Sequence[int]) -> Strides:
    """Strides of (N, C, *spatial) with the channels innermost: NHWC in memory."""
    return packed_strides(shape, (0, *range(2, len(shape)), 1))


def same_strides(shape: Sequence[int], one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two strides show the same elements: where the size is 1 they may differ."""
    return all(size == 1 or a == b for size, a, b in zip(shape, one, other))


def activation_layout(shape: Sequence[int], strides: Sequence[int], type: DataType) -> Descriptor:
    """The layout of (N, C, *spatial), with oneDNN's own strides where sizes of 1 leave a choice."""
    for usual in (channels_last(shape), row_major(shape)):
        if same_strides(shape, strides, usual):
            return Descriptor.strided(shape, usual, type)
    outermost = max((s * n for s, n in zip(strides, shape)), default=1)
    return Descriptor.strided(shape, [outermost if n == 1 else s for s, n in zip(strides, shape)], type)


def empty_channels_last(shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """Uninitialised (N, C, *spatial) with the channels innermost in memory."""
    stored = np.empty((shape[0], *shape[2:], shape[1]), dtype)
    return stored.transpose(0, stored.ndim - 1, *range(1, stored.ndim - 1))
