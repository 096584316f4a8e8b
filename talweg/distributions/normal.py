"""The normal distribution and its kin on the line."""

from __future__ import annotations

import math

from ..core.shapes import Size
from ..tensor import Tensor, randn
from . import constraints
from .distribution import Distribution
from .utils import normal_cdf

_HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


class Normal(Distribution):
    """exp(-((x - loc) / scale)^2 / 2) / (scale sqrt(2 pi)); scale is the standard deviation (L 3.1)."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc, scale, validate_args: bool | None = None) -> None:
        self._take(validate_args, loc=loc, scale=scale)

    loc: Tensor
    scale: Tensor

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def stddev(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        return self.scale.pow(2)

    def rsample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        return self.loc + self.scale * randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return -((value - self.loc) / self.scale).pow(2) / 2 - self.scale.log() - _HALF_LOG_2_PI

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return normal_cdf((value - self.loc) / self.scale)

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * (2 * value - 1).erfinv() * math.sqrt(2)

    def entropy(self) -> Tensor:
        return 0.5 + _HALF_LOG_2_PI + self.scale.log()
