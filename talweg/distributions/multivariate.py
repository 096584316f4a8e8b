"""The normal distribution of vectors."""

from __future__ import annotations

import math

from ..core.shapes import Size
from ..tensor import Tensor, eye, randn
from ..tensor.functions.factor import cholesky
from ..tensor.functions.solving import solve_triangular
from . import constraints
from .distribution import Distribution
from .utils import lazy_property


class MultivariateNormal(Distribution):
    """exp(-(x - mu)^T S^-1 (x - mu) / 2) / sqrt((2 pi)^k |S|), x and mu = loc (*, k), S (*, k, k) given by one of
    covariance_matrix, precision_matrix = S^-1 and scale_tril = L with L L^T = S. L is what is computed with."""

    arg_constraints = {"loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
                       "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector
    has_rsample = True
    loc: Tensor

    def __init__(self, loc, covariance_matrix=None, precision_matrix=None, scale_tril=None,
                 validate_args: bool | None = None) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        matrices = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix, "scale_tril": scale_tril}
        given = {name: m for name, m in matrices.items() if m is not None}
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        (name, matrix), = given.items()
        if matrix.dim() < 2:
            raise ValueError(f"{name} must be at least two-dimensional, with optional leading batch dimensions")
        batch = _broadcast(matrix.shape[:-2], loc.shape[:-1])
        self.__dict__[name] = matrix.expand((*batch, *matrix.shape[-2:]))
        self.loc = loc.expand((*batch, loc.shape[-1]))
        self._begin(validate_args, "loc", loc.shape[-1:])

    @lazy_property
    def scale_tril(self) -> Tensor:
        if "covariance_matrix" in self.__dict__:
            return cholesky(self.covariance_matrix)
        # S^-1 = U U^T with U upper triangular, by the factor of the matrix written backwards; then L = U^-T.
        backwards = cholesky(self.precision_matrix.flip((-2, -1)))
        upper = backwards.flip((-2, -1)).mT
        identity = eye(self._event_shape[0], dtype=self.loc.dtype)
        return solve_triangular(upper, identity, upper=False)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        return self.scale_tril @ self.scale_tril.mT

    @lazy_property
    def precision_matrix(self) -> Tensor:
        half = solve_triangular(self.scale_tril, eye(self._event_shape[0], dtype=self.loc.dtype), upper=False)
        return half.mT @ half

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        return self.scale_tril.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape=Size()) -> Tensor:  # noqa: B008
        noise = randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + (self.scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        away = squared_distance(self.scale_tril, value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + away) - half_log_determinant(self.scale_tril)

    def entropy(self) -> Tensor:
        k = self._event_shape[0]
        return 0.5 * k * (1 + math.log(2 * math.pi)) + half_log_determinant(self.scale_tril)


def half_log_determinant(scale_tril: Tensor) -> Tensor:
    """log |S| / 2 of S = L L^T."""
    return scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def squared_distance(scale_tril: Tensor, x: Tensor) -> Tensor:
    """x^T S^-1 x = |L^-1 x|^2 of vectors (*, k)."""
    batch = _broadcast(scale_tril.shape[:-2], x.shape[:-1])
    factor = scale_tril.expand((*batch, *scale_tril.shape[-2:]))
    return solve_triangular(factor, x.expand((*batch, x.shape[-1])).unsqueeze(-1), upper=False).pow(2).sum((-2, -1))


def _broadcast(a, b) -> Size:
    """The shape of both, by broadcasting."""
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    shorter = (1,) * (len(longer) - len(shorter)) + tuple(shorter)
    if any(1 not in (m, n) and m != n for m, n in zip(longer, shorter)):
        raise RuntimeError(f"MultivariateNormal: the batch shapes {tuple(a)} and {tuple(b)} do not broadcast")
    return Size([n if m == 1 else m for m, n in zip(longer, shorter)])
