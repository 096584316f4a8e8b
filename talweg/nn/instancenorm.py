"""Instance normalisation: each channel of each sample by its own mean and variance over space."""

from __future__ import annotations

import warnings

from ..tensor import Tensor
from . import functional as F
from .batchnorm import _NormBase, _require_dims


class _InstanceNorm(_NormBase):
    spatial_dims: int

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device=None, dtype=None, *, bias: bool = True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def _check_input_dim(self, input: Tensor) -> None:
        unbatched = self.spatial_dims + 1
        _require_dims(self, input, (unbatched, unbatched + 1))

    def _check_channels(self, input: Tensor) -> None:
        channels = input.shape[-self.spatial_dims - 1]
        if channels == self.num_features:
            return
        name = type(self).__name__
        message = f"{name}: expected {self.num_features} channels (num_features) in input, got {channels}"
        if self.affine:
            raise ValueError(f"{message} in shape {list(input.shape)}")
        warnings.warn(f"{message}; without affine parameters this has no effect", stacklevel=4)

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        self._check_channels(input)
        unbatched = input.dim() == self.spatial_dims + 1
        result = self._normalise(input.unsqueeze(0) if unbatched else input)
        return result.squeeze(0) if unbatched else result

    def _normalise(self, input: Tensor) -> Tensor:
        return F.instance_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or not self.track_running_stats,
            self.momentum if self.momentum is not None else 0.0, self.eps,
        )


class InstanceNorm1d(_InstanceNorm):
    """y = weight (x - mean) / sqrt(var + eps) + bias for each channel of each sample of (N, C, L) or (C, L).

    Mean and biased variance are over space; there are no parameters or running statistics unless asked for.
    Source: Ulyanov et al. 2016, Instance normalization: the missing ingredient for fast stylization.
    """

    spatial_dims = 1


class InstanceNorm2d(_InstanceNorm):
    """InstanceNorm1d on (N, C, H, W) or (C, H, W)."""

    spatial_dims = 2


class InstanceNorm3d(_InstanceNorm):
    """InstanceNorm1d on (N, C, D, H, W) or (C, D, H, W)."""

    spatial_dims = 3
