"""Student's t."""

from __future__ import annotations

import math

from ..core.shapes import Size
from ..tensor import Tensor, digamma, lgamma, randn, where
from . import constraints
from .distribution import Distribution
from .gamma_noise import standard_gamma


class StudentT(Distribution):
    """(1 + z^2 / df)^(-(df + 1) / 2) up to a factor, with z = (x - loc) / scale: heavier tails the lower df."""

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    df: Tensor
    loc: Tensor
    scale: Tensor

    def __init__(self, df, loc=0.0, scale=1.0, validate_args: bool | None = None) -> None:
        self._take(validate_args, df=df, loc=loc, scale=scale)

    @property
    def mean(self) -> Tensor:
        return where(self.df <= 1, math.nan, self.loc)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        finite = self.scale.pow(2) * self.df / (self.df - 2)
        return where(self.df <= 1, math.nan, where(self.df <= 2, math.inf, finite))

    def rsample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        spread = 2 * standard_gamma((self.df / 2).expand(shape)) / self.df  # chi squared / df
        return self.loc + self.scale * randn(shape, dtype=self.df.dtype) / spread.sqrt()

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        z = (value - self.loc) / self.scale
        factor = self.scale.log() + 0.5 * (self.df * math.pi).log() + lgamma(self.df / 2) - lgamma((self.df + 1) / 2)
        return -0.5 * (self.df + 1) * (z.pow(2) / self.df).log1p() - factor

    def entropy(self) -> Tensor:
        half, more = self.df / 2, (self.df + 1) / 2
        log_beta = lgamma(half) + math.lgamma(0.5) - lgamma(more)
        return self.scale.log() + more * (digamma(more) - digamma(half)) + 0.5 * self.df.log() + log_beta
