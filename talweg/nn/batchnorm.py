"""Batch normalisation (L 4.6): statistics of the batch during training, running statistics afterwards."""

from __future__ import annotations

from ..core.dtypes import int64
from ..tensor import Tensor, empty, ones, zeros
from ..tensor import tensor as new_tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter


class _NormBase(Module):
    """Settings, parameters and running statistics, common to batch and instance normalisation."""

    _version = 2  # 2 added num_batches_tracked

    def __init__(self, num_features, eps, momentum, affine, track_running_stats, device, dtype, bias):
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        factory = {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(empty(num_features, **factory)) if affine else None)
        self.register_parameter(
            "bias", Parameter(empty(num_features, **factory)) if affine and bias else None
        )
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **factory) if tracked else None)
        self.register_buffer("running_var", ones(num_features, **factory) if tracked else None)
        self.register_buffer(
            "num_batches_tracked", new_tensor(0, dtype=int64, device=device) if tracked else None
        )
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget what was seen: mean 0, variance 1."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, and no statistics."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input_dim(self, input: Tensor) -> None:
        raise NotImplementedError(f"{type(self).__name__}._check_input_dim")

    def extra_repr(self) -> str:
        shown = f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}"
        return f"{shown}, bias={self.bias is not None}, track_running_stats={self.track_running_stats}"

    def _load_from_state_dict(
        self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
    ) -> None:
        key = prefix + "num_batches_tracked"
        old = (local_metadata.get("version") or 1) < 2
        if old and self.track_running_stats and key not in state_dict:
            state_dict[key] = self.num_batches_tracked
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )


class _BatchNorm(_NormBase):
    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device=None, dtype=None, *, bias: bool = True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def _weight_of_this_batch(self) -> float:
        """The share of the new statistics in the running ones: momentum, or 1/n for a plain average when it is None."""
        if self.momentum is not None:
            return self.momentum
        return 1.0 / float(self.num_batches_tracked)

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        updating = self.training and self.track_running_stats
        if updating:
            self.num_batches_tracked.add_(1)
        momentum = self._weight_of_this_batch() if updating else 0.0
        has_statistics = self.running_mean is not None
        # Statistics are handed in to be updated (training) or to be used (evaluation), never otherwise.
        handed_in = has_statistics and (updating or not self.training)
        return F.batch_norm(
            input,
            self.running_mean if handed_in else None,
            self.running_var if handed_in else None,
            self.weight,
            self.bias,
            self.training or not has_statistics,
            momentum,
            self.eps,
        )


def _require_dims(module: Module, input: Tensor, allowed: tuple[int, ...]) -> None:
    if input.dim() not in allowed:
        expected = " or ".join(f"{n}D" for n in allowed)
        raise ValueError(
            f"{type(module).__name__}: expected {expected} input (got {input.dim()}D input of shape "
            f"{list(input.shape)})"
        )


class BatchNorm1d(_BatchNorm):
    """y = weight (x - mean) / sqrt(var + eps) + bias, for each channel of (N, C) or (N, C, L) (L 4.6).

    Training uses the batch's mean and biased variance and moves the running ones (unbiased variance) towards
    them by `momentum` (None: their plain average); evaluation uses the running ones. Parameters: weight 1,
    bias 0, (C). Raises ValueError for another number of dimensions. Source: Ioffe and Szegedy 2015.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        _require_dims(self, input, (2, 3))


class BatchNorm2d(_BatchNorm):
    """BatchNorm1d for each channel of (N, C, H, W)."""

    def _check_input_dim(self, input: Tensor) -> None:
        _require_dims(self, input, (4,))


class BatchNorm3d(_BatchNorm):
    """BatchNorm1d for each channel of (N, C, D, H, W)."""

    def _check_input_dim(self, input: Tensor) -> None:
        _require_dims(self, input, (5,))


class SyncBatchNorm(_BatchNorm):
    """Batch norm over the batches of all processes: here there is one, so over its batch, (N, C, ...) of any rank.

    Parameters and state are BatchNorm's. Raises ValueError for fewer than two dimensions.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, process_group=None, device=None, dtype=None, *, bias: bool = True):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group=None) -> Module:
        """The module with each of its batch norms replaced by one of this kind that shares its parameters and state."""
        if isinstance(module, _BatchNorm):
            return cls._instead_of(module, process_group)
        for name, child in module.named_children():
            setattr(module, name, cls.convert_sync_batchnorm(child, process_group))
        return module

    @classmethod
    def _instead_of(cls, norm: Module, process_group) -> Module:
        made = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats, process_group)
        made._parameters.update(norm._parameters)
        made._buffers.update(norm._buffers)
        made.training = norm.training
        return made
