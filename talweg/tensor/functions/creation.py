"""New tensors from data, from numbers, and like others."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

import numpy as np

from ...core.devices import usable
from ...core.dtypes import bool_, get_default_dtype, int64
from ...core.dtypes import dtype as DType
from ...core.dtypes import from_numpy as dtype_of_numpy
from ...graph import ops
from ...graph.leaves import constant, from_array
from ...runtime.capacity import require_total
from ..box import Box
from ..exchange import taken
from ..keywords import variadic
from ..operands import number_dtype, number_node, require_tensor
from ..pending import value_of
from ..tensor import Tensor, array_node, wrap


def _finished(x: Tensor, device, requires_grad: bool) -> Tensor:
    """Check the device, and make a leaf of it if asked."""
    if device is not None:
        usable(device)
    if requires_grad:
        x._set_requires_grad(True)
    return x


def _check_dtype(dtype, call: str) -> None:
    if dtype is not None and not isinstance(dtype, DType):
        raise TypeError(f"{call}(): argument 'dtype' must be talweg.dtype, not {type(dtype).__name__}")


# --- from data
def tensor(data, *, dtype=None, device=None, requires_grad: bool = False, pin_memory: bool = False):
    """A tensor that copies numbers, nested sequences or an array. Python floats are of the default dtype."""
    _check_dtype(dtype, "tensor")
    array = _array_of(data)
    wanted = dtype or (dtype_of_numpy(array.dtype) if _carries_dtype(data) else _default_of(array))
    return _finished(wrap(array_node(_converted(array, wanted))), device, requires_grad)


def _carries_dtype(data) -> bool:
    return isinstance(data, (Box, np.ndarray, np.generic))


def _default_of(array: np.ndarray) -> DType:
    kind = array.dtype.kind
    if kind == "b":
        return bool_
    if kind in "iu":
        return int64
    return number_dtype(1j) if kind == "c" else get_default_dtype()


def _array_of(data) -> np.ndarray:
    if isinstance(data, Box):
        return np.array(value_of(data.node))
    if isinstance(data, (list, tuple)):
        return _array_of_sequence(data)
    array = np.array(data)
    if array.dtype.kind not in "biufcV":
        raise TypeError(f"tensor(): could not infer dtype of {type(data).__name__}")
    return array


def _array_of_sequence(data) -> np.ndarray:
    plain = [_plain(v) for v in data]
    try:
        array = np.array(plain) if plain else np.zeros((0,), np.float64)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"tensor(): expected sequences of equal length at every level: {error}") from None
    if array.dtype == object or array.dtype.kind not in "biufc":
        raise TypeError(f"tensor(): could not infer dtype of a sequence that holds {type(data[0]).__name__}")
    return array


def _plain(value):
    """Tensors inside sequences become their values."""
    if isinstance(value, Box):
        return value_of(value.node)
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def _converted(array: np.ndarray, dtype: DType) -> np.ndarray:
    if dtype.category == "integer" and array.dtype.kind in "iu" and array.size and array.dtype != dtype.numpy:
        info = np.iinfo(dtype.numpy)
        low, high = int(array.min()), int(array.max())
        if low < (info.min or -info.max) or high > info.max:  # -1 is the largest unsigned number, as in PyTorch
            raise RuntimeError(f"value cannot be converted to type {dtype.name} without overflow: "
                               f"{high if high > info.max else low}")
    return array.astype(dtype.numpy) if array.dtype != dtype.numpy else array


def as_tensor(data, dtype=None, device=None):
    """`data` itself if it is a tensor of that dtype, a new tensor of its data otherwise."""
    if isinstance(data, Tensor):
        return data if dtype is None or data.dtype is dtype else data.to(dtype)
    return tensor(data, dtype=dtype, device=device)


def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad: bool = False):
    """The tensor itself where nothing has to change, else a new one of its values. With copy=True always a new one; raises
    ValueError for copy=False where values have to be copied, which is wherever `obj` is no tensor of that dtype."""
    found = as_tensor(obj, dtype, device)
    if copy is False and found is not obj:
        raise ValueError(f"asarray: can't alias a {type(obj).__name__} as it is without a copy; leave copy out")
    if found is obj and (copy or (requires_grad and not obj.requires_grad)):
        found = found.detach().clone() if copy else found.detach()
    return found.requires_grad_() if requires_grad and not found.requires_grad else found


def from_numpy(ndarray):
    """A tensor of an array's values. It copies, unless nobody can write to the array (one of bytes, or of a file mapped
    read-only): what is recorded may be computed later and must not change."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    return taken(ndarray)


