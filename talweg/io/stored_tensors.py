"""Tensors out of stored memory: which storage, where in it, and how far apart; shared as they were when saved."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.dtypes import dtype as DType
from ..core.shapes import contiguous_strides
from ..nn import Parameter
from ..tensor import Tensor, as_strided
from .unpickling import STORAGES, Name, Refused

MOST_ELEMENTS = 2**62


class Stored:
    """One storage of a file. Its bytes are read when its first tensor is made."""

    def __init__(self, key: str, dtype: DType, count: int, read: Callable[[], bytes], swapped: bool = False):
        self.key, self.dtype, self.count = key, dtype, count
        self._read = read
        self._swapped = swapped
        self._arrays: dict[DType, np.ndarray] = {}
        self._bases: dict[DType, Tensor] = {}

    def _array(self, dtype: DType) -> np.ndarray:
        content = self._read()
        if len(content) < self.count * self.dtype.itemsize:
            raise ValueError(f"storage {self.key} has {len(content)} bytes, its {self.count} elements of {self.dtype.name} need "
                             f"{self.count * self.dtype.itemsize}")
        content = content[: self.count * self.dtype.itemsize]
        flat = np.frombuffer(bytearray(content[: len(content) // dtype.itemsize * dtype.itemsize]), dtype.numpy)
        return flat.byteswap() if self._swapped else flat

    def tensor(self, dtype: DType, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Tensor:
        """The part of the storage at an offset, with strides. Raises ValueError where it would lie outside."""
        count = self.count * self.dtype.itemsize // dtype.itemsize
        check_place(self.key, count, offset, shape, strides)
        is_whole = offset == 0 and math.prod(shape) == count and strides == contiguous_strides(shape)
        if dtype not in self._bases:
            flat = self._array(dtype)
            if is_whole:
                self._bases[dtype] = Tensor._from_array(flat.reshape(shape))
                return self._bases[dtype]
            self._bases[dtype] = Tensor._from_array(flat)
        base = self._bases[dtype]
        return base.view(*shape) if is_whole and shape else as_strided(base, shape, strides, offset)


def check_place(key: str, count: int, offset: int, shape: tuple, strides: tuple) -> None:
    """Raises ValueError unless a tensor of this shape, strides and offset lies within `count` elements."""
    if len(shape) != len(strides) or not all(isinstance(n, int) and 0 <= n < MOST_ELEMENTS for n in (offset, *shape, *strides)):
        raise ValueError(f"a tensor of storage {key} has the shape {shape}, the strides {strides} and the offset {offset}")
    if math.prod(shape) and offset + sum((n - 1) * s for n, s in zip(shape, strides)) >= count:
        raise ValueError(f"a tensor of shape {list(shape)}, strides {list(strides)} and offset {offset} lies outside storage "
                         f"{key} of {count} elements")


def storage_dtype(kind: Any) -> DType:
    """The dtype of a storage class that a file names. Raises Refused for another class."""
    found = STORAGES.get(kind.name.rpartition(".")[2]) if isinstance(kind, Name) else None
    if found is None:
        raise Refused(f"it has a storage of an unknown type {getattr(kind, 'name', kind)!r}")
    return found


def _storage(value: Any) -> Stored:
    if not isinstance(value, Stored):
        raise Refused(f"it makes a tensor of a {type(value).__name__}, not of stored memory")
    return value


def _tuple(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple):
        raise Refused(f"it has a shape or strides that are a {type(value).__name__}")
    return tuple(value)


def _old_tensor(storage: Any, offset: int, shape: Any, strides: Any) -> Tensor:
    kept = _storage(storage)
    return kept.tensor(kept.dtype, offset, _tuple(shape), _tuple(strides))


def _tensor(storage: Any, offset: int, shape: Any, strides: Any, requires_grad: bool = False, hooks: Any = None,
            metadata: Any = None) -> Tensor:
    return _leaf(_old_tensor(storage, offset, shape, strides), requires_grad)


def _tensor_of_dtype(storage: Any, offset: int, shape: Any, strides: Any, requires_grad: bool, hooks: Any, dtype: Any,
                     metadata: Any = None) -> Tensor:
    if not isinstance(dtype, DType):
        raise Refused("it makes a tensor of something that is no dtype")
    return _leaf(_storage(storage).tensor(dtype, offset, _tuple(shape), _tuple(strides)), requires_grad)


def _leaf(x: Tensor, requires_grad: bool) -> Tensor:
    return x.detach().requires_grad_(True) if requires_grad is True else x


def _parameter(data: Any, requires_grad: bool = True, hooks: Any = None) -> Parameter:
    if not isinstance(data, Tensor):
        raise Refused(f"it makes a parameter of a {type(data).__name__}")
    return Parameter(data.detach(), requires_grad=requires_grad is True)


def _of_type(make: Any, kind: Any, args: Any, state: Any) -> Any:
    """A tensor that carried attributes; they are dropped."""
    if not (isinstance(kind, Name) and kind.name in ("torch.Tensor", "torch.nn.parameter.Parameter")):
        raise Refused(f"it has a tensor of the class {getattr(kind, 'name', kind)!r}")
    found = make(*_tuple(args)) if isinstance(make, Name) else None
    if not isinstance(found, Tensor):
        raise Refused("it makes a tensor by something else")
    return Parameter(found) if kind.name.endswith("Parameter") and not isinstance(found, Parameter) else found


MAKERS: dict[str, Callable] = {
    "torch._utils._rebuild_tensor": _old_tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_of_dtype,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._tensor._rebuild_from_type_v2": _of_type,
}


class Nothing:
    """Stands for tensors while a pickle is read to see which storages it names."""

    @staticmethod
    def made(*args: Any) -> Any:
        return OrderedDict()


SKIPPING: dict[str, Callable] = dict.fromkeys(MAKERS, Nothing.made)
