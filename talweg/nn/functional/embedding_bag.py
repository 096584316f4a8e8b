"""Sums, means or maxima of embeddings, bag by bag."""

from __future__ import annotations

import math

import numpy as np

from ...tensor import Tensor, cat, where, zeros
from ...tensor.functions.indexing import getitem
from .lookup import by_frequency, shrink_rows


def embedding_bag(input, weight, offsets=None, max_norm=None, norm_type: float = 2, scale_grad_by_freq: bool = False,
                  mode: str = "mean", sparse: bool = False, per_sample_weights=None, include_last_offset: bool = False,
                  padding_idx: int | None = None) -> Tensor:
    """The rows of weight (V, D) at each bag's ids, reduced: (bags, D). An empty bag gives zeros.

    input (bags, L), or with offsets (bags,), where the bags begin, (all ids,). mode: sum (which alone takes
    per_sample_weights), mean or max. Ids equal to padding_idx count for nothing. `sparse` has no effect.
    """
    ids, begins = _bags(input, offsets, include_last_offset)
    _check(ids, weight, mode, per_sample_weights, input)
    if max_norm is not None:
        shrink_rows(weight, ids, max_norm, norm_type)
    bags = np.repeat(np.arange(len(begins)), np.diff([*begins, ids.numel()]))
    counted = None if padding_idx is None else ids.detach().numpy() != padding_idx % weight.shape[0]
    if counted is not None and not counted.all():
        kept = Tensor._from_array(np.nonzero(counted)[0])
        ids, bags = ids.index_select(0, kept), bags[counted]
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights.reshape(-1).index_select(0, kept)
    rows = getitem(weight, ids)
    if scale_grad_by_freq and weight.requires_grad:
        rows = by_frequency(rows, ids, weight.shape[0])
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1, 1)
    counts = np.bincount(bags, minlength=len(begins))
    return _largest(rows, bags, counts) if mode == "max" else _added(rows, bags, counts, mode)


def _bags(input, offsets, include_last: bool) -> tuple[Tensor, np.ndarray]:
    """All ids in a row, and where each bag begins."""
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError("embedding_bag: if input is 2D, then offsets has to be None, as input is treated is a mini-batch of "
                             "fixed length sequences")
        count, length = input.shape
        return input.reshape(-1), np.arange(count) * length
    if input.dim() != 1:
        raise ValueError(f"embedding_bag: input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}")
    if offsets is None:
        raise ValueError("embedding_bag: offsets has to be a 1D Tensor but got None")
    if offsets.dim() != 1:
        raise ValueError(f"embedding_bag: offsets has to be a 1D Tensor, got {list(offsets.shape)}")
    begins = offsets.numpy().astype(np.int64)
    begins = begins[:-1] if include_last else begins
    if begins.size and begins[0] != 0:
        raise RuntimeError(f"embedding_bag: offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
                           f"position 0. However, got {begins[0]}")
    if begins.size and begins[-1] > input.numel():
        raise RuntimeError(f"embedding_bag: offsets[-1] can not be greater than input's length({input.numel()}), got "
                           f"{begins[-1]}")
    return input, begins


def _check(ids, weight, mode: str, per_sample_weights, input) -> None:
    if ids.dtype.name not in ("int32", "int64"):
        raise RuntimeError(f"embedding_bag: Expected tensor for argument 'indices' to have one of the following scalar types: "
                           f"Long, Int; but got {ids.dtype.name}")
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode has to be one of sum, mean or max, got {mode!r}")
    if per_sample_weights is not None:
        if mode != "sum":
            raise NotImplementedError("embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for "
                                      f"mode='sum' (got mode='{mode}').")
        if per_sample_weights.shape != input.shape:
            raise ValueError(f"embedding_bag: If per_sample_weights ({list(per_sample_weights.shape)}) is not None, then it must "
                             f"have the same shape as the input ({list(input.shape)})")
    value = input.node.value
    if value is not None and value.size and (value.min() < 0 or value.max() >= weight.shape[0]):
        raise RuntimeError(f"embedding_bag: Expected idx >= 0 && idx < num_embeddings, but found ids from {value.min()} to "
                           f"{value.max()} for {weight.shape[0]} rows")


def _added(rows: Tensor, bags: np.ndarray, counts: np.ndarray, mode: str) -> Tensor:
    blank = zeros(len(counts), rows.shape[1], dtype=rows.dtype)
    total = blank.index_add(0, Tensor._from_array(bags), rows)
    if mode == "sum":
        return total
    return total / Tensor._from_array(np.maximum(counts, 1)).to(rows.dtype).unsqueeze(1)


def _largest(rows: Tensor, bags: np.ndarray, counts: np.ndarray) -> Tensor:
    """Bags side by side, filled up with -inf."""
    longest = int(counts.max(initial=0))
    if not longest:
        return zeros(len(counts), rows.shape[1], dtype=rows.dtype)
    place = np.full((len(counts), longest), len(bags))
    order = np.arange(len(bags)) - np.repeat(np.cumsum(counts) - counts, counts)
    place[bags, order] = np.arange(len(bags))
    filler = zeros(1, rows.shape[1], dtype=rows.dtype) - math.inf
    side = cat([rows, filler]).index_select(0, Tensor._from_array(place.reshape(-1)))
    found = side.reshape(*place.shape, -1).max(1)[0]
    return where(Tensor._from_array(counts == 0).unsqueeze(1), 0.0, found)
