"""torch.sparse, for tensors given by their places."""

from __future__ import annotations

from typing import Any

from ...core.dtypes import dtype, float32, float64, int64
from ...tensor import Tensor
from ...tensor.sparse import SparseTensor, sparse_coo_tensor
from ...tensor.sparse import sparse_mm as mm

__all__ = ["DoubleTensor", "FloatTensor", "LongTensor", "addmm", "mm", "sum"]


def addmm(mat: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta mat + alpha mat1 @ mat2."""
    return beta * mat + alpha * mm(mat1, mat2)


def sum(input: Tensor, dim: Any = None, dtype: Any = None) -> Tensor:
    """The sum of the elements, or over dimensions."""
    return input.sum(dtype=dtype) if dim is None else input.sum(dim, dtype=dtype)


def _typed(name: str, kind: dtype) -> type:
    def make(cls: type, indices: Any, values: Any, size: Any = None) -> SparseTensor:
        return sparse_coo_tensor(indices, values, size, dtype=kind)

    return type(name, (), {"__new__": make, "__doc__": f"sparse_coo_tensor of {kind.name}, by its oldest name."})


FloatTensor, DoubleTensor, LongTensor = (
    _typed("FloatTensor", float32), _typed("DoubleTensor", float64), _typed("LongTensor", int64))
