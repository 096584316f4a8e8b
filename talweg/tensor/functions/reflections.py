"""Products of Householder reflections: the Q that LAPACK's geqrf leaves in compact form."""

from __future__ import annotations

from ...graph import ops
from ..keywords import also_named
from ..tensor import Tensor, wrap
from .creation import arange, eye
from .factor import _adjoint
from .matrices import matrix
from .matrix import matmul


def _check_reflections(input, tau, call: str) -> None:
    matrix(input, call)
    rows, columns = input.shape[-2:]
    if rows < columns:
        raise RuntimeError(f"{call}: input.shape[-2] must be greater than or equal to input.shape[-1], got {list(input.shape)}")
    if tau.shape[-1] > columns:
        raise RuntimeError(f"{call}: input.shape[-1] must be greater than or equal to tau.shape[-1], got {columns} and "
                           f"{tau.shape[-1]}")
    if input.dim() - tau.dim() != 1:
        raise RuntimeError(f"{call}: Expected tau to have one dimension less than input, but got tau.ndim equal to {tau.dim()} "
                           f"and input.ndim is equal to {input.dim()}")
    if input.shape[:-2] != tau.shape[:-1]:
        raise RuntimeError(f"{call}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got "
                           f"{list(tau.shape[:-1])} and {list(input.shape[:-2])}")
    if input.dtype is not tau.dtype:
        raise RuntimeError(f"{call}: tau dtype {tau.dtype.name} does not match input dtype {input.dtype.name}")


def _reflections(input, tau) -> list[Tensor]:
    """H_i = I - tau_i v v^H, where v is 1 at i, input's column below and 0 above."""
    rows = input.shape[-2]
    one = eye(rows, dtype=input.dtype)
    found = []
    for i in range(tau.shape[-1]):
        v = _below(input[..., i], i) + one[i]
        found.append(one - tau[..., i, None, None] * v.unsqueeze(-1) * wrap(ops.conj(v.node)).unsqueeze(-2))
    return found


def _below(column: Tensor, i: int) -> Tensor:
    return column * (arange(column.shape[-1]) > i).to(column.dtype)


@also_named(input="A", input2="tau")
def householder_product(A, tau):
    """The first columns of H_1 H_2 ... H_k: the Q of geqrf's result (orgqr)."""
    _check_reflections(A, tau, "linalg.householder_product")
    rows, columns = A.shape[-2:]
    q = wrap(ops.overwrite(A.node, eye(rows, columns, dtype=A.dtype).expand(*A.shape).node))
    for h in reversed(_reflections(A, tau)):
        q = matmul(h, q)
    return q


@also_named(input2="tau", input3="other")
def ormqr(input, tau, other, left: bool = True, transpose: bool = False):
    """Q C, C Q, or with Q^H, for the Q of geqrf's result and C = other."""
    matrix(input, "ormqr"), matrix(other, "ormqr")
    _check_ormqr(input, tau, other, left)
    hs = _reflections(input, tau)
    if transpose:
        hs = [_adjoint(h) for h in reversed(hs)]
    for h in reversed(hs) if left else hs:
        other = matmul(h, other) if left else matmul(other, h)
    return other


def _check_ormqr(input, tau, other, left: bool) -> None:
    side = -2 if left else -1
    if other.shape[side] < tau.shape[-1]:
        raise RuntimeError(f"torch.ormqr: other.shape[{side}] must be greater than or equal to tau.shape[-1]")
    if other.shape[side] != input.shape[-2]:
        raise RuntimeError(f"torch.ormqr: other.shape[{side}] must be equal to input.shape[-2]")
    if tau.shape[-1] > input.shape[-1]:
        raise RuntimeError("torch.ormqr: tau.shape[-1] must be less than or equal to input.shape[-1]")
    if input.dim() - tau.dim() != 1:
        raise RuntimeError(f"torch.ormqr: Expected tau to have one dimension less than input, but got tau.ndim equal to "
                           f"{tau.dim()} and input.ndim is equal to {input.dim()}")
    if input.dim() != other.dim():
        raise RuntimeError("torch.ormqr: Expected other to have the same number of dimensions as input")
    if input.shape[:-2] != other.shape[:-2] or input.shape[:-2] != tau.shape[:-1]:
        raise RuntimeError("torch.ormqr: Expected batch dimensions of input, tau and other to be equal")
    if not input.dtype is other.dtype is tau.dtype:
        raise RuntimeError("torch.ormqr: Expected input, tau and other to have the same dtype")
