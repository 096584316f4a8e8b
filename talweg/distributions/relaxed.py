"""Smooth stand-ins for discrete outcomes, with gradients (Maddison et al., 2016; Jang et al., 2016)."""

from __future__ import annotations

import math
from typing import Any

from ..core.dtypes import finfo
from ..core.shapes import Size
from ..tensor import Tensor, as_tensor, rand
from . import constraints
from .categorical import Categorical
from .discrete import _Binary
from .transformed import TransformedDistribution
from .transforms import ExpTransform, SigmoidTransform
from .utils import softplus


def _open_noise(shape, like: Tensor) -> Tensor:
    return rand(shape, dtype=like.dtype).clamp(min=finfo(like.dtype).eps, max=1 - finfo(like.dtype).eps)


class LogitRelaxedBernoulli(_Binary):
    """(logits + logistic noise) / temperature: the logit of a relaxed Bernoulli number."""

    support = constraints.real
    has_rsample = True

    def __init__(self, temperature, probs=None, logits=None, validate_args: bool | None = None) -> None:
        self.temperature = temperature
        self._take_chance(probs, logits, validate_args)

    def rsample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        noise = _open_noise(self._extended_shape(sample_shape), self.logits)
        return (noise.log() - (-noise).log1p() + self.logits) / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        away = self.logits - value * self.temperature
        return as_tensor(self.temperature).log() + away - 2 * softplus(away)


class _OfLogits(TransformedDistribution):
    """A transformed distribution that shows its base's parameters."""

    base_dist: Any
    has_rsample = True

    def expand(self, batch_shape, _instance=None) -> Any:
        kind: Any = type(self)
        return kind(self.temperature, logits=self.logits.expand((*batch_shape, *self._event_shape)), validate_args=False)

    temperature = property(lambda self: self.base_dist.temperature)
    logits = property(lambda self: self.base_dist.logits)
    probs = property(lambda self: self.base_dist.probs)


class RelaxedBernoulli(_OfLogits):
    """A number on (0, 1), nearer to 0 and 1 the lower the temperature."""

    arg_constraints = _Binary.arg_constraints
    support = constraints.unit_interval

    def __init__(self, temperature, probs=None, logits=None, validate_args: bool | None = None) -> None:
        super().__init__(LogitRelaxedBernoulli(temperature, probs, logits, validate_args), SigmoidTransform(), validate_args)

    def _parameters(self) -> dict[str, Tensor]:
        return self.base_dist._parameters()


class ExpRelaxedCategorical(Categorical):
    """log softmax((logits + Gumbel noise) / temperature)."""

    support = constraints.real_vector
    has_rsample = True
    has_enumerate_support = False

    def __init__(self, temperature, probs=None, logits=None, validate_args: bool | None = None) -> None:
        self.temperature = temperature
        given = probs if logits is None else logits
        self._take_classes(probs, logits, validate_args, () if given is None else given.shape[-1:])

    def sample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        return self.rsample(sample_shape).detach()

    def rsample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        gumbel = -(-_open_noise(self._extended_shape(sample_shape), self.logits).log()).log()
        return ((self.logits + gumbel) / self.temperature).log_softmax(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        k, temperature = self._num_events, as_tensor(self.temperature)
        score = self.logits - value * temperature
        return math.lgamma(k) + (k - 1) * temperature.log() + (score - score.logsumexp(-1, True)).sum(-1)


class RelaxedOneHotCategorical(_OfLogits):
    """A point of the simplex, nearer to its corners the lower the temperature."""

    arg_constraints = Categorical.arg_constraints
    support = constraints.simplex

    def __init__(self, temperature, probs=None, logits=None, validate_args: bool | None = None) -> None:
        super().__init__(ExpRelaxedCategorical(temperature, probs, logits, validate_args), ExpTransform(), validate_args)

    def _parameters(self) -> dict[str, Tensor]:
        return self.base_dist._parameters()
