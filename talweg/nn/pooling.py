"""Pooling (L 4.4): a neighbourhood is summed up by its maximum or its mean."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .arguments import listed, spatial
from .module import Module


class _MaxPool(Module):
    """The maximum over windows. Padding counts as minus infinity; `return_indices` adds where the maxima were."""

    spatial_dims: int

    def __init__(
        self, kernel_size, stride=None, padding=0, dilation=1, return_indices: bool = False,
        ceil_mode: bool = False
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor):
        pool = getattr(F, f"max_pool{self.spatial_dims}d")
        return pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation,
            ceil_mode=self.ceil_mode, return_indices=self.return_indices,
        )

    def extra_repr(self) -> str:
        window = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return f"{window}, dilation={self.dilation}, ceil_mode={self.ceil_mode}"


class MaxPool1d(_MaxPool):
    """(N, C, L) to (N, C, L'), L' = floor((L + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1 (L
    4.4).

    The stride is the kernel size unless given; `ceil_mode` rounds L' up.
    """

    spatial_dims = 1


class MaxPool2d(_MaxPool):
    """(N, C, H, W) to (N, C, H', W'), each size as in MaxPool1d (L 4.4, N 5.3)."""

    spatial_dims = 2


class MaxPool3d(_MaxPool):
    """(N, C, D, H, W) to (N, C, D', H', W'), each size as in MaxPool1d."""

    spatial_dims = 3


class AvgPool1d(Module):
    """(N, C, L) to (N, C, L'), L' = floor((L + 2 padding - kernel_size) / stride) + 1: the mean over windows
    (L 4.4).

    `count_include_pad` counts the padding's zeros in the mean.
    """

    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode: bool = False, count_include_pad: bool = True
    ):
        super().__init__()
        self.kernel_size = spatial(kernel_size, 1, "kernel_size")
        self.stride = spatial(kernel_size if stride is None else stride, 1, "stride")
        self.padding = spatial(padding, 1, "padding")
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """(N, C, H, W) to (N, C, H', W'), each size as in AvgPool1d. `divisor_override` replaces the window's size."""

    spatial_dims = 2

    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode: bool = False, count_include_pad: bool = True,
        divisor_override: int | None = None,
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        pool = getattr(F, f"avg_pool{self.spatial_dims}d")
        return pool(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool3d(AvgPool2d):
    """(N, C, D, H, W) to (N, C, D', H', W'), each size as in AvgPool1d."""

    spatial_dims = 3


class _AdaptiveAvgPool(Module):
    """The mean over windows chosen so that the output has the size asked for; None keeps the input's size."""

    spatial_dims: int

    def __init__(self, output_size):
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        pool = getattr(F, f"adaptive_avg_pool{self.spatial_dims}d")
        return pool(input, _filled(self.output_size, input, self))

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """(N, C, L) to (N, C, output_size): the mean of positions floor(i L / size) to ceil((i + 1) L / size)."""

    spatial_dims = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """(N, C, H, W) to (N, C, *output_size), windows as in AdaptiveAvgPool1d."""

    spatial_dims = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """(N, C, D, H, W) to (N, C, *output_size), windows as in AdaptiveAvgPool1d."""

    spatial_dims = 3


class _AdaptiveMaxPool(Module):
    """The maximum over windows chosen so that the output has the size asked for."""

    spatial_dims: int

    def __init__(self, output_size, return_indices: bool = False):
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor):
        pool = getattr(F, f"adaptive_max_pool{self.spatial_dims}d")
        return pool(input, _filled(self.output_size, input, self), self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """(N, C, L) to (N, C, output_size), windows as in AdaptiveAvgPool1d."""

    spatial_dims = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """(N, C, H, W) to (N, C, *output_size), windows as in AdaptiveAvgPool1d."""

    spatial_dims = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """(N, C, D, H, W) to (N, C, *output_size), windows as in AdaptiveAvgPool1d."""

    spatial_dims = 3


def _filled(output_size, input: Tensor, module) -> tuple[int, ...]:
    """The output size with the input's own where it says None."""
    dims = module.spatial_dims
    if input.dim() not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"{type(module).__name__}: Expected {dims + 1}D or {dims + 2}D (batched) input, got shape "
            f"{list(input.shape)}"
        )
    sizes = listed(output_size, dims)
    if len(sizes) != dims:
        raise RuntimeError(
            f"{type(module).__name__}: output_size must be {dims} numbers, got {output_size!r}"
        )
    return tuple(own if size is None else size for size, own in zip(sizes, input.shape[-dims:]))
