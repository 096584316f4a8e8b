"""The tensor: what a user holds. Its operations are functions of `functions/`, bound as methods by `methods.py`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..compile.profile import copy_of
from ..core.devices import CPU
from ..core.layouts import strided
from ..core.shapes import Size, dim_index
from ..graph.leaves import from_array
from ..graph.node import Node
from . import views
from .box import Box, Storage, without_history
from .pending import value_of
from .printing import tensor_text


class Tensor(Box):
    """A multi-dimensional array of one dtype that records what is done with it.

    Make one with `talweg.tensor(data)`, `zeros`, `randn`, ...; `Tensor(2, 3)` is an uninitialised float tensor
    of that shape and `Tensor([1, 2])` a float tensor of that data, as in PyTorch.
    """

    device = CPU
    layout = strided
    name = None
    is_cpu = True
    is_cuda = False
    is_sparse = False
    is_quantized = False
    is_meta = False
    is_mkldnn = False
    is_xpu = is_mps = is_mtia = is_ipu = is_hpu = is_vulkan = is_maia = False
    is_nested = False
    retains_grad = False  # whether `retain_grad` was called
    __array_priority__ = 1000  # NumPy's operators give way to ours

    def __init__(self, *data):
        """See the class. The data goes through `tensor`; this runs only for direct calls of the class."""
        self._hold_copy_of(self._legacy_data(*data))

    @staticmethod
    def _legacy_data(*data) -> np.ndarray:
        if all(isinstance(d, (int, np.integer)) for d in data):
            return np.zeros(tuple(data) or (0,), np.float32)
        if len(data) != 1:
            raise TypeError("Tensor(): expected sizes, or one sequence of data")
        if isinstance(data[0], Tensor):
            return data[0].numpy().astype(np.float32)
        shape = isinstance(data[0], Size)
        return np.zeros(data[0], np.float32) if shape else np.array(data[0], np.float32)

    def new(self, *data, size=None) -> Tensor:
        """`Tensor(...)` in this tensor's dtype: sizes, or data."""
        return Tensor(*(data if size is None else size)).to(self.dtype)

    def _hold_copy_of(self, array: np.ndarray) -> None:
        node = array_node(array)
        self._hold(Storage(node), None, node)

    @classmethod
    def _from_array(cls, array: np.ndarray) -> Tensor:
        """A tensor around a new array of our own."""
        return wrap(array_node(array))

    # --- what it is
    @property
    def shape(self) -> Size:
        return Size(self.node.shape)

    def size(self, dim: int | None = None):
        """The shape, or the size of one dimension."""
        shape = self.node.shape
        return Size(shape) if dim is None else shape[dim_index(dim, len(shape), "size")]

    @property
    def dtype(self):
        return self.node.dtype

    @property
    def ndim(self) -> int:
        return len(self.node.shape)

    def dim(self) -> int:
        return len(self.node.shape)

    ndimension = dim

    def numel(self) -> int:
        return math.prod(self.node.shape)

    nelement = numel

    def element_size(self) -> int:
        return self.node.dtype.itemsize

    @property
    def itemsize(self) -> int:
        return self.node.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.numel() * self.itemsize

    def __len__(self) -> int:
        if not self.node.shape:
            raise TypeError("len() of a 0-d tensor")
        return self.node.shape[0]

    def is_floating_point(self) -> bool:
        return self.node.dtype.is_floating_point

    def is_complex(self) -> bool:
        return self.node.dtype.is_complex

    def is_signed(self) -> bool:
        return self.node.dtype.is_signed

    def get_device(self) -> int:
        return -1

    # --- how it lies in memory, as far as PyTorch's rules show it
    def stride(self, dim: int | None = None):
        """Elements between neighbours, for every dimension or for one."""
        strides = self._geometry()[0]
        return strides if dim is None else strides[dim_index(dim, len(strides), "stride")]

    def storage_offset(self) -> int:
        return self._offset

    def is_contiguous(self, memory_format=None) -> bool:
        return views.is_contiguous(self)

    def data_ptr(self) -> int:
        """A number that two tensors share when their first elements are the same memory. Not an address to read from:
        values live wherever the last evaluation put them."""
        return id(self._storage.root()) + self._offset * self.itemsize

    def _is_view(self) -> bool:
        return self._view is not None

    @property
    def _base(self):
        if not self._is_view():
            return None
        base = Box.__new__(Tensor)
        base._hold(self._storage, None, self._storage.node)
        return base

    @property
    def _version(self) -> int:
        return self._storage.writes[0]

    # --- its value
    def numpy(self, *, force: bool = False) -> np.ndarray:
        """A NumPy copy of the value. Raises RuntimeError for a tensor that requires grad unless `force`.

        It is a copy, where PyTorch shares memory: what is recorded may be computed later and must not change.
        """
        if self.node.needs_grad and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return copy_of(value_of(self.node))

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        if self.node.needs_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        found = value_of(self.node)
        if copy or (dtype is not None and np.dtype(dtype) != found.dtype):
            return np.array(found, dtype=dtype)
        shared = found.view()
        shared.flags.writeable = False
        return shared

    def item(self):
        """The value of a one-element tensor as a Python number."""
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return self._widened(value_of(self.node)).item()

    def tolist(self):
        """The value as nested lists of Python numbers."""
        return self._widened(value_of(self.node)).tolist()

    def _widened(self, array: np.ndarray) -> np.ndarray:
        return array.astype(np.float32) if self.node.dtype.name == "bfloat16" else array

    def __bool__(self) -> bool:
        if self.numel() == 0:
            raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
        if self.numel() > 1:
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self._only())

    def __int__(self) -> int:
        return int(self._only())

    def __complex__(self) -> complex:
        return complex(self._only())

    def _only(self):
        if self.numel() != 1:
            raise ValueError(f"only one element tensors can be converted to Python scalars, not one of shape {list(self.shape)}; "
                             "index it, or use tolist()")
        return self.item()

    def __index__(self) -> int:
        if self.numel() != 1 or self.node.dtype.category not in ("integer", "bool"):
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __repr__(self, *, tensor_contents=None) -> str:
        return tensor_text(self)

    def __format__(self, spec: str) -> str:
        """A number's for one number, as PyTorch has it: f"{loss}" shows 0.5, repr shows tensor(0.5000)."""
        return format(self.item(), spec) if self.dim() == 0 and type(self) is Tensor else object.__format__(self, spec)

    def __iter__(self):
        if not self.node.shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter([views.select(self, 0, i) for i in range(self.node.shape[0])])

    def __hash__(self) -> int:
        return id(self)

    # --- copies
    def __deepcopy__(self, memo):
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol "
                               "at the moment. If you were attempting to deepcopy a module, detach what it stores.")
        copy = type(self).__new__(type(self))
        copy._hold_copy_of(value_of(self.node))
        copy.__dict__.update({k: v for k, v in self.__dict__.items() if k not in Box.STATE})
        if self.requires_grad:
            copy._set_requires_grad(True)
        memo[id(self)] = copy
        if self._grad is not None:
            copy._grad = self._grad.__deepcopy__(memo)
        return copy

    def __reduce_ex__(self, protocol):
        return _rebuild, (type(self), np.array(value_of(self.node)), self.requires_grad)

    # --- autograd
    @property
    def requires_grad(self) -> bool:
        return self.node.needs_grad

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self._set_requires_grad(bool(wanted))

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        self._set_requires_grad(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether the user made it: it requires no grad, or gradients are collected in its `.grad`."""
        return self._variable or not self.node.needs_grad

    @property
    def grad(self) -> Tensor | None:
        """The gradient collected by `backward`, or None."""
        return self._grad  # type: ignore[return-value]

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got {type(value).__name__}")
            if value.node.shape != self.node.shape:
                raise RuntimeError(f"assigned grad has data of a different size: {list(value.node.shape)}, "
                                   f"the tensor has {list(self.node.shape)}")
            if value.node.dtype is not self.node.dtype:
                raise RuntimeError(f"assigned grad has data of a different type: {value.node.dtype.name}, "
                                   f"the tensor has {self.node.dtype.name}")
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def data(self) -> Tensor:
        """The same memory without history; writes to it are invisible to autograd."""
        return self._linked(Tensor, counted=False)

    @data.setter
    def data(self, other: Tensor) -> None:
        if not isinstance(other, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(other).__name__}")
        self._share(other)

    def detach(self) -> Tensor:
        """The same memory as a tensor without history."""
        return self._linked(Tensor)

    def detach_(self) -> Tensor:
        """Forget the history, in place."""
        if self._is_view():
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._variable = False
        self._storage.node = without_history(self.node)
        self._show(self._storage.node)
        return self

    def as_subclass(self, cls: type):
        """The same memory and history as an instance of a class of tensors. Raises TypeError for another class."""
        if not (isinstance(cls, type) and issubclass(cls, Tensor)):
            raise TypeError(f"as_subclass: expected a subclass of Tensor, got {cls!r}")
        strides, offset = self._geometry()
        return self._make_view(views.Permute(tuple(range(self.ndim))), strides, offset, cls)

    @staticmethod
    def _make_subclass(cls, data: Tensor, require_grad: bool = False):
        """A tensor of class `cls` that shares the memory of `data` and is a leaf."""
        made = data._linked(cls)
        if require_grad:
            made._set_requires_grad(True)
        return made


Box._plain = Tensor


def wrap(node: Node) -> Tensor:
    """A new tensor, of its own storage, around a recorded node."""
    box = Tensor.__new__(Tensor)
    box._hold(Storage(node), None, node)
    return box


def array_node(array: np.ndarray) -> Node:
    """A node around an array of our own."""
    return from_array(np.ascontiguousarray(array).reshape(array.shape) if array.ndim else np.array(array))


def _rebuild(kind: Any, array: np.ndarray, requires_grad: bool):
    made = kind.__new__(kind)
    made._hold_copy_of(array)
    if requires_grad:
        made._set_requires_grad(True)
    return made
