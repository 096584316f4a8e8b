"""Gamma, beta and Dirichlet distributions: conjugate priors of rates, probabilities and sets of probabilities."""

from __future__ import annotations

from ..core.dtypes import finfo
from ..core.shapes import Size
from ..tensor import Tensor, arange, digamma, igamma, lgamma, stack, where, xlogy
from . import constraints
from .distribution import Distribution
from .gamma_noise import standard_gamma


class Gamma(Distribution):
    """rate^a x^(a-1) exp(-rate x) / Gamma(a) with a = concentration, for x >= 0."""

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, concentration, rate, validate_args: bool | None = None) -> None:
        self._take(validate_args, concentration=concentration, rate=rate)

    concentration: Tensor
    rate: Tensor

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate.pow(2)

    def rsample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        value = standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)
        return value.clamp(min=finfo(value.dtype).tiny)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        a = self.concentration
        return xlogy(a, self.rate) + xlogy(a - 1, value) - self.rate * value - lgamma(a)

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return igamma(self.concentration, self.rate * value)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a - self.rate.log() + lgamma(a) + (1 - a) * digamma(a)


class Chi2(Gamma):
    """The sum of df squared normal numbers: Gamma(df / 2, 1 / 2)."""

    arg_constraints = {"df": constraints.positive}

    def __init__(self, df, validate_args: bool | None = None) -> None:
        self._take(validate_args, df=df)

    df: Tensor

    @property
    def concentration(self) -> Tensor:  # type: ignore[override]
        return self.df / 2

    @property
    def rate(self) -> Tensor:  # type: ignore[override]
        return self.df * 0 + 0.5


class Beta(Distribution):
    """x^(a-1) (1 - x)^(b-1) / B(a, b) on [0, 1], with a = concentration1 and b = concentration0."""

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1, concentration0, validate_args: bool | None = None) -> None:
        self._take(validate_args, concentration1=concentration1, concentration0=concentration0)

    concentration1: Tensor
    concentration0: Tensor

    def _dirichlet(self) -> Dirichlet:
        return Dirichlet(stack([self.concentration1, self.concentration0], -1), validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        return self._dirichlet().mode[..., 0]

    @property
    def variance(self) -> Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        return self._dirichlet().rsample(sample_shape)[..., 0]

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return self._dirichlet().log_prob(stack([value, 1 - value], -1))

    def entropy(self) -> Tensor:
        return self._dirichlet().entropy()


class Dirichlet(Distribution):
    """prod x_i^(a_i - 1) Gamma(sum a) / prod Gamma(a_i) on the simplex, with a = concentration (*, k)."""

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration, validate_args: bool | None = None) -> None:
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        self._begin(validate_args, "concentration", concentration.shape[-1:])

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> Tensor:
        excess = (self.concentration - 1).clamp(min=0)
        mode = excess / excess.sum(-1, True)
        # Where all concentrations are below 1 the density is infinite in every corner; the first stands for them.
        corner = (arange(self._event_shape[0]) == 0).to(mode.dtype)
        return where((self.concentration < 1).all(-1, True), corner, mode)

    @property
    def variance(self) -> Tensor:
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        # In double precision: small concentrations give numbers far below float32's smallest.
        weights = standard_gamma(self.concentration.expand(self._extended_shape(sample_shape)).double())
        return (weights / weights.sum(-1, True)).to(self.concentration.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        a = self.concentration
        return xlogy(a - 1, value).sum(-1) + lgamma(a.sum(-1)) - lgamma(a).sum(-1)

    def entropy(self) -> Tensor:
        a, total = self.concentration, self.concentration.sum(-1)
        return (lgamma(a).sum(-1) - lgamma(total) - (a.shape[-1] - total) * digamma(total)
                - ((a - 1) * digamma(a)).sum(-1))
