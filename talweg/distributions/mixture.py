"""Mixtures of distributions of one family."""

from __future__ import annotations

from typing import Any

from ..core.shapes import Size
from ..tensor import Tensor, no_grad
from . import constraints
from .categorical import Categorical
from .distribution import Distribution


class MixtureSameFamily(Distribution):
    """sum_i p_i q_i(x): p from a Categorical (*), q_i along the last batch dimension of a distribution (*, k)."""

    def __init__(self, mixture_distribution: Categorical, component_distribution: Distribution,
                 validate_args: bool | None = None) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError("The Mixture distribution needs to be an instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution need to be an instance of torch.distributions.Distribution")
        self.mixture_distribution, self.component_distribution = mixture_distribution, component_distribution
        outer, count = component_distribution.batch_shape[:-1], component_distribution.batch_shape[-1:]
        if tuple(count) != (mixture_distribution._num_events,):
            raise ValueError(f"`mixture_distribution component` ({mixture_distribution._num_events}) does not equal "
                             f"`component_distribution.batch_shape[-1]` ({count})")
        if len(mixture_distribution.batch_shape) not in (0, len(outer)):
            raise ValueError(f"`mixture_distribution.batch_shape` ({mixture_distribution.batch_shape}) is not compatible with "
                             f"`component_distribution.batch_shape` ({component_distribution.batch_shape})")
        super().__init__(outer, component_distribution.event_shape, validate_args)

    def expand(self, batch_shape, _instance=None) -> MixtureSameFamily:
        count = self.mixture_distribution._num_events
        return MixtureSameFamily(self.mixture_distribution.expand(batch_shape),
                                 self.component_distribution.expand((*batch_shape, count)), False)

    @constraints.dependent_property
    def support(self):
        return self.component_distribution.support

    def _weighted(self, x: Tensor) -> Tensor:
        """Averaged over the components: x (*, k, event)."""
        dims = len(self._event_shape)
        return (self.mixture_distribution.probs.reshape(*self.mixture_distribution.probs.shape, *[1] * dims) * x).sum(-1 - dims)

    @property
    def mean(self) -> Tensor:
        return self._weighted(self.component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        """The law of total variance: the mean of the variances and the variance of the means."""
        away = self.component_distribution.mean - self.mean.unsqueeze(-1 - len(self._event_shape))
        return self._weighted(self.component_distribution.variance) + self._weighted(away.pow(2))

    def _between(self, x: Any) -> Tensor:
        return x.unsqueeze(-1 - len(self._event_shape))

    def sample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        with no_grad():
            dims = len(self._event_shape)
            which = self.mixture_distribution.expand(self._batch_shape).sample(sample_shape)  # (samples, *)
            drawn = self.component_distribution.sample(sample_shape)  # (samples, *, k, event)
            index = which.reshape(*which.shape, *[1] * (1 + dims)).expand(*which.shape, 1, *self._event_shape)
            return drawn.gather(-1 - dims, index).squeeze(-1 - dims)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        each = self.component_distribution.log_prob(self._between(value))
        return (each + self.mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return (self.component_distribution.cdf(value.unsqueeze(-1)) * self.mixture_distribution.probs).sum(-1)

    def __repr__(self) -> str:
        return f"MixtureSameFamily({self.mixture_distribution}, {self.component_distribution})"
