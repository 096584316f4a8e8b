"""Invertible functions with the logarithm of their Jacobian's determinant."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

from ..core.dtypes import finfo
from ..core.shapes import Size
from ..tensor import Tensor, full, zeros_like
from . import constraints
from .utils import softplus, sum_rightmost


class Transform:
    """y = f(x). A subclass defines `_call`, `_inverse` and `log_abs_det_jacobian`, and where f goes from and to.

    With cache_size=1 the last pair is kept, so that inv(f(x)) is x itself, also where rounding would lose it.
    """

    bijective = False
    domain: Any
    codomain: Any

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError("cache_size must be 0 or 1")
        self._cache_size = cache_size
        self._cached: tuple = (None, None)

    @property
    def inv(self) -> Transform:
        """The inverse transform."""
        return _Inverse(self)

    @property
    def sign(self) -> Any:
        """The sign of the derivative, of a monotonous function of numbers."""
        raise NotImplementedError(f"{type(self).__name__} has no sign")

    def with_cache(self, cache_size: int = 1) -> Any:
        """This transform with that cache."""
        other = copy.copy(self)
        Transform.__init__(other, cache_size)
        return other

    def __call__(self, x: Tensor) -> Tensor:
        if self._cache_size and self._cached[0] is x:
            return self._cached[1]
        y = self._call(x)
        if self._cache_size:
            self._cached = (x, y)
        return y

    def _undo(self, y: Tensor) -> Tensor:
        if self._cache_size and self._cached[1] is y:
            return self._cached[0]
        x = self._inverse(y)
        if self._cache_size:
            self._cached = (x, y)
        return x

    def _call(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define _call()")

    def _inverse(self, y: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no inverse")

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """log |det dy/dx|, one number for each event of the domain."""
        raise NotImplementedError(f"{type(self).__name__} has no log_abs_det_jacobian: it is no bijection")

    def forward_shape(self, shape) -> Size:
        """The shape of f(x) for an x of that shape."""
        return Size(shape)

    def inverse_shape(self, shape) -> Size:
        """The shape of x for an f(x) of that shape."""
        return Size(shape)

    def __eq__(self, other: object) -> bool:
        return self is other or (type(self) is type(other) and _alike(self._settings(), other._settings()))  # type: ignore

    __hash__ = object.__hash__

    def _settings(self) -> list:
        return [v for n, v in sorted(vars(self).items()) if n not in ("_cached", "_cache_size")]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _alike(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return bool(((a == b) if isinstance(a, Tensor) else (b == a)).all())
    return a == b


class _Inverse(Transform):
    """f^-1, of another transform."""

    def __init__(self, of: Transform) -> None:
        super().__init__()
        self._of = of

    bijective = property(lambda self: self._of.bijective)  # type: ignore[assignment]
    domain = property(lambda self: self._of.codomain)
    codomain = property(lambda self: self._of.domain)
    sign = property(lambda self: self._of.sign)

    @property
    def inv(self) -> Transform:
        return self._of

    def __call__(self, x: Tensor) -> Tensor:
        return self._of._undo(x)

    def _undo(self, y: Tensor) -> Tensor:
        return self._of(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -self._of.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape) -> Size:
        return self._of.inverse_shape(shape)

    def inverse_shape(self, shape) -> Size:
        return self._of.forward_shape(shape)

    def with_cache(self, cache_size: int = 1) -> Transform:
        return self._of.with_cache(cache_size).inv

    def __repr__(self) -> str:
        return f"{self._of!r}.inv"


class _Pointwise(Transform):
    """Of each number by itself, rising unless it says otherwise."""

    domain: Any = constraints.real
    codomain: Any = constraints.real
    bijective = True
    sign = 1  # type: ignore[assignment]


class ExpTransform(_Pointwise):
    """y = e^x."""

    codomain = constraints.positive

    def _call(self, x):
        return x.exp()

    def _inverse(self, y):
        return y.log()

    def log_abs_det_jacobian(self, x, y):
        return x


class PowerTransform(_Pointwise):
    """y = x^exponent, of positive numbers."""

    domain = codomain = constraints.positive

    def __init__(self, exponent, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.exponent = exponent

    @property
    def sign(self):  # type: ignore[override]
        return self.exponent.sign() if isinstance(self.exponent, Tensor) else math.copysign(1, self.exponent)

    def _call(self, x):
        return x.pow(self.exponent)

    def _inverse(self, y):
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x, y):
        return (self.exponent * y / x).abs().log()


class SigmoidTransform(_Pointwise):
    """y = 1 / (1 + e^-x)."""

    codomain = constraints.unit_interval

    def _call(self, x):
        kind = finfo(x.dtype)
        return x.sigmoid().clamp(min=kind.tiny, max=1 - kind.eps)

    def _inverse(self, y):
        kind = finfo(y.dtype)
        inside = y.clamp(min=kind.tiny, max=1 - kind.eps)
        return inside.log() - (-inside).log1p()

    def log_abs_det_jacobian(self, x, y):
        return -softplus(-x) - softplus(x)


class SoftplusTransform(_Pointwise):
    """y = log(1 + e^x)."""

    codomain = constraints.positive

    def _call(self, x):
        return softplus(x)

    def _inverse(self, y):
        return (-y).expm1().neg().log() + y

    def log_abs_det_jacobian(self, x, y):
        return -softplus(-x)


class TanhTransform(_Pointwise):
    """y = tanh x. Use cache_size=1 where values are found again: atanh loses what lies beyond about |x| = 9."""

    codomain = constraints.interval(-1.0, 1.0)

    def _call(self, x):
        return x.tanh()

    def _inverse(self, y):
        return y.atanh()

    def log_abs_det_jacobian(self, x, y):
        return 2 * (math.log(2) - x - softplus(-2 * x))  # log(1 - tanh^2 x) without cancellation


class AbsTransform(Transform):
    """y = |x|, whose inverse gives the positive one."""

    domain, codomain = constraints.real, constraints.positive

    def _call(self, x):
        return x.abs()

    def _inverse(self, y):
        return y


class AffineTransform(Transform):
    """y = loc + scale x, whose last `event_dim` dimensions are one event."""

    bijective = True

    def __init__(self, loc, scale, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc, self.scale, self._dims = loc, scale, event_dim

    @property
    def event_dim(self) -> int:
        return self._dims

    @property
    def domain(self):  # type: ignore[override]
        return constraints.independent(constraints.real, self._dims) if self._dims else constraints.real

    codomain = domain  # type: ignore[assignment]

    @property
    def sign(self):
        return self.scale.sign() if isinstance(self.scale, Tensor) else (self.scale > 0) - (self.scale < 0)

    def _call(self, x):
        return self.loc + self.scale * x

    def _inverse(self, y):
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x, y):
        scale = self.scale
        size = scale.abs().log() if isinstance(scale, Tensor) else full((), math.log(abs(scale)), dtype=x.dtype)
        return sum_rightmost(size.expand(x.shape), self._dims)

    def forward_shape(self, shape) -> Size:
        return Size(_broadcast(shape, getattr(self.loc, "shape", ()), getattr(self.scale, "shape", ())))

    inverse_shape = forward_shape


class SoftmaxTransform(Transform):
    """y = softmax(x) over the last dimension; the inverse gives logits whose softmax is y."""

    domain, codomain = constraints.real_vector, constraints.simplex

    def _call(self, x):
        return x.softmax(-1)

    def _inverse(self, y):
        return y.log()


class ReshapeTransform(Transform):
    """The event in another shape."""

    bijective = True

    def __init__(self, in_shape, out_shape, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ValueError("in_shape, out_shape have different numbers of elements")

    @property
    def domain(self):  # type: ignore[override]
        return constraints.independent(constraints.real, len(self.in_shape))

    @property
    def codomain(self):  # type: ignore[override]
        return constraints.independent(constraints.real, len(self.out_shape))

    def _call(self, x):
        return x.reshape(self.forward_shape(x.shape))

    def _inverse(self, y):
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x, y):
        return zeros_like(x).sum(tuple(range(-len(self.in_shape), 0))) if self.in_shape else zeros_like(x)

    def forward_shape(self, shape) -> Size:
        return _exchanged(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape) -> Size:
        return _exchanged(shape, self.out_shape, self.in_shape)


def _exchanged(shape, old: Size, new: Size) -> Size:
    cut = len(shape) - len(old)
    if cut < 0 or tuple(shape[cut:]) != tuple(old):
        raise ValueError(f"Shape mismatch: expected {tuple(shape)} to end in {tuple(old)}")
    return Size((*shape[:cut], *new))


class IndependentTransform(Transform):
    """Another transform, with further dimensions counted as one event."""

    def __init__(self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.base_transform, self.reinterpreted_batch_ndims = base_transform, reinterpreted_batch_ndims

    bijective = property(lambda self: self.base_transform.bijective)  # type: ignore[assignment]
    sign = property(lambda self: self.base_transform.sign)
    domain = property(lambda self: constraints.independent(self.base_transform.domain, self.reinterpreted_batch_ndims))
    codomain = property(lambda self: constraints.independent(self.base_transform.codomain, self.reinterpreted_batch_ndims))

    def _call(self, x):
        return self.base_transform(x)

    def _inverse(self, y):
        return self.base_transform.inv(y)

    def log_abs_det_jacobian(self, x, y):
        return sum_rightmost(self.base_transform.log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)

    def forward_shape(self, shape) -> Size:
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape) -> Size:
        return self.base_transform.inverse_shape(shape)


class ComposeTransform(Transform):
    """One transform after the other."""

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = [p.with_cache(cache_size) for p in parts] if cache_size else list(parts)

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return all(p.bijective for p in self.parts)

    @property
    def sign(self):
        return math.prod(p.sign for p in self.parts)

    @property
    def domain(self):  # type: ignore[override]
        """The first part's, with as many dimensions as the widest part needs."""
        if not self.parts:
            return constraints.real
        dims = self.parts[-1].codomain.event_dim
        for part in reversed(self.parts):
            dims = max(dims + part.domain.event_dim - part.codomain.event_dim, part.domain.event_dim)
        return _widened(self.parts[0].domain, dims)

    @property
    def codomain(self):  # type: ignore[override]
        if not self.parts:
            return constraints.real
        dims = self.parts[0].domain.event_dim
        for part in self.parts:
            dims = max(dims + part.codomain.event_dim - part.domain.event_dim, part.codomain.event_dim)
        return _widened(self.parts[-1].codomain, dims)

    def __call__(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x

    def _undo(self, y: Tensor) -> Tensor:
        for part in reversed(self.parts):
            y = part._undo(y)
        return y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        if not self.parts:
            return zeros_like(x)
        dims, total = self.domain.event_dim, None
        for i, part in enumerate(self.parts):
            after = part(x) if i + 1 < len(self.parts) else y
            term = sum_rightmost(part.log_abs_det_jacobian(x, after), dims - part.domain.event_dim)
            total = term if total is None else total + term
            dims += part.codomain.event_dim - part.domain.event_dim
            x = after
        return total  # type: ignore[return-value]

    def forward_shape(self, shape) -> Size:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return Size(shape)

    def inverse_shape(self, shape) -> Size:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return Size(shape)

    def __repr__(self) -> str:
        return f"ComposeTransform({self.parts!r})"


def _widened(constraint: Any, dims: int) -> Any:
    more = dims - constraint.event_dim
    return constraints.independent(constraint, more) if more > 0 else constraint


def _broadcast(*shapes) -> tuple:
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(s)) + tuple(s) for s in shapes]
    return tuple(max(sizes) if 0 not in sizes else 0 for sizes in zip(*padded))


identity_transform = ComposeTransform([])
