"""Settings and small names of the torch module itself that have no other home here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...core.devices import CPU, usable
from ...core.devices import device as Device
from ...core.dtypes import (
    bfloat16,
    bool_,
    dtype,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    set_default_dtype,
    uint8,
)
from ...runtime.threads import get_num_threads, set_num_threads
from ...tensor import Tensor, default_generator, from_numpy
from ...tensor.sparse import sparse_coo_tensor as sparse_coo_tensor
from ...tensor.sparse import sparse_mm
from .refusing import refused, refused_class
from .version import __version__ as __version__

__all__ = [
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "Event", "FloatTensor", "HalfTensor",
    "IntTensor", "LongTensor", "ShortTensor", "Stream", "SymBool", "SymFloat", "SymInt", "TensorType",
    "are_deterministic_algorithms_enabled", "dsmm", "fork_rng", "get_default_device", "get_deterministic_debug_mode",
    "get_float32_matmul_precision", "get_num_interop_threads", "get_num_threads", "get_rng_state", "hspmm",
    "is_storage", "is_warn_always_enabled", "set_default_device", "set_default_tensor_type",
    "set_deterministic_debug_mode", "set_float32_matmul_precision", "set_flush_denormal", "set_num_interop_threads",
    "set_num_threads", "set_rng_state", "set_warn_always", "smm", "sparse_coo_tensor", "sparse_csr_tensor", "spmm",
    "typename", "use_deterministic_algorithms",
]


class _Settings:
    deterministic = False
    precision = "highest"
    interop_threads = 1
    always_warn = False


# --- settings: asked for, kept, and without effect where there is nothing to choose
def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Kept only: two runs of one program give the same bits anyway."""
    _Settings.deterministic = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    return _Settings.deterministic


def set_deterministic_debug_mode(mode: int | str) -> None:
    """0 or "default", 1 or "warn", 2 or "error"."""
    _Settings.deterministic = mode not in (0, "default")


def get_deterministic_debug_mode() -> int:
    return 2 if _Settings.deterministic else 0


def set_float32_matmul_precision(precision: str) -> None:
    """Kept only: products of float32 are computed in float32. Raises RuntimeError for an unknown name."""
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"set_float32_matmul_precision: {precision!r} is not one of 'highest', 'high', 'medium'")
    _Settings.precision = precision


def get_float32_matmul_precision() -> str:
    return _Settings.precision


def set_num_interop_threads(count: int) -> None:
    """Kept only: operations run one after another."""
    if count <= 0:
        raise RuntimeError("set_num_interop_threads expects a positive integer")
    _Settings.interop_threads = int(count)


def get_num_interop_threads() -> int:
    return _Settings.interop_threads


def set_warn_always(wanted: bool) -> None:
    _Settings.always_warn = bool(wanted)


def is_warn_always_enabled() -> bool:
    return _Settings.always_warn


def set_flush_denormal(mode: bool) -> bool:
    """False: this build leaves small numbers as they are."""
    return False


def set_default_device(device: Any) -> None:
    """Raises, as making a tensor there does, for any device but the CPU."""
    if device is not None:
        usable(device)


def get_default_device() -> Device:
    return CPU


def get_rng_state() -> Tensor:
    """The default generator's state, as bytes."""
    return from_numpy(default_generator.get_state().view(np.uint8))


def set_rng_state(new_state: Tensor) -> None:
    """Go on from a state that get_rng_state gave. Raises TypeError for another tensor, RuntimeError for another length."""
    if not isinstance(new_state, Tensor) or new_state.dtype is not uint8:
        raise TypeError("set_rng_state: expected a tensor of dtype uint8, as get_rng_state gives")
    if new_state.numel() != 16:
        raise RuntimeError(f"set_rng_state: a state is 16 bytes, got {new_state.numel()}")
    default_generator.set_state(new_state.numpy().view(np.int64))


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, **kwargs: Any) -> Iterator[None]:
    """What is drawn inside the block leaves the default generator as it was before."""
    state = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)


# --- names
def typename(o: Any) -> str:
    """The name of a thing's type; of a tensor, the old one: "torch.FloatTensor"."""
    if isinstance(o, Tensor):
        return o.type()
    kind = o if isinstance(o, type) else type(o)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def is_storage(obj: Any) -> bool:
    return False


def _check(cond: Any, message: Any = None) -> None:
    """Raises RuntimeError with the message (text, or a function that gives it) unless the condition holds."""
    if not cond:
        raise RuntimeError("Expected cond to be True" if message is None else str(message() if callable(message) else message))


def _check_is_size(i: int, message: Any = None) -> None:
    """Raises RuntimeError unless the number can be a size."""
    _check(i >= 0, message)


def _assert_async(condition: Any, message: str = "Expected a true value") -> None:
    """Raises RuntimeError unless the tensor holds a true value; it is looked at here and now."""
    _check(bool(condition), message)


def _assert(condition: Any, message: str = "") -> None:
    """assert, as a function that tracing can see."""
    assert condition, message


# --- types of one dtype, from before there were dtypes
class _Typed(type):
    dtype: dtype

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, Tensor) and x.dtype is cls.dtype

    def __call__(cls, *data: Any) -> Tensor:
        if len(data) == 1 and not isinstance(data[0], int):
            return from_numpy(np.array(data[0]).astype(cls.dtype.numpy))
        return Tensor(*data).to(cls.dtype)


def _typed(name: str, kind: dtype) -> Any:
    return _Typed(name, (), {"dtype": kind, "__doc__": f"Makes tensors of {kind.name}, and is the type of all of them."})


FloatTensor, DoubleTensor = _typed("FloatTensor", float32), _typed("DoubleTensor", float64)
HalfTensor, BFloat16Tensor = _typed("HalfTensor", float16), _typed("BFloat16Tensor", bfloat16)
ByteTensor, CharTensor, ShortTensor = _typed("ByteTensor", uint8), _typed("CharTensor", int8), _typed("ShortTensor", int16)
IntTensor, LongTensor, BoolTensor = _typed("IntTensor", int32), _typed("LongTensor", int64), _typed("BoolTensor", bool_)


def set_default_tensor_type(t: Any) -> None:
    """The dtype of Python floats, by the name of an old type. Raises TypeError for anything else."""
    kind = globals().get(t.rpartition(".")[2]) if isinstance(t, str) else t
    if not isinstance(kind, _Typed):
        raise TypeError(f"invalid type object: {t!r} is no tensor type such as torch.FloatTensor")
    set_default_dtype(kind.dtype)


Stream = refused_class("torch.Stream", "operations run one after another on the CPU")
Event = refused_class("torch.Event", "operations run one after another on the CPU")


class SymInt:
    """A size that is not known yet. There is none: every size is a number when it is recorded."""


SymFloat = SymBool = SymInt


class TensorType:
    """A type of TorchScript, which annotations name."""


sparse_csr_tensor = refused("torch.sparse_csr_tensor", "tensors by places are of one form here, sparse_coo_tensor")
smm = spmm = dsmm = hspmm = sparse_mm
