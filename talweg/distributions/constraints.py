"""Sets of values: what a parameter may be, and what a distribution gives probability to."""

from __future__ import annotations

from typing import Any

from ..core.dtypes import bool_
from ..tensor import Tensor, ones_like
from ..tensor.functions.factor import cholesky_ex


class Constraint:
    """A set of values. `event_dim` dimensions, counted from the last, are judged together; `is_discrete` says that the set
    has gaps."""

    event_dim = 0
    is_discrete = False

    def check(self, value: Tensor) -> Tensor:
        """Of each value, whether it is in the set: the shape without the event's dimensions."""
        raise NotImplementedError(f"{type(self).__name__} must define check()")

    def __repr__(self) -> str:
        bounds = [f"{n}={v}" for n, v in vars(self).items() if not n.startswith("_")]
        return f"{type(self).__name__.lstrip('_')}({', '.join(bounds)})"


class _Dependent(Constraint):
    """A set that depends on other parameters, which is not checked."""

    def __init__(self, *, is_discrete: bool = False, event_dim: int = 0) -> None:
        self.is_discrete, self.event_dim = is_discrete, event_dim

    def __call__(self, *, is_discrete: bool = False, event_dim: int = 0) -> _Dependent:
        return _Dependent(is_discrete=is_discrete, event_dim=event_dim)

    def check(self, value: Tensor) -> Tensor:
        raise ValueError("Cannot determine validity of dependent constraint")


def is_dependent(constraint: Any) -> bool:
    """Whether a constraint can be checked only when the other parameters are known."""
    return isinstance(constraint, _Dependent)


class dependent_property(property, _Dependent):
    """A property of a distribution whose value is a constraint; on the class, a dependent one."""

    def __init__(self, fn: Any = None, *, is_discrete: bool = False, event_dim: int = 0) -> None:
        super().__init__(fn)
        self.is_discrete, self.event_dim = is_discrete, event_dim

    def __call__(self, fn: Any) -> dependent_property:  # type: ignore[override]
        return dependent_property(fn, is_discrete=self.is_discrete, event_dim=self.event_dim)


class _Boolean(Constraint):
    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        return (value == 0) | (value == 1)


class _OneHot(Constraint):
    is_discrete = True
    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)


class _Real(Constraint):
    def check(self, value: Tensor) -> Tensor:
        return value == value  # all but nan


class _Bounded(Constraint):
    """Numbers above and below bounds, either of which may be missing or belong to the set."""

    _above, _below = "gt", "lt"

    def __init__(self, lower_bound: Any = None, upper_bound: Any = None) -> None:
        if lower_bound is not None:
            self.lower_bound = lower_bound
        if upper_bound is not None:
            self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        inside = ones_like(value, dtype=bool_)
        if hasattr(self, "lower_bound"):
            inside = inside & getattr(value, self._above)(self.lower_bound)
        if hasattr(self, "upper_bound"):
            inside = inside & getattr(value, self._below)(self.upper_bound)
        return inside & (value % 1 == 0) if self.is_discrete else inside


class greater_than(_Bounded):
    """x > lower_bound."""

    def __init__(self, lower_bound: Any) -> None:
        super().__init__(lower_bound)


class greater_than_eq(greater_than):
    """x >= lower_bound."""

    _above = "ge"


class less_than(_Bounded):
    """x < upper_bound."""

    def __init__(self, upper_bound: Any) -> None:
        super().__init__(None, upper_bound)


class interval(_Bounded):
    """lower_bound <= x <= upper_bound."""

    _above, _below = "ge", "le"

    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        super().__init__(lower_bound, upper_bound)


class half_open_interval(interval):
    """lower_bound <= x < upper_bound."""

    _below = "lt"


class integer_interval(interval):
    """Whole numbers from lower_bound to upper_bound."""

    is_discrete = True


class _WholeAbove(greater_than_eq):
    is_discrete = True


class _Simplex(Constraint):
    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class _LowerCholesky(Constraint):
    """Lower triangular with a positive diagonal."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        return (value.tril() == value).flatten(-2).all(-1) & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


class _PositiveDefinite(Constraint):
    """Symmetric with positive eigenvalues."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        symmetric = ((value - value.mT).abs() <= 1e-6 + 1e-5 * value.abs()).flatten(-2).all(-1)
        return symmetric & (cholesky_ex(value).info == 0)


class independent(Constraint):
    """The set of another constraint, with further dimensions judged together."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        self.base_constraint, self.reinterpreted_batch_ndims = base_constraint, reinterpreted_batch_ndims
        self._dims = base_constraint.event_dim + reinterpreted_batch_ndims

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        return self._dims

    def check(self, value: Tensor) -> Tensor:
        inside = self.base_constraint.check(value)
        if inside.dim() < self.reinterpreted_batch_ndims:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        return inside.flatten(inside.dim() - self.reinterpreted_batch_ndims).all(-1) \
            if self.reinterpreted_batch_ndims else inside


dependent = _Dependent()
boolean = _Boolean()
one_hot = _OneHot()
nonnegative_integer = _WholeAbove(0)
positive_integer = _WholeAbove(1)
real = _Real()
real_vector = independent(real, 1)
positive = greater_than(0.0)
nonnegative = greater_than_eq(0.0)
unit_interval = interval(0.0, 1.0)
simplex = _Simplex()
lower_cholesky = _LowerCholesky()
positive_definite = _PositiveDefinite()
