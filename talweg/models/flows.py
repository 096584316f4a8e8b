"""Normalising flows: NICE (Dinh et al., 2015) and RealNVP (Dinh et al., 2017), for vectors (N 12).

A flow is an invertible map f from data to noise. With p the density of the noise,

    log p_data(x) = log p(f(x)) + log |det df/dx|.
"""

from __future__ import annotations

import math

from .. import nn
from ..nn import init
from ..tensor import Tensor, arange, exp, no_grad, randn, tanh, zeros
from .mlp import MLP


class Coupling(nn.Module):
    """One part of x stays and says how the other is moved: y = x exp(s(x_kept)) + t(x_kept), or additive: y = x + t.

    (B, width) to (B, width) and log |det| (B,) = the sum of s. The parts are the even and the odd places, `turn` says
    which stays. s is bounded by tanh times a learnt factor (RealNVP, section 4.1).
    """

    def __init__(self, width: int, hidden: list[int], turn: int, additive: bool) -> None:
        super().__init__()
        self.additive = additive
        self.register_buffer("kept", (arange(width) % 2 == turn % 2).float())
        self.network = MLP([width, *hidden, width if additive else 2 * width])
        last = self.network.layers[-1]
        for parameter in (last.weight, last.bias):
            init.zeros_(parameter)  # every coupling starts as the identity
        self.bound = None if additive else nn.Parameter(zeros(width))

    def _moves(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """(s, t), both 0 at the kept places; s is 0 everywhere where the coupling is additive."""
        moved = 1 - self.kept
        out = self.network(kept)
        if self.bound is None:
            return zeros(kept.shape) * moved, out * moved
        s, t = out.chunk(2, -1)
        return tanh(s) * (self.bound + 1) * moved, t * moved

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self._moves(x * self.kept)
        return x * exp(s) + t, s.sum(-1)

    def inverse(self, y: Tensor) -> Tensor:
        s, t = self._moves(y * self.kept)
        return (y - t) * exp(-s)


class Flow(nn.Module):
    """Couplings one after another, then a learnt scale of each place: x (B, width) to noise (B, width) and log |det| (B,).

    Raises ValueError for a width below 2, no coupling, or inputs of another width.
    """

    def __init__(self, width: int, couplings: int, hidden: list[int], additive: bool) -> None:
        super().__init__()
        if width < 2 or couplings < 1:
            raise ValueError(f"{type(self).__name__}: needs a width of 2 or more and a coupling, got {width} and {couplings}")
        self.width = width
        self.couplings = nn.ModuleList([Coupling(width, hidden, turn, additive) for turn in range(couplings)])
        self.log_scale = nn.Parameter(zeros(width))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self._check(x)
        total = self.log_scale.sum()
        for coupling in self.couplings:
            x, change = coupling(x)
            total = total + change
        return x * exp(self.log_scale), total

    def inverse(self, z: Tensor) -> Tensor:
        """Noise to data: what forward undoes."""
        self._check(z)
        x = z * exp(-self.log_scale)
        for coupling in reversed(list(self.couplings)):
            x = coupling.inverse(x)
        return x

    @staticmethod
    def noise_log_density(z: Tensor) -> Tensor:
        """(B, width) to (B,): of the standard normal distribution."""
        return -0.5 * (z * z).sum(-1) - 0.5 * z.shape[-1] * math.log(2 * math.pi)

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x) of each row, in nats, (B,)."""
        z, change = self(x)
        return self.noise_log_density(z) + change

    def noise(self, count: int) -> Tensor:
        return randn(count, self.width)

    def sample(self, count: int) -> Tensor:
        """`count` draws, (count, width)."""
        with no_grad():
            return self.inverse(self.noise(count))

    def _check(self, x: Tensor) -> None:
        if x.dim() != 2 or x.shape[1] != self.width:
            raise ValueError(f"{type(self).__name__}: expected (B, {self.width}), got {list(x.shape)}")


class NICE(Flow):
    """Additive couplings, which keep volumes, and the scale (section 3.3), with noise of the logistic distribution."""

    def __init__(self, width: int, couplings: int = 4, hidden: list[int] | None = None) -> None:
        super().__init__(width, couplings, hidden or [256, 256], additive=True)

    @staticmethod
    def noise_log_density(z: Tensor) -> Tensor:
        """Of the standard logistic distribution: -z - 2 log(1 + e^-z), written so that it does not overflow."""
        size = z.abs()
        return -(size + 2 * nn.functional.softplus(-size)).sum(-1)

    def noise(self, count: int) -> Tensor:
        uniform = nn.functional.sigmoid(randn(count, self.width) * 0).uniform_(1e-6, 1 - 1e-6)
        return (uniform / (1 - uniform)).log()


class RealNVP(Flow):
    """Affine couplings, with normal noise."""

    def __init__(self, width: int, couplings: int = 8, hidden: list[int] | None = None) -> None:
        super().__init__(width, couplings, hidden or [256, 256], additive=False)
