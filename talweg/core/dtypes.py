"""Element types, their promotion, and the limits of each (PyTorch's names and rules)."""

from __future__ import annotations

import ml_dtypes
import numpy as np

_ORDER = {"bool": 0, "integer": 1, "float": 2, "complex": 3}


class dtype:
    """An element type. `numpy` is the NumPy dtype that stores it, `itemsize` its size in bytes."""

    __slots__ = ("category", "is_complex", "is_floating_point", "is_signed", "itemsize", "name", "numpy", "rank")

    def __init__(self, name: str, numpy_type, category: str, rank: int):
        self.name = name
        self.numpy = np.dtype(numpy_type)
        self.category = category
        self.rank = rank  # orders the types of one category by what they can hold
        self.itemsize = self.numpy.itemsize
        self.is_floating_point = category == "float"
        self.is_complex = category == "complex"
        self.is_signed = name not in ("bool", "uint8")

    @property
    def limits(self) -> np.dtype:
        """The NumPy dtype whose limits finfo and iinfo tell."""
        return self.numpy

    def __repr__(self) -> str:
        return f"talweg.{self.name}"

    def __reduce__(self):
        return _by_name, (self.name,)


bool_ = dtype("bool", np.bool_, "bool", 0)
uint8 = dtype("uint8", np.uint8, "integer", 0)
int8 = dtype("int8", np.int8, "integer", 0)
int16 = dtype("int16", np.int16, "integer", 1)
int32 = dtype("int32", np.int32, "integer", 2)
int64 = dtype("int64", np.int64, "integer", 3)
float16 = dtype("float16", np.float16, "float", 0)
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, "float", 0)
float32 = dtype("float32", np.float32, "float", 1)
float64 = dtype("float64", np.float64, "float", 2)
complex64 = dtype("complex64", np.complex64, "complex", 1)
complex128 = dtype("complex128", np.complex128, "complex", 2)

ALL = (bool_, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64, complex64, complex128)
_NAMED = {d.name: d for d in ALL}
_FROM_NUMPY = {d.numpy: d for d in ALL}
_REAL_OF = {complex64: float32, complex128: float64}
_COMPLEX_OF = {float16: complex64, bfloat16: complex64, float32: complex64, float64: complex128}


def _by_name(name: str) -> dtype:
    return _NAMED[name]


def from_numpy(numpy_type) -> dtype:
    """The dtype stored by a NumPy dtype. Raises TypeError for one that has no counterpart here."""
    found = _FROM_NUMPY.get(np.dtype(numpy_type))
    if found is None:
        names = ", ".join(d.name for d in ALL)
        raise TypeError(f"NumPy arrays of dtype {np.dtype(numpy_type)} have no counterpart; convert to one of {names}")
    return found


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest type that holds both, by PyTorch's rules (an integer never widens a float)."""
    if type1 is type2:
        return type1
    high, low = (type1, type2) if _ORDER[type1.category] >= _ORDER[type2.category] else (type2, type1)
    if high.category != low.category:
        return _widen_complex(high, low) if high.is_complex else high
    if {type1.name, type2.name} == {"float16", "bfloat16"}:
        return float32
    if "uint8" in (type1.name, type2.name):
        other = type2 if type1 is uint8 else type1
        return int16 if other is int8 else other
    return high if high.rank >= low.rank else low


def _widen_complex(high: dtype, low: dtype) -> dtype:
    return promote_types(high, _COMPLEX_OF[low]) if low.is_floating_point else high


def can_cast(source: dtype, target: dtype) -> bool:
    """Whether a value may be written where another dtype is: a kind never becomes a lower one."""
    return _ORDER[source.category] <= _ORDER[target.category]


def real_of(d: dtype) -> dtype:
    """The type of the real part: complex64 -> float32; a real type is its own."""
    return _REAL_OF.get(d, d)


def complex_of(d: dtype) -> dtype:
    """The complex type whose parts hold a float type's numbers: float32 -> complex64."""
    return _COMPLEX_OF.get(d, d)


class _Default:
    float_type = float32


def get_default_dtype() -> dtype:
    """The type of Python floats and of random tensors (float32 unless set)."""
    return _Default.float_type


def set_default_dtype(d: dtype) -> None:
    """Make `d` the type of Python floats. Raises TypeError unless it is a floating-point type."""
    if not (isinstance(d, dtype) and d.is_floating_point):
        raise TypeError(f"set_default_dtype: only floating-point types are supported as the default type, got {d}")
    _Default.float_type = d


class finfo:
    """Limits of a floating-point type: bits, eps, max, min, tiny, smallest_normal, resolution."""

    def __init__(self, type: dtype | None = None):
        d = type or get_default_dtype()
        if not (d.is_floating_point or d.is_complex):
            raise TypeError(f"finfo: {d} is not a floating-point type; use iinfo")
        info = ml_dtypes.finfo(real_of(d).limits)
        self.dtype = real_of(d).name
        self.bits = info.bits
        self.eps = float(info.eps)
        self.max = float(info.max)
        self.min = float(info.min)
        self.tiny = self.smallest_normal = float(info.smallest_normal)
        self.resolution = float(info.resolution)

    def __repr__(self) -> str:
        return f"finfo(min={self.min:g}, max={self.max:g}, eps={self.eps:g}, tiny={self.tiny:g}, dtype={self.dtype})"


class iinfo:
    """Limits of an integer type: bits, max, min."""

    def __init__(self, type: dtype):
        if type.category != "integer":
            raise TypeError(f"iinfo: {type} is not an integer type; use finfo")
        info = np.iinfo(type.limits)
        self.dtype = type.name
        self.bits, self.max, self.min = info.bits, int(info.max), int(info.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
