"""What every distribution is: shapes, parameters that are checked, and samples."""

from __future__ import annotations

import copy
from typing import Any

from ..core.shapes import Size
from ..tensor import Tensor, no_grad, tracing
from . import constraints
from .utils import broadcast_all, lazy_property


class Distribution:
    """A family of probability distributions with parameters.

    batch_shape   distributions side by side, each with parameters of its own
    event_shape   one outcome of one of them
    Samples have shape sample_shape + batch_shape + event_shape; log_prob has the shape without the event's.

    Parameters and values are checked unless `validate_args` is False: ValueError where a parameter is not in its set
    (`arg_constraints`) or a value not in the `support`. A check reads the values, so a function under `talweg.compile`
    checks in its first call only.
    """

    has_rsample = False
    has_enumerate_support = False
    arg_constraints: dict[str, Any] = {}
    support: Any = constraints.dependent
    _validate_args = __debug__

    def __init__(self, batch_shape=Size(), event_shape=Size(), validate_args: bool | None = None) -> None:  # noqa: B008
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args and tracing.active() is None:
            self._validate_parameters()

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions made from now on check what they are given."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: expected True or False, got {value!r}")
        Distribution._validate_args = value

    # --- parameters
    def _take(self, validate_args: bool | None, event_shape=(), **parameters: Any) -> None:
        """Keep parameters, broadcast against one another, and begin: what most distributions do first."""
        for name, value in zip(parameters, broadcast_all(*parameters.values())):
            self.__dict__[name] = value
        self._begin(validate_args, next(iter(parameters)), event_shape)

    def _begin(self, validate_args: bool | None, name: str, event_shape=()) -> None:
        """Begin with the batch shape that a parameter shows."""
        value = self.__dict__[name]
        Distribution.__init__(self, value.shape[:value.dim() - self._constraint(name).event_dim], event_shape, validate_args)

    def _constraint(self, name: str) -> Any:
        return self.arg_constraints[name]

    def _parameters(self) -> dict[str, Tensor]:
        """Those that are known: one that is computed from another is not, before it is asked for."""
        return {n: self.__dict__[n] for n in self.arg_constraints if n in self.__dict__}

    def _validate_parameters(self) -> None:
        for name, value in self._parameters().items():
            constraint = self._constraint(name)
            if constraints.is_dependent(constraint) or bool(constraint.check(value).all()):
                continue
            raise ValueError(f"Expected parameter {name} (Tensor of shape {tuple(value.shape)}) of distribution {self!r} to "
                             f"satisfy the constraint {constraint!r}, but found invalid values:\n{value}")

    # --- shapes
    @property
    def batch_shape(self) -> Size:
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        return self._event_shape

    def expand(self, batch_shape, _instance=None) -> Any:
        """The same distribution, repeated to a larger batch shape without copies."""
        shape = Size(batch_shape)
        wider = copy.copy(self)
        for name in [n for n in self.__dict__ if isinstance(getattr(type(self), n, None), lazy_property)]:
            if name not in self.arg_constraints:
                del wider.__dict__[name]  # computed anew from the expanded parameters
        for name, value in self._parameters().items():
            kept = value.shape[value.dim() - self._constraint(name).event_dim:]
            wider.__dict__[name] = value.expand(shape + kept)
        wider._batch_shape = shape
        return wider

    def _extended_shape(self, sample_shape=()) -> Size:
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    # --- samples
    def sample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        """Outcomes without gradients."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        """Outcomes as a differentiable function of the parameters and of noise (Kingma and Welling, 2013)."""
        raise NotImplementedError(f"{type(self).__name__}.rsample: samples of it have no gradient; use sample() and log_prob()")

    def sample_n(self, n: int) -> Tensor:
        """n outcomes; the old form of sample((n,))."""
        return self.sample(Size((n,)))

    # --- what is asked of a distribution
    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability, of values."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob")

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of at most this value."""
        raise NotImplementedError(f"{type(self).__name__} has no cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """The value that is not exceeded with this probability."""
        raise NotImplementedError(f"{type(self).__name__} has no icdf")

    def entropy(self) -> Tensor:
        """-E[log p(x)], in nats."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy in closed form")

    def perplexity(self) -> Tensor:
        """e to the entropy."""
        return self.entropy().exp()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All outcomes, along a new first dimension."""
        raise NotImplementedError(f"{type(self).__name__} has no finite support")

    @property
    def mean(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no mean in closed form")

    @property
    def mode(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not implement mode")

    @property
    def variance(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no variance in closed form")

    @property
    def stddev(self) -> Tensor:
        return self.variance.sqrt()

    def _validate_sample(self, value: Tensor) -> None:
        """Raise ValueError for a value that is no tensor, has a shape that does not broadcast, or lies outside the support."""
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        expected = self._batch_shape + self._event_shape
        if value.dim() < len(self._event_shape) or value.shape[value.dim() - len(self._event_shape):] != self._event_shape:
            raise ValueError(f"The right-most size of value must match event_shape: {value.shape} vs {self._event_shape}.")
        for ours, theirs in zip(reversed(expected), reversed(value.shape)):
            if ours != theirs and 1 not in (ours, theirs):
                raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {expected}.")
        if tracing.active() is not None or constraints.is_dependent(self.support):
            return
        if not bool(self.support.check(value).all()):
            raise ValueError(f"Expected value argument (Tensor of shape {tuple(value.shape)}) to be within the support "
                             f"({self.support!r}) of the distribution {self!r}, but found invalid values:\n{value}")

    def __repr__(self) -> str:
        shown = [f"{n}: {v if v.numel() == 1 else v.size()}" for n, v in self._parameters().items()]
        return f"{type(self).__name__}({', '.join(shown)})"
