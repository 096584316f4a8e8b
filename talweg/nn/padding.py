"""Padding as layers: zeros, a constant, the border repeated, mirrored, or taken from the other side."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .arguments import spatial
from .module import Module


class _Pad(Module):
    """`padding` is a number for all sides, or (before, after) of each dimension, the last dimension first."""

    spatial_dims: int
    mode: str

    def __init__(self, padding):
        super().__init__()
        self.padding = spatial(padding, 2 * self.spatial_dims, "padding")

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    mode = "constant"

    def __init__(self, padding, value: float):
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """(N, C, L), `padding` (left, right), with `value`."""

    spatial_dims = 1


class ConstantPad2d(_ConstantPad):
    """(N, C, H, W), `padding` (left, right, top, bottom), with `value`."""

    spatial_dims = 2


class ConstantPad3d(_ConstantPad):
    """(N, C, D, H, W), `padding` (left, right, top, bottom, front, back), with `value`."""

    spatial_dims = 3


class _ZeroPad(_ConstantPad):
    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_ZeroPad):
    """ConstantPad1d with zeros."""

    spatial_dims = 1


class ZeroPad2d(_ZeroPad):
    """ConstantPad2d with zeros."""

    spatial_dims = 2


class ZeroPad3d(_ZeroPad):
    """ConstantPad3d with zeros."""

    spatial_dims = 3


class ReflectionPad1d(_Pad):
    """(N, C, L) mirrored at its ends, the end itself not repeated; the padding is smaller than L."""

    spatial_dims = 1
    mode = "reflect"


class ReflectionPad2d(ReflectionPad1d):
    """ReflectionPad1d for both dimensions of (N, C, H, W)."""

    spatial_dims = 2


class ReflectionPad3d(ReflectionPad1d):
    """ReflectionPad1d for the three dimensions of (N, C, D, H, W)."""

    spatial_dims = 3


class ReplicationPad1d(_Pad):
    """(N, C, L) with its end elements repeated."""

    spatial_dims = 1
    mode = "replicate"


class ReplicationPad2d(ReplicationPad1d):
    """ReplicationPad1d for both dimensions of (N, C, H, W)."""

    spatial_dims = 2


class ReplicationPad3d(ReplicationPad1d):
    """ReplicationPad1d for the three dimensions of (N, C, D, H, W)."""

    spatial_dims = 3


class CircularPad1d(_Pad):
    """(N, C, L) continued at each end with the other end."""

    spatial_dims = 1
    mode = "circular"


class CircularPad2d(CircularPad1d):
    """CircularPad1d for both dimensions of (N, C, H, W)."""

    spatial_dims = 2


class CircularPad3d(CircularPad1d):
    """CircularPad1d for the three dimensions of (N, C, D, H, W)."""

    spatial_dims = 3
