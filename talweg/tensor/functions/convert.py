"""Other dtypes, other devices, copies."""

from __future__ import annotations

import builtins

from ...core.devices import device as Device
from ...core.devices import usable
from ...core.dtypes import bfloat16 as BF16
from ...core.dtypes import (
    bool_,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from ...core.dtypes import can_cast as _can_cast
from ...core.dtypes import dtype as DType
from ...graph import ops
from .. import views
from ..box import Box
from ..operands import require_tensor
from ..tensor import Tensor, wrap


def to(self, *args, **kwargs):
    """This tensor in another dtype or on another device (also: like another tensor); itself if nothing changes."""
    dtype = kwargs.pop("dtype", None)
    copy = kwargs.pop("copy", False)
    target = kwargs.pop("device", None)
    for name in ("non_blocking", "memory_format"):
        kwargs.pop(name, None)
    if kwargs:
        raise TypeError(f"to() received an invalid combination of arguments: {sorted(kwargs)}")
    for value in args:
        if isinstance(value, DType):
            dtype = value
        elif isinstance(value, Box):
            dtype = value.node.dtype
        elif isinstance(value, (str, Device)):
            target = value
        elif isinstance(value, builtins.bool):
            pass  # non_blocking
        elif isinstance(value, builtins.int):
            usable(value)
        elif value is not None:
            raise TypeError(f"to(): expected a dtype, a device or a tensor, but got {builtins.type(value).__name__}")
    if target is not None:
        usable(target)
    node = self.node
    if dtype is None or dtype is node.dtype:
        return wrap(ops.clone(node)) if copy else self
    if not isinstance(dtype, DType):
        raise TypeError(f"to(): argument 'dtype' must be talweg.dtype, not {builtins.type(dtype).__name__}")
    return wrap(ops.cast(node, dtype))


def type(self, dtype=None, non_blocking=False):
    """The tensor in another dtype, or in that of an old tensor type such as FloatTensor, given itself or by name; without
    one, the name of its type as PyTorch writes it."""
    if dtype is None:
        return f"torch.{_LEGACY_NAMES[self.dtype]}"
    if isinstance(dtype, str):
        found = [d for d, name in _LEGACY_NAMES.items() if name == dtype.rsplit(".", 1)[-1]]
        if not found:
            raise ValueError(f"invalid type: '{dtype}'")
        dtype = found[0]
    kind = get_default_dtype() if dtype is Tensor else getattr(dtype, "dtype", dtype)
    if not isinstance(kind, DType):
        raise TypeError(f"type(): expected a dtype, a tensor type or its name, but got {builtins.type(dtype).__name__}")
    return to(self, kind)


_LEGACY_NAMES = {
    float32: "FloatTensor", float64: "DoubleTensor", float16: "HalfTensor", BF16: "BFloat16Tensor",
    uint8: "ByteTensor", int8: "CharTensor", int16: "ShortTensor", int32: "IntTensor", int64: "LongTensor",
    bool_: "BoolTensor", complex64: "ComplexFloatTensor", complex128: "ComplexDoubleTensor",
}


def type_as(self, other):
    """This tensor in another one's dtype."""
    return to(self, other.dtype)


def _converter(name: str, dtype: DType):
    def convert(self, memory_format=None):
        return to(self, dtype)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"This tensor in {dtype.name}."
    return convert


float = _converter("float", float32)
double = _converter("double", float64)
half = _converter("half", float16)
bfloat16 = _converter("bfloat16", BF16)
int = _converter("int", int32)
long = _converter("long", int64)
short = _converter("short", int16)
char = _converter("char", int8)
byte = _converter("byte", uint8)
bool = _converter("bool", bool_)
cfloat = _converter("cfloat", complex64)
cdouble = _converter("cdouble", complex128)


def cpu(self, memory_format=None):
    """This tensor in main memory, where it already is."""
    return self


def cuda(self, *_, **__):
    """Raises AssertionError: this build computes on the CPU."""
    usable("cuda")


def pin_memory(self, *_, **__):
    """This tensor: without an accelerator there is nothing to pin memory for."""
    return self


def is_pinned(self, *_, **__):
    return False


def clone(input, *, memory_format=None):
    """A copy with its own memory; gradients pass through."""
    return wrap(ops.clone(require_tensor(input, "clone").node))


def contiguous(input, memory_format=None):
    """The tensor itself where its elements lie in row-major order, a copy otherwise."""
    x = require_tensor(input, "contiguous")
    return x if views.is_contiguous(x) else clone(x)


def positive(input):
    """+x"""
    return input


def alias(input):
    """A view of the whole tensor."""
    return views.permute(input, tuple(range(input.dim())))


def can_cast(from_: DType, to: DType):
    """Whether one dtype may become another without changing its kind downwards."""
    return _can_cast(from_, to)


def equal(input, other):
    """Whether two tensors have the same shape and elements."""
    return input.shape == other.shape and input.eq(other).all().item()


def allclose(input, other, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether |x - y| <= atol + rtol |y| everywhere."""
    return input.isclose(other, rtol, atol, equal_nan).all().item()

