"""Losses that compare classes with each other, and one that chooses its own distance (L 3.1)."""

from __future__ import annotations

import math
from collections.abc import Callable

from ...core.dtypes import int64
from ...tensor import Tensor, gather, where, zeros_like
from ...tensor.autocast import raised
from .activation import logsigmoid
from .linear import linear, pairwise_distance
from .loss import _legacy, _reduced, cross_entropy


def _rows(input, target, call: str, target_dims: int) -> tuple[Tensor, Tensor, bool]:
    """Input (N, C) and its target, with a batch of one put round a single sample."""
    single = input.dim() < 2
    if input.dim() > 2 or not input.numel() and single:
        raise RuntimeError(f"{call}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
                           f"{list(input.shape)}")
    x = input.reshape(1, -1) if single else input
    t = target.reshape(1, -1) if target_dims == 2 and target.dim() < 2 else target
    t = t.reshape(1) if target_dims == 1 and t.dim() == 0 else t
    wanted = (x.shape[0],) if target_dims == 1 else tuple(x.shape)
    if tuple(t.shape) != wanted:
        raise RuntimeError(f"{call}: inconsistent target size: {list(target.shape)} for input {list(input.shape)}; expected "
                           f"{list(wanted)}")
    if t.dtype is not int64:
        raise RuntimeError(f"{call}: expected scalar type Long for the target but found {t.dtype.name}")
    return x, t, single


@raised
def multi_margin_loss(input, target, p: int = 1, margin: float = 1.0, weight=None, size_average=None, reduce=None,
                      reduction: str = "mean"):
    """sum over the other classes i of w_t max(0, margin - x_t + x_i)^p / C for input (N, C) and classes (N,); p is 1 or 2."""
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: only p == 1 and p == 2 supported, got {p}")
    if weight is not None and weight.dim() != 1:
        raise ValueError(f"multi_margin_loss: weight must be one-dimensional, got {list(weight.shape)}")
    x, t, single = _rows(input, target, "multi_margin_loss", 1)
    classes = x.shape[1]
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(f"multi_margin_loss: inconsistent weight size, expected {classes} but got {list(weight.shape)}")
    column = t.unsqueeze(1)
    gap = (margin - gather(x, 1, column) + x).clamp_min(0)
    gap = (gap if p == 1 else gap * gap).scatter(1, column, 0.0)
    if weight is not None:
        gap = gap * weight[t].unsqueeze(1)
    loss = gap.sum(1) / classes
    return _reduced(loss.squeeze(0) if single else loss, _legacy(size_average, reduce, reduction))


@raised
def multilabel_margin_loss(input, target, size_average=None, reduce=None, reduction: str = "mean"):
    """sum over targets j and other classes i of max(0, 1 - (x_j - x_i)) / C. A row of the target lists its classes, up to the
    first -1."""
    x, t, single = _rows(input, target, "multilabel_margin_loss", 2)
    classes = x.shape[1]
    listed = (t < 0).to(int64).cumsum(1) == 0  # (N, C): before the first -1
    named = where(listed, t, 0)
    is_target = zeros_like(x).scatter_add(1, named, listed.to(x.dtype)) > 0
    wanted = gather(x, 1, named)  # (N, targets)
    gaps = (1 - wanted.unsqueeze(2) + x.unsqueeze(1)).clamp_min(0)  # (N, targets, classes)
    counted = listed.unsqueeze(2) & ~is_target.unsqueeze(1)
    loss = where(counted, gaps, 0.0).sum((1, 2)) / classes
    return _reduced(loss.squeeze(0) if single else loss, _legacy(size_average, reduce, reduction))


def multilabel_soft_margin_loss(input, target, weight=None, size_average=None, reduce=None, reduction: str = "mean"):
    """-(t log sigmoid(x) + (1 - t) log sigmoid(-x)), its mean over the classes, which are the last dimension."""
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    loss = loss if weight is None else loss * weight
    return _reduced(loss.sum(-1) / input.shape[-1], _legacy(size_average, reduce, reduction))


def triplet_margin_with_distance_loss(anchor, positive, negative, *, distance_function: Callable | None = None,
                                      margin: float = 1.0, swap: bool = False, reduction: str = "mean"):
    """max(0, d(a, p) - d(a, n) + margin) for any distance d; with swap, the nearer of d(a, n) and d(p, n)."""
    if margin <= 0:
        raise ValueError(f"triplet_margin_with_distance_loss: margin must be greater than 0, got {margin}")
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError("triplet_margin_with_distance_loss: The anchor, positive, and negative tensors are expected to have "
                           f"the same number of dimensions, but got: anchor {anchor.dim()}D, positive {positive.dim()}D, and "
                           f"negative {negative.dim()}D inputs")
    distance = pairwise_distance if distance_function is None else distance_function
    away = distance(anchor, negative)
    if swap:
        away = away.minimum(distance(positive, negative))
    return _reduced((distance(anchor, positive) - away + margin).clamp_min(0), reduction)


def linear_cross_entropy(input, linear_weight, target, *, linear_bias=None, weight=None, reduction: str = "mean",
                         ignore_index: int | None = None, label_smoothing: float = 0.0, options=None):
    """cross_entropy of linear(input, linear_weight, linear_bias): input (N, in), linear_weight (C, *, in), target (N, *).

    `options` choose how PyTorch splits the work; here they have no effect.
    """
    shape = tuple(linear_weight.shape)
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = linear(input, linear_weight.reshape(math.prod(shape[:-1]), shape[-1]), bias)
    logits = logits.reshape(*input.shape[:-1], *shape[:-1])
    ignored = -100 if ignore_index is None else ignore_index
    return cross_entropy(logits, target, weight, ignore_index=ignored, reduction=reduction, label_smoothing=label_smoothing)


