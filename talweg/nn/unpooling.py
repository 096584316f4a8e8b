"""Kinds of pooling beyond maxima and means of a regular grid, and the way back from maxima (L 4.4)."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .arguments import spatial
from .module import Module


class _MaxUnpool(Module):
    """Each value at the position that max pooling found it at, zeros elsewhere. `output_size` settles what the pooling
    rounded away."""

    spatial_dims: int

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size = spatial(kernel_size, self.spatial_dims, "kernel_size")
        self.stride = spatial(kernel_size if stride is None else stride, self.spatial_dims, "stride")
        self.padding = spatial(padding, self.spatial_dims, "padding")

    def forward(self, input: Tensor, indices: Tensor, output_size=None) -> Tensor:
        unpool = getattr(F, f"max_unpool{self.spatial_dims}d")
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """(N, C, L) and its indices to (N, C, L'), L' = (L - 1) stride - 2 padding + kernel_size."""

    spatial_dims = 1


class MaxUnpool2d(_MaxUnpool):
    """(N, C, H, W) and its indices to (N, C, H', W'), each size as in MaxUnpool1d."""

    spatial_dims = 2


class MaxUnpool3d(_MaxUnpool):
    """(N, C, D, H, W) and its indices to (N, C, D', H', W'), each size as in MaxUnpool1d."""

    spatial_dims = 3


class _LPPool(Module):
    """(sum over each window of x^p)^(1/p), p the `norm_type`: the sum for 1, nearly the maximum for large p."""

    spatial_dims: int

    def __init__(self, norm_type: float, kernel_size, stride=None, ceil_mode: bool = False):
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        pool = getattr(F, f"lp_pool{self.spatial_dims}d")
        return pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
                f"ceil_mode={self.ceil_mode}")


class LPPool1d(_LPPool):
    """Over windows of (N, C, L)."""

    spatial_dims = 1


class LPPool2d(_LPPool):
    """Over windows of (N, C, H, W)."""

    spatial_dims = 2


class LPPool3d(_LPPool):
    """Over windows of (N, C, D, H, W)."""

    spatial_dims = 3


class _FractionalMaxPool(Module):
    """Maxima over windows at random places that cover the input, to `output_size`, or to the share `output_ratio` of its
    size (Graham, 2014). Raises ValueError unless one of the two is given, and for a ratio outside (0, 1)."""

    spatial_dims: int

    def __init__(self, kernel_size, output_size=None, output_ratio=None, return_indices: bool = False, _random_samples=None):
        super().__init__()
        name, dims = type(self).__name__, self.spatial_dims
        if (output_size is None) == (output_ratio is None):
            raise ValueError(f"{name}: exactly one of output_size and output_ratio must be given")
        self.kernel_size = spatial(kernel_size, dims, "kernel_size")
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else spatial(output_size, dims, "output_size")
        self.output_ratio = None if output_ratio is None else spatial(output_ratio, dims, "output_ratio")
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"{name}: output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor):
        pool = getattr(F, f"fractional_max_pool{self.spatial_dims}d")
        return pool(input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices, self._random_samples)


class FractionalMaxPool2d(_FractionalMaxPool):
    """Over windows of (N, C, H, W) or (C, H, W)."""

    spatial_dims = 2


class FractionalMaxPool3d(_FractionalMaxPool):
    """Over windows of (N, C, D, H, W) or (C, D, H, W)."""

    spatial_dims = 3
