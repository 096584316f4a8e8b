"""Gamma numbers that can be differentiated: Marsaglia and Tsang (2000) draw them, Figurnov et al. (2018) differentiate."""

from __future__ import annotations

from ..core.dtypes import finfo
from ..tensor import Function, Tensor, igamma, igammac, lgamma, rand, randn, where

# A candidate is refused with probability 0.05 at most, so that 8 in a row are once in 10^10 draws.
CANDIDATES = 8
STEP = 1e-4  # relative, of the central difference below: its error is near 1e-8


def standard_gamma(concentration: Tensor) -> Tensor:
    """x^(a-1) e^-x / Gamma(a), one number for each concentration a > 0, with dx/da by implicit differentiation."""
    return _StandardGamma.apply(concentration)


class _StandardGamma(Function):
    @staticmethod
    def forward(ctx, concentration):
        sample = _drawn(concentration.double()).to(concentration.dtype).clamp(min=finfo(concentration.dtype).tiny)
        ctx.save_for_backward(concentration, sample)
        return sample

    @staticmethod
    def backward(ctx, upstream):
        a, x = ctx.saved_tensors
        return upstream * _slope(a.double(), x.double()).to(upstream.dtype)


def _drawn(a: Tensor) -> Tensor:
    """The first candidate that is accepted. Below a = 1 a number of concentration a + 1 times u^(1/a) (their section 6)."""
    shape, low = tuple(a.shape), a < 1
    d = where(low, a + 1, a) - 1 / 3
    noise = randn((CANDIDATES, *shape), dtype=a.dtype)
    limit = (1 - rand((CANDIDATES, *shape), dtype=a.dtype)).log()
    v = (1 + noise / (9 * d).sqrt()).pow(3)
    cube = where(v > 0, v, 1)
    accepted = (v > 0) & (limit < 0.5 * noise.pow(2) + d * (1 - cube + cube.log()))
    chosen = d
    for i in reversed(range(CANDIDATES)):
        chosen = where(accepted[i], d * cube[i], chosen)
    boost = (1 - rand(shape, dtype=a.dtype)).pow(1 / a)
    return where(low, chosen * boost, chosen)


def _slope(a: Tensor, x: Tensor) -> Tensor:
    """dx/da = -(dP/da) / p(x), with P the distribution function and p the density. Of P and 1 - P the smaller is
    differentiated, which keeps its relative precision in both tails."""
    h = STEP * a
    below = (igamma(a + h, x) - igamma(a - h, x)) / (2 * h)
    above = (igammac(a + h, x) - igammac(a - h, x)) / (2 * h)
    density = ((a - 1) * x.log() - x - lgamma(a)).exp()
    return where(x < a, -below, above) / density
