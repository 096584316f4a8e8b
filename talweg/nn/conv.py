"""Convolutions (L 4.2, N 5.2): a small kernel moves over the input, the same weights at every position."""

from __future__ import annotations

import math
from typing import Any

from ..tensor import Tensor, empty
from . import functional as F
from . import init
from .arguments import spatial, stepped
from .module import Module
from .parameter import Parameter

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What all convolutions share: settings, parameters, their first values and how they print.

    Parameters: weight, bias (out_channels), both drawn from U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
    """

    spatial_dims: int
    transposed: bool = False
    padding: Any  # "same", "valid", or a size for each spatial dimension

    def __init__(
        self, in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
        padding_mode, device, dtype,
    ):
        super().__init__()
        dims = self.spatial_dims
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = spatial(kernel_size, dims, "kernel_size")
        self.stride = stepped(stride, dims, "stride")
        self.padding = padding if isinstance(padding, str) else stepped(padding, dims, "padding")
        self.dilation = stepped(dilation, dims, "dilation")
        self.output_padding = spatial(output_padding, dims, "output_padding")
        self.groups = groups
        self.padding_mode = padding_mode
        self._check()
        self._reversed_padding_repeated_twice = self._padding_as_pad_takes_it()
        self.weight = Parameter(empty(*self._weight_shape(), device=device, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(empty(out_channels, device=device, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def _check(self) -> None:
        name = type(self).__name__
        if self.groups <= 0:
            raise ValueError(f"{name}: groups must be a positive integer, got {self.groups}")
        for what in ("in_channels", "out_channels"):
            if getattr(self, what) % self.groups:
                raise ValueError(
                    f"{name}: {what} ({getattr(self, what)}) must be divisible by groups ({self.groups})"
                )
        if self.padding_mode not in PADDING_MODES:
            raise ValueError(
                f"{name}: padding_mode must be one of {PADDING_MODES}, but got {self.padding_mode!r}"
            )
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise ValueError(
                    f"{name}: Invalid padding string {self.padding!r}, should be one of 'valid', 'same'"
                )
            if self.padding == "same" and any(step != 1 for step in self.stride):
                raise ValueError(
                    f"{name}: padding='same' is not supported for strided convolutions, got {self.stride}"
                )

    def _weight_shape(self) -> tuple[int, ...]:
        rows, columns = self.out_channels, self.in_channels
        if self.transposed:
            rows, columns = columns, rows
        return (rows, columns // self.groups, *self.kernel_size)

    def _padding_as_pad_takes_it(self) -> list[int]:
        """Before and after each dimension, the last dimension first: what F.pad takes."""
        if self.padding == "valid":
            pairs = [(0, 0)] * self.spatial_dims
        elif self.padding == "same":
            totals = [step * (size - 1) for step, size in zip(self.dilation, self.kernel_size)]
            pairs = [(total // 2, total - total // 2) for total in totals]
        else:
            pairs = [(size, size) for size in self.padding]
        return [size for pair in reversed(pairs) for size in pair]

    def reset_parameters(self) -> None:
        """Draw the parameters anew. A gain of 1/sqrt(3), which is a = sqrt(5), gives the bound above."""
        if 0 not in self.weight.shape:
            init.kaiming_uniform_(self.weight, a=math.sqrt(5))
            init.uniform_bias_(self.bias, self.weight)

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}"]
        parts += [f"kernel_size={self.kernel_size}", f"stride={self.stride}"]
        usual = (0,) * self.spatial_dims
        shown = (
            ("padding", self.padding, usual),
            ("dilation", self.dilation, (1,) * self.spatial_dims),
            ("output_padding", self.output_padding, usual),
            ("groups", self.groups, 1),
        )
        parts += [f"{name}={value}" for name, value, default in shown if value != default]
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class _Convolution(_ConvNd):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size, stride=1, padding=0, dilation=1,
        groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device=None, dtype=None,
    ):
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode,
            device, dtype
        )

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution with a weight and bias handed in, for subclasses that change them."""
        convolve = getattr(F, f"conv{self.spatial_dims}d")
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = 0
        return convolve(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Convolution):
    """(N, C_in, L) to (N, C_out, L'), L' = floor((L + 2 padding - dilation (kernel_size - 1) - 1) / stride) +
    1.

    Parameters: weight (C_out, C_in / groups, kernel_size), bias (C_out). `padding` may be "same" or "valid";
    `padding_mode` is zeros, reflect, replicate or circular. Raises ValueError where groups do not divide the
    channels.
    """

    spatial_dims = 1


