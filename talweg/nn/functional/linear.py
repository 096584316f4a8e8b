"""Affine maps and embeddings (L 4.2, 4.9)."""

from __future__ import annotations

import numpy as np

from ...tensor import Tensor, arange, where
from ...tensor.autocast import as_given, lowered
from ...tensor.functions.indexing import getitem
from .lookup import by_frequency, shrink_rows


@lowered
def linear(input, weight, bias=None):
    """x Wᵀ + b over the last dimension: input (..., in), weight (out, in), bias (out,)."""
    if input.dim() and weight.dim() in (1, 2) and input.shape[-1] != weight.shape[-1]:
        raise RuntimeError(
            f"linear: mat1 and mat2 shapes cannot be multiplied (input {list(input.shape)}, weight {list(weight.shape)}): "
            f"the input's last dimension is {input.shape[-1]}, the layer takes {weight.shape[-1]}"
        )
    out = input.matmul(weight if weight.dim() == 1 else weight.t())
    return out if bias is None else out + bias


@as_given
def bilinear(input1, input2, weight, bias=None):
    """y_k = x1ᵀ W_k x2 + b_k: weight (out, in1, in2)."""
    left = linear(input1, weight.permute(0, 2, 1).reshape(-1, weight.shape[1]))
    left = left.reshape(*input1.shape[:-1], weight.shape[0], weight.shape[2])
    out = (left * input2.unsqueeze(-2)).sum(-1)
    return out if bias is None else out + bias


def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
    """Rows of weight (vocabulary, width) at the ids of input (any shape): (..., width).

    Raises IndexError for an id outside the vocabulary. The row padding_idx gets no gradient. Rows looked up whose norm is
    above max_norm are rescaled in the table; scale_grad_by_freq divides a row's gradient by how often it was looked up.
    """
    if input.dtype.category != "integer":
        raise RuntimeError(f"embedding: Expected tensor for argument 'indices' to have one of the following scalar types: "
                           f"Long, Int; but got {input.dtype.name}")
    if weight.dim() != 2:
        raise RuntimeError(f"embedding: 'weight' must be 2-D, got shape {list(weight.shape)}")
    _check_ids(input, weight)
    if max_norm is not None:
        shrink_rows(weight, input, max_norm, norm_type)
    rows = getitem(weight, input)
    if scale_grad_by_freq and weight.requires_grad:
        rows = by_frequency(rows, input, weight.shape[0])
    if padding_idx is None:
        return rows
    # The padding row is read from a copy without history, so that no gradient reaches it.
    return where((input == padding_idx % weight.shape[0]).unsqueeze(-1), rows.detach(), rows)


def _check_ids(input, weight) -> None:
    value = input.node.value
    if value is not None and value.size and (value.min() < 0 or value.max() >= weight.shape[0]):
        wrong = int(value.max()) if value.max() >= weight.shape[0] else int(value.min())
        raise IndexError(f"embedding: index out of range in self: id {wrong}, the vocabulary has {weight.shape[0]} rows")


def one_hot(tensor, num_classes: int = -1):
    """Vectors of num_classes zeros with a 1 at each id of the tensor, in a new last dimension."""
    if tensor.dtype.name != "int64":
        raise RuntimeError(f"one_hot is only applicable to index tensor of type LongTensor, got {tensor.dtype.name}")
    if tensor.numel() == 0 and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    low, high = (int(tensor.min()), int(tensor.max())) if tensor.numel() else (0, 0)
    if low < 0:
        raise RuntimeError("Class values must be non-negative.")
    count = high + 1 if num_classes == -1 else num_classes
    if high >= count:
        raise RuntimeError(f"Class values must be smaller than num_classes: {high} >= {count}")
    return (tensor.unsqueeze(-1) == arange(count)).long()


def normalize(input, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out=None) -> Tensor:
    """x / max(|x|_p, eps) along dim."""
    return input / input.norm(p, dim, keepdim=True).clamp_min(eps)


def cosine_similarity(x1, x2, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along dim."""
    x1, x2 = x1.broadcast_to(_common(x1, x2)), x2.broadcast_to(_common(x1, x2))
    a = x1 / x1.norm(2, dim, keepdim=True).clamp_min(eps)
    b = x2 / x2.norm(2, dim, keepdim=True).clamp_min(eps)
    return (a * b).sum(dim)


def _common(x1, x2):
    return (x1 * 0 + x2 * 0).shape if x1.shape != x2.shape else x1.shape


def pairwise_distance(x1, x2, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """|x1 - x2 + eps|_p over the last dimension."""
    return (x1 - x2 + eps).norm(p, -1, keepdim=keepdim)


def pdist(input, p: float = 2.0) -> Tensor:
    """|x_i - x_j|_p for all rows i < j of input (N, D): (N (N - 1) / 2,)."""
    if input.dim() != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.dim()}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    count = input.shape[0]
    first, second = (Tensor._from_array(i) for i in np.triu_indices(count, 1))
    return (input.index_select(0, first) - input.index_select(0, second)).norm(p, 1)
