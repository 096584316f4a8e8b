"""The arithmetic of weight and spectral normalisation."""

from __future__ import annotations

from ...tensor import Tensor, dot, mv, no_grad, randn
from .. import functional as F


def norm_except_dim(v: Tensor, p: float = 2, dim: int | None = 0) -> Tensor:
    """The norm over all dimensions but `dim`, which keeps its place; over all of them for None or -1."""
    if dim is None or dim == -1:
        return v.norm(p)
    d = dim % v.dim()
    others = [i for i in range(v.dim()) if i != d]
    return v.norm(p, others, keepdim=True) if others else v.abs()


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """(size of dim, everything else)."""
    return weight.movedim(dim, 0).reshape(weight.shape[dim], -1)


def random_direction(size: int, like: Tensor, eps: float) -> Tensor:
    """A random vector of length 1."""
    return F.normalize(randn(size, dtype=like.dtype), dim=0, eps=eps)


def power_iterations(matrix: Tensor, u: Tensor, v: Tensor, count: int, eps: float) -> None:
    """Turn u and v, in place, towards the singular vectors of the largest singular value."""
    with no_grad():
        for _ in range(count):
            u.copy_(F.normalize(mv(matrix, v), dim=0, eps=eps))
            v.copy_(F.normalize(mv(matrix.t(), u), dim=0, eps=eps))


def stretch(matrix: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """u^T W v: the largest singular value, for its singular vectors."""
    return dot(u, mv(matrix, v))
