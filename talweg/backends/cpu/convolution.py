"""Convolutions and their two gradients through oneDNN, one to three spatial dimensions, with groups.

Activations are channels-last (NHWC) in memory, in and out, and NCHW in shape. Measured on the machine of
docs/architecture.md (oneDNN 3.2, two threads, fp32): forward + both gradients, weights packed each call, ms:

    x, kernel, stride             NCHW     NHWC    blocked   NCHW, reordered   NHWC, reordered
                                  in+out   in+out  in+out    to oneDNN's own   to oneDNN's own
    16x64x56x56, 64 of 3x3         106      46       56          61                62
    16x256x56x56, 64 of 1x1         28      27       24          45                49
    8x128x28x28, 128 of 3x3 by 2    12.7     7.6      7.8         9.6               7.5
    8x512x7x7, 512 of 3x3           37      30       24          26                25
    64x32x8x8, 64 of 5x5             4.7     1.9      2.0         2.0               2.3
    64x1x28x28, 32 of 5x5            4.6     5.4      5.4         6.1               6.3
    8x3x224x224, 64 of 7x7 by 2     55      63       65          81                75

A chain of convolutions in NHWC reorders nothing but weights, and its pointwise passes see plain strides; a
blocked chain is no faster and cannot be shown as a NumPy array. So an input in NCHW is reordered once, by
the first convolution, and all after it find NHWC. The last two rows lose their time in the gradient for
inputs of 1 or 3 channels, which pads them to 16: there the plain kernel is taken instead (see _NARROW).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ...core.shapes import Shape
from ...runtime import threads
from . import primitives
from .arrays import (
    Strides,
    activation_layout,
    channels_last,
    empty_channels_last,
    pointer,
    readable,
    row_major,
    type_of,
)
from .bindings import Argument, DataType, Unsupported
from .cache import Cache
from .plans import Plan
from .primitives import Descriptor, Primitive, Window

# Up to this many input channels their gradient comes sooner in NCHW, though g must be copied: 2.7 ms for
# 4.9 in the last row but one, 29 for 59 in the last. With 4 channels it is half and half, with 6 it is later.
_NARROW = 3


class _Kind(NamedTuple):
    """One of the three computations: how its primitive is made, and which array each argument is."""

    call: str
    make: Callable[[Descriptor, Descriptor, Descriptor, Window], Primitive]
    inputs: tuple[Argument, Argument]
    output: Argument


class _Problem(NamedTuple):
    """Shapes and types of one convolution y = x * w; x and y may be of either gradient."""

    x: Shape
    w: Shape
    y: Shape
    window: Window
    groups: int
    type: DataType


class _Prepared(NamedTuple):
    plan: Plan | None  # None: an array without elements takes part, the result is zeros
    shape: Shape
    copy_first: bool
    copy_second: bool


_FORWARD = _Kind("convolution", primitives.convolution, (Argument.SRC, Argument.WEIGHTS), Argument.DST)
_INPUT_GRADIENT = _Kind(
    "convolution_input_gradient",
    primitives.convolution_input_gradient,
    (Argument.DIFF_DST, Argument.WEIGHTS),
    Argument.DIFF_SRC,
)
_WEIGHT_GRADIENT = _Kind(
    "convolution_weight_gradient",
    primitives.convolution_weight_gradient,
    (Argument.SRC, Argument.DIFF_DST),
    Argument.DIFF_WEIGHTS,
)
_WHICH = {
    Argument.SRC: "x",
    Argument.DIFF_SRC: "x",
    Argument.WEIGHTS: "w",
    Argument.DIFF_WEIGHTS: "w",
    Argument.DST: "y",
    Argument.DIFF_DST: "y",
}

_CACHE: Cache[_Prepared] = Cache(1024)


def convolution(x, w, stride, padding, dilation, groups: int, out=None) -> np.ndarray:
    """y[n, o, p] = sum over c, k of x[n, c, p * stride - padding + k * dilation] w[o, c, k] (L 4.2, N 5.2.2).

    x (N, C, *spatial), w (O, C / groups, *kernel) -> (N, O, *spatial'), channels-last in
    memory, sums in float32. stride, padding and dilation hold one int a spatial dimension; dilation 1 is
    dense. Raises RuntimeError where shapes, dtypes or settings do not go together, Unsupported where oneDNN
    has no kernel for them.
    """
    return _convolve(_FORWARD, x, w, None, (tuple(stride), tuple(padding), tuple(dilation)), groups, out)


def convolution_input_gradient(g, w, input_shape, stride, padding, dilation, groups: int, out=None) -> np.ndarray:
    """The gradient for x of `convolution`, from g, the gradient for its result. Channels-last in memory."""
    settings = (tuple(stride), tuple(padding), tuple(dilation))
    return _convolve(_INPUT_GRADIENT, g, w, tuple(input_shape), settings, groups, out)


def convolution_weight_gradient(x, g, weight_shape, stride, padding, dilation, groups: int, out=None) -> np.ndarray:
    """The gradient for w of `convolution`, from x and g, the gradient for its result. Row-major in memory."""
    settings = (tuple(stride), tuple(padding), tuple(dilation))
    return _convolve(_WEIGHT_GRADIENT, x, g, tuple(weight_shape), settings, groups, out)


def convolution_plan(output: str, first, second, shape, stride, padding, dilation, groups: int) -> Plan | None:
    """A plan of one's own for `output` ("y", "x" or "w": the result or one of the gradients), run on (first, second,
    result); None where an operand would have to be copied. Only shapes, strides and dtypes are looked at."""
    kind = {"y": _FORWARD, "x": _INPUT_GRADIENT, "w": _WEIGHT_GRADIENT}[output]
    settings = (tuple(stride), tuple(padding), tuple(dilation))
    prepared = _prepare(kind, first, second, None if shape is None else tuple(shape), settings, groups)
    return None if prepared.copy_first or prepared.copy_second else prepared.plan


def _convolve(kind: _Kind, first, second, shape: Shape | None, settings, groups: int, out) -> np.ndarray:
    # `out`, where given, lies as the result would: channels-last, row-major for weights.
    try:
        key = (
            kind.output,
            first.shape,
            first.strides,
            first.dtype,
            second.shape,
            second.strides,
            second.dtype,
            shape,
            settings,
            groups,
            threads.get_num_threads(),
        )
    except AttributeError:
        names = f"{type(first).__name__} and {type(second).__name__}"
        raise TypeError(f"{kind.call}: expected NumPy arrays, got {names}") from None
    prepared = _CACHE.find(key)
    if prepared is None:
        prepared = _CACHE.put(key, _prepare(kind, first, second, shape, settings, groups))
    if prepared.plan is None:
        return np.zeros(prepared.shape, first.dtype)
    empty = np.empty if kind is _WEIGHT_GRADIENT else empty_channels_last
    result = empty(prepared.shape, first.dtype) if out is None else out
    if prepared.copy_first:
        first = np.array(first, order="C")
    if prepared.copy_second:
        second = np.array(second, order="C")
    prepared.plan.run([pointer(first), pointer(second), pointer(result)])
    return result


def _prepare(kind: _Kind, first, second, shape, settings, groups) -> _Prepared:
    type_ = type_of(kind.call, first, second)
    shapes = {_WHICH[kind.inputs[0]]: first.shape, _WHICH[kind.inputs[1]]: second.shape}
    if shape is not None:
        shapes[_WHICH[kind.output]] = shape
    problem = _checked(kind.call, shapes, settings, groups, type_)
    result = getattr(problem, _WHICH[kind.output])
    if not all(problem.x) or not all(problem.w) or not all(problem.y):
        return _Prepared(None, result, False, False)
    first_strides, copy_first = readable(first)
    second_strides, copy_second = readable(second)
    return _Prepared(_plan(kind, problem, (first_strides, second_strides)), result, copy_first, copy_second)


def _checked(call: str, shapes: dict[str, Shape], settings, groups: int, type_: DataType) -> _Problem:
    """The problem, all its shapes known and consistent. Raises RuntimeError for what does not go together."""
    seen = {name: list(shape) for name, shape in shapes.items()}
    spatial = len(next(iter(shapes.values()))) - 2
    if spatial not in (1, 2, 3) or any(len(shape) != spatial + 2 for shape in shapes.values()):
        raise RuntimeError(
            f"{call}: expected arrays of one rank, 3 to 5 (batch, channels, others), got {seen}"
        )
    stride, padding, dilation = settings
    if not len(stride) == len(padding) == len(dilation) == spatial:
        raise RuntimeError(
            f"{call}: stride {stride}, padding {padding} and dilation {dilation} must hold one int for "
            f"each of {spatial} spatial dimensions"
        )
    if min(*stride, *dilation, groups) < 1 or min(padding) < 0:
        raise RuntimeError(
            f"{call}: stride {stride}, dilation {dilation} and groups {groups} must be positive, padding "
            f"{padding} must not be negative"
        )
    if "w" in shapes and "x" in shapes:
        shapes.setdefault("y", _output_shape(call, shapes["x"], shapes["w"], settings))
    x, w, y = shapes["x"], shapes["w"], shapes["y"]
    if x[1] != w[1] * groups or w[0] % groups:
        raise RuntimeError(
            f"{call}: with groups={groups}, weights {list(w)} expect {w[1] * groups} input channels and "
            f"output channels divisible by {groups}; the input is {list(x)}"
        )
    expected = _output_shape(call, x, w, settings)
    if y != expected:
        raise RuntimeError(
            f"{call}: an input {list(x)} and weights {list(w)} with stride {stride}, padding {padding} and "
            f"dilation {dilation} give {list(expected)}, not {list(y)}"
        )
    return _Problem(x, w, y, Window(w[2:], stride, padding, padding, dilation), groups, type_)


def _output_shape(call: str, x, w, settings) -> Shape:
    sizes = []
    for size, kernel, stride, padding, dilation in zip(x[2:], w[2:], *settings):
        room = size + 2 * padding - dilation * (kernel - 1) - 1
        if room < 0 or kernel < 1:
            raise RuntimeError(
                f"{call}: kernel {list(w[2:])} with dilation {list(settings[2])} does not fit into the input "
                f"{list(x)} padded by {list(settings[1])}"
            )
        sizes.append(room // stride + 1)
    return (x[0], w[0], *sizes)


def _plan(kind: _Kind, problem: _Problem, given: Sequence[Strides]) -> Plan:
    """The primitive in the layouts that suit it, with reorders from and to the caller's arrays."""
    primitive = _fastest(kind, problem)
    own = {"x": channels_last(problem.x), "w": row_major(problem.w), "y": channels_last(problem.y)}
    outside = {kind.output: own[_WHICH[kind.output]], **dict(zip(kind.inputs, given))}
    plan = Plan()
    values = {
        argument: plan.argument(_described(problem, _WHICH[argument], outside[argument]))
        for argument in (*kind.inputs, kind.output)
    }
    inside = {
        argument: (plan.packed if argument is Argument.WEIGHTS else plan.reordered)(values[argument], primitive.layouts[argument])
        for argument in kind.inputs
    }
    written = plan.to_be(values[kind.output], primitive.layouts[kind.output])
    plan.add(primitive, {**inside, kind.output: written})
    plan.deliver(written, values[kind.output])
    return plan