def frombuffer(buffer, *, dtype, count: int = -1, offset: int = 0, requires_grad: bool = False):
    """A 1-d tensor of a buffer's bytes."""
    array = np.frombuffer(buffer, dtype.numpy, count, offset)
    return _finished(wrap(from_array(np.array(array))), None, requires_grad)


# --- of one number
def _sizes(size) -> tuple[int, ...]:
    if len(size) == 1 and isinstance(size[0], (Sequence, Box)) and not isinstance(size[0], str):
        size = size[0]
    try:
        found = tuple(operator.index(s) for s in size)
    except TypeError:
        raise TypeError(f"sizes must be whole numbers, got {size!r}") from None
    if any(s < 0 for s in found):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(found)}: {list(found)}")
    return found


def _constant(size: tuple, number, dtype, device, requires_grad: bool) -> Tensor:
    _check_dtype(dtype, "full")
    require_total(size, dtype.itemsize, "new tensor")
    return _finished(wrap(ops.expand(constant(number, dtype), size)), device, requires_grad)


@variadic("size")
def zeros(*size, dtype=None, layout=None, device=None, requires_grad: bool = False, pin_memory: bool = False):
    """0 everywhere."""
    return _constant(_sizes(size), 0, dtype or get_default_dtype(), device, requires_grad)


@variadic("size")
def ones(*size, dtype=None, layout=None, device=None, requires_grad: bool = False, pin_memory: bool = False):
    """1 everywhere."""
    return _constant(_sizes(size), 1, dtype or get_default_dtype(), device, requires_grad)


@variadic("size")
def empty(*size, dtype=None, layout=None, device=None, requires_grad: bool = False, pin_memory: bool = False,
          memory_format=None):
    """A tensor to be written to; it holds zeros until then."""
    return _constant(_sizes(size), 0, dtype or get_default_dtype(), device, requires_grad)


def full(size, fill_value, *, dtype=None, layout=None, device=None,
         requires_grad: bool = False, pin_memory: bool = False):
    """One number everywhere."""
    dtype = dtype or (fill_value.dtype if isinstance(fill_value, Box) else number_dtype(fill_value))
    if isinstance(fill_value, Box):
        return _finished(wrap(ops.expand(ops.cast(fill_value.node, dtype), _sizes((size,)))), device, requires_grad)
    return _finished(wrap(ops.expand(number_node(fill_value, dtype), _sizes((size,)))), device, requires_grad)


def zeros_like(input, *, dtype=None, layout=None, device=None,
               requires_grad: bool = False, pin_memory: bool = False, memory_format=None):
    """0 everywhere, in the shape and dtype of input."""
    return zeros(require_tensor(input, "zeros_like").node.shape, dtype=dtype or input.dtype, device=device,
                 requires_grad=requires_grad)


def ones_like(input, *, dtype=None, layout=None, device=None,
              requires_grad: bool = False, pin_memory: bool = False, memory_format=None):
    """1 everywhere, in the shape and dtype of input."""
    return ones(require_tensor(input, "ones_like").node.shape, dtype=dtype or input.dtype, device=device,
                requires_grad=requires_grad)


empty_like = zeros_like


def full_like(input, fill_value, *, dtype=None, layout=None, device=None,
              requires_grad: bool = False, pin_memory: bool = False, memory_format=None):
    """One number everywhere, in the shape and dtype of input."""
    return full(require_tensor(input, "full_like").node.shape, fill_value, dtype=dtype or input.dtype, device=device,
                requires_grad=requires_grad)


