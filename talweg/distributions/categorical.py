"""One of k classes, as a number or as a one-hot vector; and counts of classes."""

from __future__ import annotations

import math

from ..core.dtypes import finfo, int64
from ..core.shapes import Size
from ..tensor import Tensor, arange, broadcast_tensors, eye, full, lgamma, no_grad, rand, searchsorted, where
from . import constraints
from .discrete import Binomial
from .distribution import Distribution
from .utils import lazy_property, logits_to_probs, probs_to_logits


class Categorical(Distribution):
    """A class from 0 to k - 1, by `probs` (*, k), which are normalised, or by `logits` (*, k): p = softmax(logits)."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args: bool | None = None) -> None:
        self._take_classes(probs, logits, validate_args, ())

    def _take_classes(self, probs, logits, validate_args: bool | None, event_shape) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        given, name = (logits, "logits") if probs is None else (probs, "probs")
        if given.dim() < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        # logsumexp leaves logits that are normalised already as they are.
        self.__dict__[name] = given / given.sum(-1, keepdim=True) if probs is not None else given - given.logsumexp(-1, True)
        self._begin(validate_args, name, event_shape)

    @lazy_property
    def logits(self) -> Tensor:
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        return logits_to_probs(self.logits)

    @property
    def param_shape(self) -> Size:
        return (self.probs if "probs" in self.__dict__ else self.logits).size()

    @property
    def _num_events(self) -> int:
        return self.param_shape[-1]

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Tensor:
        return full(self._batch_shape, math.nan, dtype=self.probs.dtype)

    @property
    def mode(self) -> Tensor:
        return self.probs.argmax(-1)

    @property
    def variance(self) -> Tensor:
        return full(self._batch_shape, math.nan, dtype=self.probs.dtype)

    def sample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        """int64 classes, found where uniform numbers fall between the cumulated probabilities."""
        with no_grad():
            count = math.prod(sample_shape)
            bounds = self.probs.double().cumsum(-1)  # (*, k)
            noise = rand((*self._batch_shape, count), dtype=bounds.dtype) * bounds[..., -1:]
            drawn = searchsorted(bounds, noise, right=True).clamp(max=self._num_events - 1)  # (*, count)
            return drawn.movedim(-1, 0).reshape(Size(sample_shape) + self._batch_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        value, logits = broadcast_tensors(value.to(int64).unsqueeze(-1), self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        return -(self.logits.clamp(min=finfo(self.logits.dtype).min) * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = arange(self._num_events).view(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values


class OneHotCategorical(Categorical):
    """A class as a vector of zeros with a 1 at its place."""

    support = constraints.one_hot

    def __init__(self, probs=None, logits=None, validate_args: bool | None = None) -> None:
        given = probs if logits is None else logits
        self._take_classes(probs, logits, validate_args, () if given is None else given.shape[-1:])

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return self._one_hot(self.probs.argmax(-1))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def _one_hot(self, classes: Tensor) -> Tensor:
        return (classes.unsqueeze(-1) == arange(self._num_events)).to(self.probs.dtype)

    def sample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        return self._one_hot(super().sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        value, logits = broadcast_tensors(value, self.logits)
        return logits.gather(-1, value.argmax(-1, keepdim=True)).squeeze(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        n = self._num_events
        values = eye(n, dtype=self.probs.dtype).view(n, *[1] * len(self._batch_shape), n)
        return values.expand(n, *self._batch_shape, n) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """One-hot samples with the gradient of the probabilities (Bengio et al., 2013)."""

    has_rsample = True

    def rsample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        return self.sample(sample_shape) + (self.probs - self.probs.detach())


class Multinomial(Distribution):
    """How often each of k classes comes up in total_count draws: n! prod p_i^x_i / x_i!."""

    arg_constraints = Categorical.arg_constraints
    total_count: int

    def __init__(self, total_count: int = 1, probs=None, logits=None, validate_args: bool | None = None) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits, validate_args=validate_args)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args)

    def expand(self, batch_shape, _instance=None) -> Multinomial:
        return Multinomial(self.total_count, logits=self.logits.expand((*batch_shape, *self._event_shape)), validate_args=False)

    @property
    def logits(self) -> Tensor:
        return self._categorical.logits

    @property
    def probs(self) -> Tensor:
        return self._categorical.probs

    @property
    def param_shape(self) -> Size:
        return self._categorical.param_shape

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self):
        return constraints.independent(constraints.integer_interval(0, self.total_count), 1)

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        with no_grad():
            classes = self._categorical.sample((self.total_count, *sample_shape))
            return (classes.unsqueeze(-1) == arange(self._event_shape[0])).sum(0).to(self.probs.dtype)

    def entropy(self) -> Tensor:
        """n H(p) - log n! + sum_i E[log x_i!], where x_i is binomial."""
        n = self.total_count
        each = Binomial(n, probs=self.probs, validate_args=False)
        counts = each.enumerate_support(expand=False)[1:]  # (n, 1, .., 1)
        expected = (each.log_prob(counts).exp() * lgamma(counts + 1)).sum((0, -1))
        return n * self._categorical.entropy() - math.lgamma(n + 1) + expected

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        ways = lgamma(value.sum(-1) + 1) - lgamma(value + 1).sum(-1)
        # An impossible class that did not come up counts for nothing.
        logits = where((value == 0) & (self.logits == -math.inf), 0, self.logits)
        return ways + (value * logits).sum(-1)
