"""Questions about tensors, and indices of parts of matrices."""

from __future__ import annotations

import numpy as np

from ...core.dtypes import int64
from ...graph import ops
from ..operands import require_tensor
from ..tensor import Tensor, wrap
from .complex import conj
from .norms import matrix_norm, vector_norm
from .pointwise import floor_divide, remainder
from .random import _uniform
from .shape import transpose


def is_nonzero(input) -> bool:
    """Whether a one-element tensor is not 0."""
    x = require_tensor(input, "is_nonzero")
    if x.numel() != 1:
        count = "no values" if x.numel() == 0 else "more than one value"
        raise RuntimeError(f"Boolean value of Tensor with {count} is ambiguous")
    return bool(x)


def is_same_size(input, other) -> bool:
    """Whether two tensors have the same shape."""
    return require_tensor(input, "is_same_size").shape == require_tensor(other, "is_same_size").shape


def is_signed(input) -> bool:
    """Whether the dtype has negative numbers."""
    return require_tensor(input, "is_signed").dtype.is_signed


def detach(input):
    """The same memory as a tensor without history."""
    return require_tensor(input, "detach").detach()


def adjoint(input):
    """The conjugate transpose of the last two dimensions."""
    x = require_tensor(input, "adjoint")
    if x.dim() < 2:
        raise RuntimeError(f"tensor.adjoint() is only supported on matrices or batches of matrices. Got {x.dim()}-D tensor.")
    return conj(transpose(x, -2, -1))


def frobenius_norm(input, dim=(), keepdim: bool = False):
    """The root of the sum of squares over dim."""
    return vector_norm(input, 2, dim, keepdim)


def nuclear_norm(input, dim=(-2, -1), keepdim: bool = False):
    """The sum of the singular values."""
    return matrix_norm(input, "nuc", dim, keepdim)


def _triangle_indices(row: int, col: int, offset: int, inside, dtype, requires_grad: bool, call: str):
    if row < 0 or col < 0:
        raise RuntimeError(f"{call}: row and col must be non-negative, got row={row}, col={col}")
    found = np.stack(np.nonzero(inside(np.ones((row, col), bool), offset))).astype(np.int64)
    places = Tensor._from_array(found) if dtype in (None, int64) else Tensor._from_array(found).to(dtype)
    return places.requires_grad_() if requires_grad else places


def tril_indices(row: int, col: int, offset: int = 0, *, dtype=None, device=None, layout=None, pin_memory=False,
                 requires_grad=False):
    """(2, n): rows and columns of the entries on and below a diagonal."""
    return _triangle_indices(row, col, offset, np.tril, dtype, requires_grad, "tril_indices")


def triu_indices(row: int, col: int, offset: int = 0, *, dtype=None, device=None, layout=None, pin_memory=False,
                 requires_grad=False):
    """(2, n): rows and columns of the entries on and above a diagonal."""
    return _triangle_indices(row, col, offset, np.triu, dtype, requires_grad, "triu_indices")


def unravel_index(indices, shape):
    """Positions in the flattened tensor as one index a dimension."""
    x = require_tensor(indices, "unravel_index")
    if x.dtype.category != "integer":
        raise ValueError(f"torch.unravel_index only supports integer tensors, got {x.dtype.name}")
    sizes = [shape] if isinstance(shape, int) else list(shape)
    found = []
    for size in reversed(sizes):
        found.append(remainder(x, size))
        x = floor_divide(x, size)
    return tuple(reversed(found))


def poisson(input, generator=None):
    """Whole numbers from Poisson distributions of these rates (by exponential waiting times)."""
    x = require_tensor(input, "poisson")
    if x.numel() and float(x.detach().min()) < 0:
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    rate = x.detach().double()
    most = int(2 * float(rate.max()) + 10 * float(rate.max()) ** 0.5 + 40) if x.numel() else 1
    waits = -(1 - wrap(_uniform((*x.shape, most), rate.dtype, generator))).log()
    counts = (waits.cumsum(-1) <= rate.unsqueeze(-1)).sum(-1).to(x.dtype)
    return wrap(ops.overwrite(x.node, counts.node)) if x.requires_grad else counts
