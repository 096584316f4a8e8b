"""Normalisations that look at one sample at a time, the same in training and evaluation (L 4.6)."""

from __future__ import annotations

import numbers

from ..tensor import Tensor, arange, empty, where
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter


def _sizes(normalized_shape) -> tuple[int, ...]:
    single = isinstance(normalized_shape, numbers.Integral)
    return (int(normalized_shape),) if single else tuple(normalized_shape)


class LayerNorm(Module):
    """y = weight (x - mean) / sqrt(var + eps) + bias over the last dimensions, of sizes normalized_shape (L
    4.6).

    The variance is the biased one. Parameters, of shape normalized_shape: weight 1, bias 0; neither without
    `elementwise_affine`, no bias without `bias`. Source: Ba et al. 2016.
    """

    def __init__(
        self, normalized_shape, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
        device=None, dtype=None,
    ):
        super().__init__()
        self.normalized_shape = _sizes(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        shape, factory = self.normalized_shape, {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(empty(*shape, **factory)) if elementwise_affine else None)
        self.register_parameter(
            "bias", Parameter(empty(*shape, **factory)) if elementwise_affine and bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        shown = f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        return f"{shown}, bias={self.bias is not None}"


class RMSNorm(Module):
    """y = weight x / sqrt(mean(x^2) + eps) over the last dimensions, of sizes normalized_shape.

    `eps` None is the machine epsilon of the input's type. Parameter: weight 1, of shape normalized_shape.
    Source: Zhang and Sennrich 2019, Root mean square layer normalization.
    """

    def __init__(
        self, normalized_shape, eps: float | None = None, elementwise_affine: bool = True, device=None,
        dtype=None
    ):
        super().__init__()
        self.normalized_shape = _sizes(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        shape, factory = self.normalized_shape, {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(empty(*shape, **factory)) if elementwise_affine else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """LayerNorm over groups of channels and all positions of (N, C, *), with weight 1 and bias 0 for each
    channel.

    Raises ValueError unless num_groups divides num_channels. Source: Wu and He 2018.
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device=None,
        dtype=None, *, bias: bool = True,
    ):
        super().__init__()
        if num_groups <= 0 or num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        factory = {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(empty(num_channels, **factory)) if affine else None)
        self.register_parameter(
            "bias", Parameter(empty(num_channels, **factory)) if affine and bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        shown = f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"
        return f"{shown}, bias={self.bias is not None}"


class LocalResponseNorm(Module):
    """y_c = x_c / (k + alpha / size * sum of x_j^2 over `size` channels around c)^beta, on (N, C, *).

    Source: Krizhevsky et al. 2012 (AlexNet).
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class CrossMapLRN2d(Module):
    """The local response norm that Lua Torch left to PyTorch, on (N, C, H, W), kept for old models with what it computes:
    the sum goes over the channels less than (size + 1) // 2 away, and over channel 0 once more wherever that is not one of
    them (it is added at the start and never taken off). LocalResponseNorm is the norm of the paper.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1):
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() != 4:
            raise ValueError(f"CrossMapLRN2d: Expected input to be 4D, got {input.dim()}D instead.")
        reach, channels = (self.size + 1) // 2, input.shape[1]
        squares = input * input
        padded = F.pad(squares, (0, 0, 0, 0, reach - 1, reach - 1))
        total = sum(padded.narrow(1, i, channels) for i in range(2 * reach - 1))
        late = (arange(channels) >= reach).reshape(channels, 1, 1)
        return input / (self.k + self.alpha / self.size * (total + where(late, squares[:, :1], 0))) ** self.beta

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