class Conv2d(_Convolution):
    """(N, C_in, H, W) to (N, C_out, H', W'), each size as in Conv1d (L 4.2, fig. 4.1 to 4.4).

    Parameters: weight (C_out, C_in / groups, kH, kW), bias (C_out). Arguments and errors as in Conv1d.
    """

    spatial_dims = 2


class Conv3d(_Convolution):
    """(N, C_in, D, H, W) to (N, C_out, D', H', W'), each size as in Conv1d.

    Parameters: weight (C_out, C_in / groups, kD, kH, kW), bias (C_out). Arguments and errors as in Conv1d.
    """

    spatial_dims = 3


class _TransposedConvolution(_ConvNd):
    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size, stride=1, padding=0, output_padding=0,
        groups: int = 1, bias: bool = True, dilation=1, padding_mode: str = "zeros", device=None, dtype=None,
    ):
        name = type(self).__name__
        if padding_mode != "zeros":
            raise ValueError(f"{name}: only the padding_mode 'zeros' is supported, got {padding_mode!r}")
        if isinstance(padding, str):
            raise ValueError(f"{name}: padding must be a number for each dimension, got {padding!r}")
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
            padding_mode, device, dtype,
        )

    def forward(self, input: Tensor, output_size=None) -> Tensor:
        """With `output_size` (spatial, or all dimensions) the output padding that gives it is worked out."""
        extra = self.output_padding if output_size is None else self._output_padding(input, output_size)
        transpose = getattr(F, f"conv_transpose{self.spatial_dims}d")
        return transpose(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )

    def _output_padding(self, input: Tensor, output_size) -> tuple[int, ...]:
        dims = self.spatial_dims
        wanted = tuple(output_size)
        if len(wanted) == input.dim():
            wanted = wanted[-dims:]
        if len(wanted) != dims:
            raise ValueError(
                f"{type(self).__name__}: for {input.dim()}D input, output_size must have {dims} or "
                f"{input.dim()} "
                f"elements (got {len(wanted)})"
            )
        smallest = [
            (size - 1) * step - 2 * padding + dilation * (kernel - 1) + 1
            for size, step, padding, dilation, kernel in zip(
                input.shape[-dims:], self.stride, self.padding, self.dilation, self.kernel_size
            )
        ]
        extra = tuple(size - least for size, least in zip(wanted, smallest))
        if any(not 0 <= more < step for more, step in zip(extra, self.stride)):
            largest = [least + step - 1 for least, step in zip(smallest, self.stride)]
            raise ValueError(
                f"{type(self).__name__}: requested an output size of {list(wanted)}, but valid sizes range "
                "from "
                f"{smallest} to {largest} (for an input of {list(input.shape[-dims:])})"
            )
        return extra


class ConvTranspose1d(_TransposedConvolution):
    """The gradient of Conv1d as a layer: (N, C_in, L) to (N, C_out, L') (L 4.2, transposed convolution).

    L' = (L - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1.
    Parameters: weight (C_in, C_out / groups, kernel_size), bias (C_out). Errors as in Conv1d.
    """

    spatial_dims = 1


class ConvTranspose2d(_TransposedConvolution):
    """(N, C_in, H, W) to (N, C_out, H', W'), each size as in ConvTranspose1d."""

    spatial_dims = 2


class ConvTranspose3d(_TransposedConvolution):
    """(N, C_in, D, H, W) to (N, C_out, D', H', W'), each size as in ConvTranspose1d."""

    spatial_dims = 3
