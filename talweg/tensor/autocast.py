"""Mixed precision: inside `autocast`, products run in a low precision, and what it would harm in float32.

Each function says at its definition which of three it is: `lowered` (matrix products and convolutions), `raised` (losses,
products over a dimension, ...), or `promoted` (joining several tensors). The others compute in the dtype they are given.
The lists are those of PyTorch's autocast for the CPU. A conversion is a node like any other: its gradient comes back in the
tensor's own dtype, the compiler computes it inside the kernels around it, and makes one of equal ones.
"""

from __future__ import annotations

import functools
import inspect
import threading
import warnings
from collections.abc import Callable
from typing import Any

from ..core.dtypes import bfloat16, float16, float32, float64, promote_types
from ..core.dtypes import dtype as DType
from ..graph.ops import cast
from .box import Box
from .tensor import wrap

DEVICES = ("cpu", "cuda", "xpu", "mps", "hpu", "xla", "mtia", "ipu", "privateuseone")
LOW = (bfloat16, float16)


class _State(threading.local):
    low: DType | None = None  # None: off
    preferred: DType = bfloat16


_state = _State()


class autocast:
    """Inside, matrix products and convolutions compute in `dtype` (bfloat16, or float16), whatever float dtype their
    operands have; losses and a few more in float32. A context manager or a decorator; blocks nest, and concern the thread
    that enters them.

    Parameters stay float32, and so do their gradients: nothing needs to be converted by hand. Leave the backward pass
    outside. `cache_enabled` is PyTorch's and has no effect: equal conversions are one after compilation.

    Only the CPU computes here: for "cuda" autocast warns and does nothing, as PyTorch does without a GPU; so it does for a
    dtype that is no low precision. Raises RuntimeError for another device, TypeError for what is no dtype.
    """

    def __init__(self, device_type: str = "cpu", dtype: DType | None = None, enabled: bool = True,
                 cache_enabled: bool | None = None):
        _check_device(device_type, "autocast")
        if dtype is not None and not isinstance(dtype, DType):
            raise TypeError(f"autocast(): argument 'dtype' must be talweg.dtype, not {type(dtype).__name__}")
        self.device = device_type
        self.fast_dtype = dtype or get_autocast_dtype(device_type)
        self._enabled = bool(enabled) and self._is_possible()
        self._before: list[DType | None] = []

    def _is_possible(self) -> bool:
        reason = None
        if self.device != "cpu":
            reason = f"User provided device_type of '{self.device}', but this build of Talweg computes on 'cpu' only"
        elif self.fast_dtype not in LOW:
            reason = (f"In CPU autocast, but the target dtype {self.fast_dtype.name} is not supported: it takes "
                      "bfloat16 and float16")
        if reason:
            warnings.warn(f"{reason}. Disabling autocast.", UserWarning, stacklevel=4)
        return reason is None

    def __enter__(self) -> autocast:
        self._before.append(_state.low)
        if self.device == "cpu":  # another device's block leaves the CPU's as it is
            _state.low = self.fast_dtype if self._enabled else None
        return self

    def __exit__(self, *_: Any) -> None:
        _state.low = self._before.pop()

    def __call__(self, function: Callable) -> Callable:
        if inspect.isgeneratorfunction(function):
            raise TypeError("autocast cannot decorate a generator: its caller would run in the block too; use `with autocast` "
                            "inside it")

        @functools.wraps(function)
        def run(*args, **kwargs):
            with autocast(self.device, self.fast_dtype, self._enabled):
                return function(*args, **kwargs)

        return run


def is_autocast_enabled(device_type: str = "cpu") -> bool:
    """Whether this thread is inside an enabled `autocast`."""
    _check_device(device_type, "is_autocast_enabled")
    return device_type == "cpu" and _state.low is not None


def get_autocast_dtype(device_type: str = "cpu") -> DType:
    """The low precision that an `autocast` without a dtype has here."""
    _check_device(device_type, "get_autocast_dtype")
    return float16 if device_type == "cuda" else _state.low or _state.preferred


def is_autocast_available(device_type: str) -> bool:
    """Whether `autocast` has an effect for this device."""
    return device_type == "cpu"


def precision() -> DType | None:
    """The low precision of this thread's `autocast`, None outside: what is recorded depends on it."""
    return _state.low


def _check_device(device_type: Any, call: str) -> None:
    if not isinstance(device_type, str):
        raise ValueError(f"{call}: Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if device_type not in DEVICES:
        raise RuntimeError(f"{call}: User specified an unsupported autocast device_type '{device_type}'; there is 'cpu'")


# --- what functions say of themselves
def lowered(function: Callable) -> Callable:
    """Inside autocast: operands, and so the result, in the low precision."""
    return _under_autocast(function, lambda args, low: low)


def raised(function: Callable) -> Callable:
    """Inside autocast: operands in float32."""
    return _under_autocast(function, lambda args, low: float32)


def promoted(function: Callable) -> Callable:
    """Inside autocast: operands in the widest of their dtypes."""
    return _under_autocast(function, _widest)


def as_given(function: Callable) -> Callable:
    """Inside autocast: operands as they are, though the function is made of others that would convert them."""
    return _under_autocast(function, lambda args, low: None)


def without_autocast(function: Callable) -> Callable:
    """A function as it is outside autocast."""
    plain = getattr(function, "without_autocast", None)
    return function if plain is None else as_given(plain)


def _under_autocast(function: Callable, choose: Callable) -> Callable:
    @functools.wraps(function)
    def run(*args, **kwargs):
        low = _state.low
        if low is None:
            return function(*args, **kwargs)
        wanted = choose((*args, *kwargs.values()), low)
        _state.low = None  # what it is made of computes in the dtypes it is given
        try:
            return function(*[_converted(a, wanted) for a in args],
                            **{name: _converted(a, wanted) for name, a in kwargs.items()})
        finally:
            _state.low = low

    run.without_autocast = function  # type: ignore[attr-defined]
    return run


def _converted(value: Any, dtype: DType | None) -> Any:
    """A tensor, or those of a list, in the dtype; doubles, integers and anything else as they are."""
    if dtype is None:
        return value
    if isinstance(value, Box):
        node = value.node
        return wrap(cast(node, dtype)) if _takes_part(node.dtype) and node.dtype is not dtype else value
    if type(value) in (tuple, list):
        return type(value)([_converted(v, dtype) for v in value])
    return value


def _takes_part(dtype: DType) -> bool:
    return dtype.is_floating_point and dtype is not float64


def _widest(values: tuple, low: DType) -> DType:
    found = low
    for value in values:
        if isinstance(value, Box) and _takes_part(value.node.dtype):
            found = promote_types(found, value.node.dtype)
        elif type(value) in (tuple, list):
            found = _widest(tuple(value), found)
    return found
