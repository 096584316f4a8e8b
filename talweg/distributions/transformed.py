"""Distributions of a transformed random number."""

from __future__ import annotations

from typing import Any

from ..core.shapes import Size
from ..tensor import Tensor, full_like, no_grad, where
from . import constraints
from .distribution import Distribution
from .independent import Independent
from .normal import Normal
from .transforms import AbsTransform, ComposeTransform, ExpTransform, Transform
from .utils import sum_rightmost


class TransformedDistribution(Distribution):
    """y = f(x) of an x from another distribution: log p(y) = log p(x) - log |det df/dx| (change of variables)."""

    def __init__(self, base_distribution: Distribution, transforms: Any, validate_args: bool | None = None) -> None:
        self.transforms = [transforms] if isinstance(transforms, Transform) else list(transforms)
        if not all(isinstance(t, Transform) for t in self.transforms):
            raise ValueError(f"transforms must be a Transform or a list of Transforms, but was {transforms!r}")
        whole = ComposeTransform(self.transforms)
        shape = base_distribution.batch_shape + base_distribution.event_shape
        if len(shape) < whole.domain.event_dim:
            raise ValueError(f"base_distribution needs to have shape with size at least {whole.domain.event_dim}, but got "
                             f"{base_distribution}.")
        there = whole.forward_shape(shape)
        base = base_distribution.expand(whole.inverse_shape(there)[:len(shape) - len(base_distribution.event_shape)])
        missing = whole.domain.event_dim - len(base.event_shape)
        self.base_dist = Independent(base, missing, False) if missing > 0 else base
        change = whole.codomain.event_dim - whole.domain.event_dim
        event = max(whole.codomain.event_dim, len(self.base_dist.event_shape) + change)
        cut = len(there) - event
        super().__init__(there[:cut], there[cut:], validate_args)

    def expand(self, batch_shape, _instance=None) -> Any:
        whole = ComposeTransform(self.transforms)
        shape = whole.inverse_shape(Size((*batch_shape, *self._event_shape)))
        base = self.base_dist.expand(shape[:len(shape) - len(self.base_dist.event_shape)])
        return TransformedDistribution(base, self.transforms, validate_args=False)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return self.base_dist.has_rsample

    @constraints.dependent_property(is_discrete=False)
    def support(self):
        if not self.transforms:
            return self.base_dist.support
        reached = ComposeTransform(self.transforms).codomain
        more = len(self._event_shape) - reached.event_dim
        return constraints.independent(reached, more) if more > 0 else reached

    def sample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        with no_grad():
            return self._moved(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        return self._moved(self.base_dist.rsample(sample_shape))

    def _moved(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        dims, total, y = len(self._event_shape), 0, value
        for transform in reversed(self.transforms):
            x = transform._undo(y)
            dims += transform.domain.event_dim - transform.codomain.event_dim
            total = total - sum_rightmost(transform.log_abs_det_jacobian(x, y), dims - transform.domain.event_dim)
            y = x
        return total + sum_rightmost(self.base_dist.log_prob(y), dims - len(self.base_dist.event_shape))

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        sign = 1
        for transform in reversed(self.transforms):
            value, sign = transform._undo(value), sign * transform.sign
        return _mirrored(self.base_dist.cdf(value), sign)

    def icdf(self, value: Tensor) -> Tensor:
        sign = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        return self._moved(self.base_dist.icdf(_mirrored(value, sign)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist}, {self.transforms})"


def _mirrored(probability: Tensor, sign: Any) -> Tensor:
    """1 - p where the transform falls."""
    return sign * (probability - 0.5) + 0.5


class _OfNormal(TransformedDistribution):
    """A transformed normal number with its own parameters' names."""

    base_dist: Normal

    def _parameters(self) -> dict[str, Tensor]:
        return {n: getattr(self, n) for n in self.arg_constraints}

    def __repr__(self) -> str:
        return Distribution.__repr__(self)


class LogNormal(_OfNormal):
    """e^x of a normal x."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, loc, scale, validate_args: bool | None = None) -> None:
        super().__init__(Normal(loc, scale, validate_args), ExpTransform(), validate_args)

    def expand(self, batch_shape, _instance=None) -> LogNormal:
        return LogNormal(self.loc.expand(batch_shape), self.scale.expand(batch_shape), False)

    @property
    def loc(self) -> Tensor:
        return self.base_dist.loc

    @property
    def scale(self) -> Tensor:
        return self.base_dist.scale

    @property
    def mean(self) -> Tensor:
        return (self.loc + self.scale.pow(2) / 2).exp()

    @property
    def mode(self) -> Tensor:
        return (self.loc - self.scale.pow(2)).exp()

    @property
    def variance(self) -> Tensor:
        square = self.scale.pow(2)
        return square.expm1() * (2 * self.loc + square).exp()

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() + self.loc


class HalfNormal(_OfNormal):
    """|x| of a normal x of mean 0."""

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, scale, validate_args: bool | None = None) -> None:
        super().__init__(Normal(0, scale, False), AbsTransform(), validate_args)

    def expand(self, batch_shape, _instance=None) -> HalfNormal:
        return HalfNormal(self.scale.expand(batch_shape), False)

    @property
    def scale(self) -> Tensor:
        return self.base_dist.scale

    @property
    def mean(self) -> Tensor:
        return self.scale * 0.7978845608028654  # sqrt(2 / pi)

    @property
    def mode(self) -> Tensor:
        return full_like(self.scale, 0)

    @property
    def variance(self) -> Tensor:
        return self.scale.pow(2) * 0.36338022763241866  # 1 - 2 / pi

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        inside = self.base_dist.log_prob(value) + 0.6931471805599453  # log 2
        return where(value >= 0, inside, -float("inf"))

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Tensor) -> Tensor:
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() - 0.6931471805599453
