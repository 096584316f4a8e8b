"""Distributions of whole numbers: Bernoulli, binomial, geometric, Poisson, negative binomial."""

from __future__ import annotations

import math
from typing import Any

from ..core.dtypes import finfo
from ..core.shapes import Size
from ..tensor import Tensor, arange, bernoulli, full_like, lgamma, no_grad, poisson, rand, where, xlogy
from . import constraints
from .distribution import Distribution
from .gamma_noise import standard_gamma
from .utils import broadcast_all, lazy_property, logits_to_probs, probs_to_logits, softplus


class _Binary(Distribution):
    """Parameters that are probabilities of one thing: exactly one of `probs` and `logits` = log(p / (1 - p))."""

    arg_constraints: dict[str, Any] = {"probs": constraints.unit_interval, "logits": constraints.real}

    def _take_chance(self, probs, logits, validate_args: bool | None, **others: Any) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        chance = {"probs": probs} if logits is None else {"logits": logits}
        self._take(validate_args, **chance, **others)

    @lazy_property
    def logits(self) -> Tensor:
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self) -> Size:
        return (self.probs if "probs" in self.__dict__ else self.logits).size()


class Bernoulli(_Binary):
    """1 with probability p, else 0."""

    support = constraints.boolean
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args: bool | None = None) -> None:
        self._take_chance(probs, logits, validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return where(self.probs == 0.5, math.nan, (self.probs >= 0.5).to(self.probs.dtype))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return value * self.logits - softplus(self.logits)

    def entropy(self) -> Tensor:
        return softplus(self.logits) - self.probs * self.logits

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = arange(2, dtype=self.logits.dtype).view(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values


class Geometric(_Binary):
    """p (1 - p)^k: how many failures come before the first success."""

    support = constraints.nonnegative_integer

    def __init__(self, probs=None, logits=None, validate_args: bool | None = None) -> None:
        self._take_chance(probs, logits, validate_args)
        if self._validate_args and probs is not None and not bool((self.probs > 0).all()):
            raise ValueError(f"Expected parameter probs of distribution {self!r} to be positive, but found invalid values:\n"
                             f"{self.probs}")

    @property
    def mean(self) -> Tensor:
        return 1 / self.probs - 1

    @property
    def mode(self) -> Tensor:
        return full_like(self.probs, 0)

    @property
    def variance(self) -> Tensor:
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        with no_grad():
            noise = rand(self._extended_shape(sample_shape), dtype=self.probs.dtype).clamp(min=finfo(self.probs.dtype).tiny)
            return (noise.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        # log(1 - p) times 0 is 0 where p is 1.
        others = where((self.probs == 1) & (value == 0), 0, (-self.probs).log1p())
        return value * others + self.probs.log()

    def entropy(self) -> Tensor:
        return (softplus(self.logits) - self.probs * self.logits) / self.probs


class _Counting(_Binary):
    """A number of trials beside the probability."""

    total_count: Tensor

    def __init__(self, total_count=1, probs=None, logits=None, validate_args: bool | None = None) -> None:
        given = probs if logits is None else logits
        count = total_count.to(given.dtype) if isinstance(total_count, Tensor) and isinstance(given, Tensor) else total_count
        self._take_chance(probs, logits, validate_args, total_count=count)


class Binomial(_Counting):
    """n! / (k! (n - k)!) p^k (1 - p)^(n - k): successes in n = total_count trials."""

    arg_constraints = {"total_count": constraints.nonnegative_integer, **_Binary.arg_constraints}
    has_enumerate_support = True

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        with no_grad():
            shape = self._extended_shape(sample_shape)
            most = int(self.total_count.max()) if self.total_count.numel() else 0
            hits = rand((most, *shape), dtype=self.probs.dtype) < self.probs
            trial = arange(most).view(-1, *[1] * len(shape))
            return (hits & (trial < self.total_count)).sum(0).to(self.probs.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        n = self.total_count
        ways = lgamma(n + 1) - lgamma(value + 1) - lgamma(n - value + 1)
        return ways + value * self.logits - n * softplus(self.logits)

    def entropy(self) -> Tensor:
        if bool((self.total_count != self.total_count.max()).any()):
            raise NotImplementedError("Inhomogeneous total count not supported by `entropy`.")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        most = int(self.total_count.max())
        if bool((self.total_count != most).any()):
            raise NotImplementedError("Inhomogeneous total count not supported by `enumerate_support`.")
        values = arange(1 + most, dtype=self.logits.dtype).view(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values


class NegativeBinomial(_Counting):
    """Successes, each of probability p, before r = total_count failures: Gamma(k + r) / (k! Gamma(r)) (1 - p)^r p^k."""

    arg_constraints = {"total_count": constraints.greater_than_eq(0), "probs": constraints.half_open_interval(0.0, 1.0),
                       "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, total_count, probs=None, logits=None, validate_args: bool | None = None) -> None:
        super().__init__(total_count, probs, logits, validate_args)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.mean / (-self.logits).sigmoid()

    def sample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        with no_grad():
            rate = standard_gamma(self.total_count.expand(self._extended_shape(sample_shape))) * self.logits.exp()
            return poisson(rate)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        r = self.total_count
        density = -r * softplus(self.logits) - value * softplus(-self.logits)
        ways = lgamma(r + value) - lgamma(1 + value) - lgamma(r)
        return density + where(r + value == 0, 0, ways)


class Poisson(Distribution):
    """rate^k e^-rate / k!."""

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer
    rate: Tensor

    def __init__(self, rate, validate_args: bool | None = None) -> None:
        self._take(validate_args, rate=rate)

    @property
    def mean(self) -> Tensor:
        return self.rate

    @property
    def mode(self) -> Tensor:
        return self.rate.floor()

    @property
    def variance(self) -> Tensor:
        return self.rate

    def sample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        with no_grad():
            return poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        rate, value = broadcast_all(self.rate, value)
        return xlogy(value, rate) - rate - lgamma(value + 1)
