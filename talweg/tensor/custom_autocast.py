"""Mixed precision of a user's own autograd Function: its backward pass as its forward pass was."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..core.dtypes import dtype as DType
from ..core.dtypes import float64
from .autocast import _check_device, autocast, get_autocast_dtype, is_autocast_enabled
from .box import Box


def custom_fwd(fwd: Callable | None = None, *, device_type: str, cast_inputs: DType | None = None) -> Callable:
    """A decorator for `forward(ctx, ...)`; `custom_bwd` then finds in ctx whether autocast was on.

    cast_inputs: inside autocast the forward pass runs without it, on floating inputs of this dtype (float64 stays).
    Outside, it has no effect. Raises RuntimeError for an unknown device, ValueError for what is no device's name.
    """
    _check_device(device_type, "custom_fwd")
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def run(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        ctx._dtype = get_autocast_dtype(device_type)
        ctx._fwd_used_autocast = is_autocast_enabled(device_type)
        if cast_inputs is None or not ctx._fwd_used_autocast:
            ctx._fwd_used_autocast &= cast_inputs is None
            return fwd(ctx, *args, **kwargs)
        ctx._fwd_used_autocast = False
        with autocast(device_type, enabled=False):
            return fwd(ctx, *_cast(args, cast_inputs), **_cast(kwargs, cast_inputs))

    return run


def custom_bwd(bwd: Callable | None = None, *, device_type: str) -> Callable:
    """A decorator for `backward(ctx, ...)` of a Function whose forward has `custom_fwd`: with autocast as it was there.

    Raises RuntimeError for an unknown device, ValueError for what is no device's name.
    """
    _check_device(device_type, "custom_bwd")
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def run(*args: Any, **kwargs: Any) -> Any:
        ctx = args[0]
        with autocast(device_type, enabled=ctx._fwd_used_autocast, dtype=ctx._dtype):
            return bwd(*args, **kwargs)

    return run


def _cast(value: Any, dtype: DType) -> Any:
    """Floating tensors in the dtype, also those of lists and dictionaries."""
    if isinstance(value, Box):
        is_eligible = value.dtype.is_floating_point and value.dtype is not float64
        return value.to(dtype) if is_eligible else value
    if isinstance(value, dict):
        return {name: _cast(v, dtype) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_cast(v, dtype) for v in value)
    return value