def _described(problem: _Problem, which: str, strides: Strides) -> Descriptor:
    if which != "w":
        return activation_layout(getattr(problem, which), strides, problem.type)
    return Descriptor.strided(*_grouped(problem, strides), problem.type)


def _grouped(problem: _Problem, strides: Strides) -> tuple[Shape, Strides]:
    """Weights as oneDNN counts them: (groups, O / groups, C / groups, *kernel) where there are groups."""
    if problem.groups == 1:
        return problem.w, strides
    each = problem.w[0] // problem.groups
    return (problem.groups, each, *problem.w[1:]), (strides[0] * each, *strides)


def _fastest(kind: _Kind, problem: _Problem) -> Primitive:
    """The first of the layouts worth having for which oneDNN has a real kernel, not its slow reference."""
    weights = Descriptor.free(_grouped(problem, row_major(problem.w))[0], problem.type)
    found = None
    for x, y in _activation_layouts(kind, problem):
        try:
            primitive = kind.make(x, weights, y, problem.window)
        except Unsupported:
            continue
        if not primitive.implementation.startswith("ref"):
            return primitive
        found = found or primitive
    if found is None:
        raise Unsupported(
            f"{kind.call}: oneDNN has no kernel for x {list(problem.x)}, w {list(problem.w)}, "
            f"{problem.window}"
        )
    return found


def _activation_layouts(kind: _Kind, problem: _Problem):
    def strided(order):
        return tuple(
            Descriptor.strided(shape, order(shape), problem.type) for shape in (problem.x, problem.y)
        )

    if (
        kind is _INPUT_GRADIENT
        and problem.w[1] <= _NARROW
        and problem.groups == 1
        and problem.type is DataType.F32
    ):
        yield strided(row_major)
    yield strided(channels_last)
    yield Descriptor.free(problem.x, problem.type), Descriptor.free(problem.y, problem.type)
    yield strided(row_major)
