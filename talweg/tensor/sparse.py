"""Tensors of few elements, given by their places (COO). They are kept dense: what is saved elsewhere is not saved here.

A result of an operation on one is an ordinary dense tensor of the same value; `indices` and `values` tell the places that
were given, or, of a tensor made by `to_sparse`, those of the elements other than 0.
"""

from __future__ import annotations

from typing import Any

from .functions.convert import clone
from .functions.creation import as_tensor, zeros
from .functions.indexing import index_put, nonzero
from .functions.matrix import matmul
from .tensor import Tensor


class SparseTensor(Tensor):
    """A dense tensor that knows its places: indices (dimensions, elements) and values (elements, ...)."""

    is_sparse = True
    _places: Tensor

    def indices(self) -> Tensor:
        """The places, one column an element, in ascending order without repetition."""
        return self._places

    _indices = indices

    def values(self) -> Tensor:
        """The elements at these places."""
        return self[tuple(self._places)] if self._places.shape[0] else self.reshape(1)

    _values = values

    def _nnz(self) -> int:
        return self._places.shape[1]

    def sparse_dim(self) -> int:
        return self._places.shape[0]

    def dense_dim(self) -> int:
        return self.ndim - self.sparse_dim()

    def coalesce(self) -> SparseTensor:
        """The tensor itself: places that were given twice have been summed already."""
        return self

    def is_coalesced(self) -> bool:
        return True

    def to_dense(self, dtype: Any = None) -> Tensor:
        """The values as an ordinary tensor."""
        return self.as_subclass(Tensor) if dtype is None else self.to(dtype)


def _marked(dense: Tensor, places: Tensor) -> SparseTensor:
    found = dense.as_subclass(SparseTensor)
    found._places = places
    return found


def to_sparse(self: Tensor, sparse_dim: int | None = None, *, layout: Any = None) -> SparseTensor:
    """The tensor with the places of its elements other than 0, by its first `sparse_dim` dimensions (all).

    Raises RuntimeError for a number of dimensions that it has not.
    """
    count = self.ndim if sparse_dim is None else sparse_dim
    if not 0 <= count <= self.ndim or (count == 0 and self.ndim):
        raise RuntimeError(f"to_sparse: sparse_dim must be between 1 and {self.ndim}, got {sparse_dim}")
    used = self.detach() != 0
    for _ in range(self.ndim - count):
        used = used.any(-1)
    return _marked(clone(self), nonzero(used).t())


def to_dense(self: Tensor, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
    """The tensor itself, which is dense."""
    return self if dtype is None else self.to(dtype)


def sparse_coo_tensor(indices: Any, values: Any, size: Any = None, *, dtype: Any = None, device: Any = None,
                      requires_grad: bool = False, check_invariants: bool | None = None,
                      is_coalesced: bool | None = None) -> SparseTensor:
    """The tensor of `size` that has values[i] at indices[:, i], summed where a place comes twice, and 0 elsewhere.

    Raises RuntimeError where the numbers of places and values differ, IndexError for a place outside `size`.
    """
    places, elements = as_tensor(indices), as_tensor(values, dtype=dtype, device=device)
    if places.ndim != 2 or places.shape[1] != (elements.shape[0] if elements.ndim else -1):
        raise RuntimeError(f"sparse_coo_tensor: indices of shape {list(places.shape)} and values of shape "
                           f"{list(elements.shape)} do not fit; expected (dimensions, n) and (n, ...)")
    if size is None:
        size = [int(row.max()) + 1 if row.numel() else 0 for row in places] + list(elements.shape[1:])
    dense = index_put(zeros(tuple(size), dtype=elements.dtype), tuple(places), elements, accumulate=True)
    if requires_grad:
        dense = dense.detach().requires_grad_(True)
    return _marked(dense, _distinct(places, tuple(size)))


def _distinct(places: Tensor, size: tuple[int, ...]) -> Tensor:
    used = index_put(zeros(size[: places.shape[0]], dtype=places.dtype), tuple(places), as_tensor(1), accumulate=False)
    return nonzero(used).t()


def sparse_mm(mat1: Tensor, mat2: Tensor, reduce: str | None = None) -> Tensor:
    """mat1 @ mat2."""
    if reduce not in (None, "sum"):
        raise NotImplementedError(f"sparse.mm: reduce={reduce!r} is not supported; use scatter_reduce")
    return matmul(mat1, mat2)
