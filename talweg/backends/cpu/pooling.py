"""Average pooling through oneDNN. Maximum pooling is not: its kernels lose NaN and -inf.

Tried with oneDNN 3.2 (jit:avx512_core and simple_nchw, both layouts): ties give their gradient to the first
maximum in row-major order, as they should, but a NaN in a window does not come through, and a window of -inf
alone gives the lowest finite float. A diverging model must show its NaN, so the maximum is left to other
kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...runtime import threads
from . import primitives
from .arrays import (
    activation_layout,
    channels_last,
    empty_channels_last,
    pointer,
    readable,
    type_of,
)
from .bindings import Algorithm, Argument, DataType, Unsupported
from .cache import Cache
from .plans import Plan
from .primitives import Descriptor, Primitive, Window


class _Prepared(NamedTuple):
    plan: Plan | None  # None: there are no elements
    shape: tuple[int, ...]
    copy: bool


_CACHE: Cache[_Prepared] = Cache(256)


def can_pool(
    kind: str, input_shape, kernel, stride, padding, dilation=None, ceil_mode=False, count_include_pad=True
) -> bool:
    """Whether oneDNN does this pooling as PyTorch does. `kind` is "max" or "avg".

    Never for maxima (see above). For averages: one to three spatial dimensions, dense windows, and no window
    that ceil_mode lets run past the padding when padding counts, for oneDNN would count the part outside as
    well.
    """
    if kind not in ("max", "avg"):
        raise ValueError(f"can_pool: kind must be 'max' or 'avg', got {kind!r}")
    spatial = len(input_shape) - 2
    if kind == "max" or spatial not in (1, 2, 3) or (dilation is not None and any(d != 1 for d in dilation)):
        return False
    if any(size + 2 * p < k for size, k, p in zip(input_shape[2:], kernel, padding)):  # ceil_mode gives one window all the same
        return False
    window = _window("can_pool", input_shape, (tuple(kernel), tuple(stride), tuple(padding)), ceil_mode)
    return not (count_include_pad and _runs_past_padding(window))


def _runs_past_padding(window: Window) -> bool:
    return any(end > start for start, end in zip(window.padding, window.padding_end))


def avg_pool(x, kernel, stride, padding, ceil_mode=False, count_include_pad=True) -> np.ndarray:
    """The mean of each window of x (N, C, *spatial), channels-last in memory. L 4.4, N 5.3.3.

    Padding counts as zeros in the mean unless `count_include_pad` is False.
    Raises RuntimeError where shapes and settings do not go together, Unsupported where `can_pool` is False.
    """
    settings = (tuple(kernel), tuple(stride), tuple(padding))
    return _pool(primitives.average_pooling, x, None, settings, ceil_mode, count_include_pad)


def avg_pool_input_gradient(
    g, input_shape, kernel, stride, padding, ceil_mode=False, count_include_pad=True
) -> np.ndarray:
    """The gradient for x of `avg_pool`, from g, the gradient for its result. Channels-last in memory."""
    settings = (tuple(kernel), tuple(stride), tuple(padding))
    shape = tuple(input_shape)
    return _pool(primitives.average_pooling_input_gradient, g, shape, settings, ceil_mode, count_include_pad)


def pooling_plan(given, input_shape, kernel, stride, padding, ceil_mode: bool, count_include_pad: bool) -> Plan | None:
    """A plan of one's own for `avg_pool`, or with `input_shape` for its gradient, run on (given, result); None where
    the operand would have to be copied."""
    make = primitives.average_pooling if input_shape is None else primitives.average_pooling_input_gradient
    settings = (tuple(kernel), tuple(stride), tuple(padding))
    shape = None if input_shape is None else tuple(input_shape)
    prepared = _prepare("avg_pool", make, given, shape, settings, ceil_mode, count_include_pad)
    return None if prepared.copy else prepared.plan


def _pool(make, given, input_shape, settings, ceil_mode: bool, count_include_pad: bool) -> np.ndarray:
    call = "avg_pool" if input_shape is None else "avg_pool_input_gradient"
    if not isinstance(given, np.ndarray):
        raise TypeError(f"{call}: expected a NumPy array, got {type(given).__name__}")
    key = (
        given.shape,
        given.strides,
        given.dtype,
        input_shape,
        settings,
        ceil_mode,
        count_include_pad,
        threads.get_num_threads(),
    )
    prepared = _CACHE.find(key)
    if prepared is None:
        prepared = _CACHE.put(
            key, _prepare(call, make, given, input_shape, settings, ceil_mode, count_include_pad)
        )
    if prepared.plan is None:
        return np.zeros(prepared.shape, given.dtype)
    if prepared.copy:
        given = np.array(given, order="C")
    result = empty_channels_last(prepared.shape, given.dtype)
    prepared.plan.run([pointer(given), pointer(result)])
    return result


def _prepare(
    call: str, make, given, input_shape, settings, ceil_mode: bool, count_include_pad: bool
) -> _Prepared:
    type_ = type_of(call, given)
    x = given.shape if input_shape is None else input_shape
    window = _window(call, x, settings, ceil_mode)
    y = _output_shape(x, window)
    if input_shape is not None and given.shape != y:
        raise RuntimeError(
            f"{call}: an input {list(x)} pools to {list(y)}, not to a gradient of {list(given.shape)}"
        )
    result = y if input_shape is None else x
    if not all(x):
        return _Prepared(None, result, False)
    if count_include_pad and _runs_past_padding(window):
        raise Unsupported(
            f"{call}: a window runs past the padding of {list(x)} (ceil_mode), where padding counts"
        )
    strides, copy = readable(given)
    outside = activation_layout(given.shape, strides, type_)
    algorithm = (
        Algorithm.POOLING_AVG_INCLUDE_PADDING if count_include_pad else Algorithm.POOLING_AVG_EXCLUDE_PADDING
    )
    primitive = _primitive(make, algorithm, x, y, window, type_)
    return _Prepared(_plan(primitive, outside, result, type_), result, copy)


def _primitive(
    make: Callable[..., Primitive], algorithm: Algorithm, x, y, window: Window, type_: DataType
) -> Primitive:
    layouts = (Descriptor.strided(shape, channels_last(shape), type_) for shape in (x, y))
    return make(algorithm, *layouts, window)


def _plan(primitive: Primitive, outside: Descriptor, result, type_: DataType) -> Plan:
    source, target = (
        (Argument.SRC, Argument.DST)
        if Argument.SRC in primitive.layouts
        else (Argument.DIFF_DST, Argument.DIFF_SRC)
    )
    plan = Plan()
    given = plan.argument(outside)
    written = plan.argument(Descriptor.strided(result, channels_last(result), type_))
    plan.add(primitive, {source: plan.reordered(given, primitive.layouts[source]), target: written})
    return plan


def _window(call: str, shape, settings, ceil_mode: bool) -> Window:
    """The window, with the padding at the end that makes every size come out.

    Raises RuntimeError if it does not fit.
    """
    kernel, stride, padding = settings
    spatial = len(shape) - 2
    if spatial not in (1, 2, 3) or not len(kernel) == len(stride) == len(padding) == spatial:
        raise RuntimeError(
            f"{call}: expected (batch, channels, 1 to 3 others) and one int for each of the others in "
            f"kernel {kernel}, stride {stride} and padding {padding}; the input is {list(shape)}"
        )
    if min(*kernel, *stride) < 1 or any(not 0 <= p <= k // 2 for p, k in zip(padding, kernel)):
        raise RuntimeError(
            f"{call}: kernel {kernel} and stride {stride} must be positive, and padding {padding} from zero "
            "to half the kernel"
        )
    ends = []
    for size, k, s, p in zip(shape[2:], kernel, stride, padding):
        if size + 2 * p < k:
            raise RuntimeError(
                f"{call}: kernel {kernel} does not fit into the input {list(shape)} padded by {padding}"
            )
        ends.append((_windows(size, k, s, p, ceil_mode) - 1) * s + k - size - p)
    return Window(kernel, stride, padding, tuple(ends), (1,) * spatial)


def _windows(size: int, kernel: int, stride: int, padding: int, ceil_mode: bool) -> int:
    """How many windows fit; with ceil_mode one more for a rest, unless it would start beyond the input."""
    room = size + 2 * padding - kernel
    count = room // stride + 1
    if ceil_mode and room % stride and count * stride < size + padding:
        count += 1
    return count


def _output_shape(shape, window: Window) -> tuple[int, ...]:
    sizes = zip(shape[2:], window.kernel, window.stride, window.padding, window.padding_end)
    return (*shape[:2], *((size + p + e - k) // s + 1 for size, k, s, p, e in sizes))
