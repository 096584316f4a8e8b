"""Layers that learn the width of their input from the first one they see."""

from __future__ import annotations

from typing import Any

from ..core.dtypes import int64
from ..tensor import Tensor
from ..tensor import tensor as new_tensor
from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from .conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from .instancenorm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from .lazy import LazyModuleMixin, UninitializedBuffer, UninitializedParameter
from .linear import Linear
from .parameter import Parameter


class LazyLinear(LazyModuleMixin, Linear):
    """Linear with in_features from the first input's last dimension."""

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device=None, dtype=None):
        super().__init__(0, 0, False)
        self.out_features = out_features
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw the parameters anew, once there are some."""
        if not self._waiting() and self.in_features:
            super().reset_parameters()

    def _waiting(self) -> bool:
        return self.has_uninitialized_params()

    def initialize_parameters(self, input: Tensor) -> None:
        if not self._waiting():
            return
        self.in_features = input.shape[-1]
        self.weight.materialize((self.out_features, self.in_features))
        if self.bias is not None:
            self.bias.materialize((self.out_features,))
        self.reset_parameters()


class _LazyConv(LazyModuleMixin):
    """in_channels from the first input. Arguments as in the layer it becomes, without in_channels."""

    def __init__(self, out_channels: int, kernel_size, stride=1, padding=0, *rest, bias: bool = True, device=None,
                 dtype=None, **settings):
        module: Any = self
        settings = {**module._named(rest), **settings}
        bias = settings.pop("bias", bias)
        groups = settings.get("groups", 1)
        super().__init__(0, 0, kernel_size, stride, padding, bias=False, **settings)
        module.out_channels = out_channels
        module.groups = groups
        module.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            module.bias = UninitializedParameter(device=device, dtype=dtype)

    _order: tuple[str, ...] = ("dilation", "groups", "bias", "padding_mode")

    def _named(self, rest: tuple) -> dict:
        return dict(zip(self._order, rest))

    def reset_parameters(self) -> None:
        """Draw the parameters anew, once there are some."""
        module: Any = self
        if not self.has_uninitialized_params() and module.in_channels:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Tensor, *args, **kwargs) -> None:
        if not self.has_uninitialized_params():
            return
        module: Any = self
        dims = module.spatial_dims
        if input.dim() not in (dims + 1, dims + 2):
            raise RuntimeError(f"Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input to {type(self).__name__}, but "
                               f"got input of size: {list(input.shape)}")
        module.in_channels = input.shape[-dims - 1]
        if module.in_channels % module.groups:
            raise ValueError(f"{type(self).__name__}: in_channels {module.in_channels} must be divisible by groups "
                             f"{module.groups}")
        module.weight.materialize(module._weight_shape())
        if module.bias is not None:
            module.bias.materialize((module.out_channels,))
        self.reset_parameters()


class LazyConv1d(_LazyConv, Conv1d):
    """Conv1d with in_channels from the first input."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """Conv2d with in_channels from the first input."""

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """Conv3d with in_channels from the first input."""

    cls_to_become = Conv3d


_TRANSPOSED = ("output_padding", "groups", "bias", "dilation", "padding_mode")


class LazyConvTranspose1d(_LazyConv, ConvTranspose1d):
    """ConvTranspose1d with in_channels from the first input."""

    cls_to_become = ConvTranspose1d
    _order = _TRANSPOSED


class LazyConvTranspose2d(_LazyConv, ConvTranspose2d):
    """ConvTranspose2d with in_channels from the first input."""

    cls_to_become = ConvTranspose2d
    _order = _TRANSPOSED


class LazyConvTranspose3d(_LazyConv, ConvTranspose3d):
    """ConvTranspose3d with in_channels from the first input."""

    cls_to_become = ConvTranspose3d
    _order = _TRANSPOSED


class _LazyNorm(LazyModuleMixin):
    """num_features from the first input's dimension 1. Arguments as in the layer it becomes, without num_features."""

    weight: Parameter | None
    bias: Parameter | None

    def __init__(self, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True,
                 device=None, dtype=None, *, bias: bool = True):
        super().__init__(0, eps, momentum, False, False, device, dtype)
        module: Any = self
        module.affine = affine
        module.track_running_stats = track_running_stats
        if affine:
            module.weight = UninitializedParameter(device=device, dtype=dtype)
            module.bias = UninitializedParameter(device=device, dtype=dtype) if bias else None
        if track_running_stats:
            for name in ("running_mean", "running_var"):
                module.register_buffer(name, UninitializedBuffer(device=device, dtype=dtype))
            module.register_buffer("num_batches_tracked", new_tensor(0, dtype=int64))

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, and no statistics, once there are some."""
        module: Any = self
        if not self.has_uninitialized_params() and module.num_features:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Tensor) -> None:
        if not self.has_uninitialized_params():
            return
        module: Any = self
        module.num_features = input.shape[1]
        for _, member in self._members():
            if isinstance(member, (UninitializedParameter, UninitializedBuffer)):
                member.materialize((module.num_features,))
        self.reset_parameters()


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """BatchNorm1d with num_features from the first input."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """BatchNorm2d with num_features from the first input."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """BatchNorm3d with num_features from the first input."""

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """InstanceNorm1d with num_features from the first input."""

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """InstanceNorm2d with num_features from the first input."""

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """InstanceNorm3d with num_features from the first input."""

    cls_to_become = InstanceNorm3d