def new_tensor(self, data, *, dtype=None, device=None, requires_grad: bool = False, pin_memory: bool = False):
    """`tensor(data)` in this tensor's dtype."""
    return tensor(data, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


@variadic("size")
def new_zeros(self, *size, dtype=None, device=None, requires_grad: bool = False, **_layout):
    """`zeros(size)` in this tensor's dtype."""
    return zeros(*size, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


@variadic("size")
def new_ones(self, *size, dtype=None, device=None, requires_grad: bool = False, **_layout):
    """`ones(size)` in this tensor's dtype."""
    return ones(*size, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


@variadic("size")
def new_empty(self, *size, dtype=None, device=None, requires_grad: bool = False, **_layout):
    """`empty(size)` in this tensor's dtype."""
    return empty(*size, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


def new_full(self, size, fill_value, *, dtype=None, device=None, requires_grad: bool = False, **_layout):
    """`full(size, fill_value)` in this tensor's dtype."""
    return full(size, fill_value, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


# --- sequences of numbers
def arange(start=None, end=None, step=1, *, dtype=None, layout=None, device=None,
           requires_grad: bool = False, pin_memory: bool = False):
    """start, start + step, ... below end."""
    if end is None:
        start, end = 0, start
    elif start is None:
        start = 0
    if end is None:
        raise TypeError("arange() needs at least its end, as in arange(5)")
    start, end, step = (v.item() if isinstance(v, Box) else v for v in (start, end, step))
    if not all(math.isfinite(v) for v in (start, end)):
        raise RuntimeError(f"arange: unsupported range: {start} -> {end}")
    if dtype is int64:  # PyTorch cuts the bounds to whole numbers before it counts
        start, end, step = int(start), int(end), int(step)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError(f"upper bound and lower bound inconsistent with step sign: {start} to {end} by {step}")
    whole = all(isinstance(v, (int, np.integer)) for v in (start, end, step))
    dtype = dtype or (int64 if whole else get_default_dtype())
    count = -(-(end - start) // step) if whole else math.ceil((end - start) / step)
    exact = np.int64 if whole else np.float64
    values = (exact(start) + np.arange(count, dtype=exact) * exact(step)).astype(dtype.numpy)
    return _finished(wrap(from_array(values)), device, requires_grad)


def range(start, end, step=1, **how):
    """arange that includes its end."""
    return arange(start, end + step * 0.5, step, dtype=how.pop("dtype", get_default_dtype()), **how)


def linspace(start, end, steps: int, *, dtype=None, layout=None, device=None,
             requires_grad: bool = False, pin_memory: bool = False):
    """`steps` numbers from start to end, both included, equally far apart."""
    start, end = (_one_number(v, "linspace") for v in (start, end))
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    dtype = dtype or get_default_dtype()
    values = _whole_steps(int(start), int(end), steps) if dtype.category == "integer" else np.linspace(start, end, steps)
    return _finished(wrap(from_array(values.astype(dtype.numpy))), device, requires_grad)


def _whole_steps(start: int, end: int, steps: int) -> np.ndarray:
    """Equal steps from whole ends, counted from the nearer end and cut to whole numbers, as PyTorch does."""
    step = (end - start) / (steps - 1) if steps > 1 else 0.0
    place = np.arange(steps)
    return np.trunc(np.where(place < max(steps // 2, 1), start + step * place, end - step * (steps - 1 - place)))


def _one_number(value, call: str):
    if isinstance(value, Box) and value.dim() != 0:
        raise RuntimeError(f"{call} only supports 0-dimensional start and end tensors, but got one of {value.dim()} dimensions")
    return value.item() if isinstance(value, Box) else value


def logspace(start, end, steps: int, base: float = 10.0, *, dtype=None, layout=None, device=None,
             requires_grad: bool = False, pin_memory: bool = False):
    """base to the powers linspace(start, end, steps)."""
    start, end = (_one_number(v, "logspace") for v in (start, end))
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    dtype = dtype or get_default_dtype()
    values = np.power(float(base), np.linspace(start, end, steps)).astype(dtype.numpy)
    return _finished(wrap(from_array(values)), device, requires_grad)


def eye(n: int, m: int | None = None, *, dtype=None, layout=None, device=None,
        requires_grad: bool = False, pin_memory: bool = False):
    """1 on the diagonal, 0 elsewhere."""
    if n < 0 or (m or 0) < 0:
        raise RuntimeError(f"n must be greater or equal to 0, got {n if n < 0 else m}")
    values = np.eye(n, n if m is None else m, dtype=(dtype or get_default_dtype()).numpy)
    return _finished(wrap(from_array(values)), device, requires_grad)


def scalar_tensor(s, *, dtype=None, **how):
    """A 0-d tensor."""
    return tensor(s, dtype=dtype or get_default_dtype(), **how)


def is_tensor(obj) -> bool:
    return isinstance(obj, Tensor)


def numel(input) -> int:
    """How many elements there are."""
    return require_tensor(input, "numel").numel()


def is_floating_point(input) -> bool:
    return input.is_floating_point()


def is_complex(input) -> bool:
    return input.is_complex()

