"""Losses (L 3.1, N 2.1). `reduction` is mean, sum or none throughout."""

from __future__ import annotations

import math

import numpy as np

from ...core.dtypes import int64
from ...graph import ops
from ...tensor import Tensor, broadcast_shapes, log_softmax, where
from ...tensor.autocast import raised
from ...tensor.operands import pair
from ...tensor.tensor import wrap
from .activation import logsigmoid, softplus
from .linear import pairwise_distance

COSINE_EPSILON = 1e-12  # added to squared lengths, as PyTorch does


def _reduced(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction: use 'mean', 'sum' or 'none'")


def _legacy(size_average, reduce, reduction: str) -> str:
    """The arguments that `reduction` replaced."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def _weighted(loss: Tensor, weight, input: Tensor, reduction: str) -> Tensor:
    """The mean is weighted too: divided by the sum of the weights."""
    if weight is None:
        return _reduced(loss, reduction)
    if weight.shape != input.shape:
        raise ValueError(f"Weights and input must have the same size, got {list(weight.shape)} and {list(input.shape)}.")
    return (loss * weight).sum() / weight.sum() if reduction == "mean" else _reduced(loss * weight, reduction)


@raised
def mse_loss(input, target, size_average=None, reduce=None, reduction: str = "mean", weight=None):
    """(x - t)^2"""
    return _weighted((input - target).square(), weight, input, _legacy(size_average, reduce, reduction))


@raised
def l1_loss(input, target, size_average=None, reduce=None, reduction: str = "mean", weight=None):
    """|x - t|"""
    return _weighted((input - target).abs(), weight, input, _legacy(size_average, reduce, reduction))


@raised
def huber_loss(input, target, reduction: str = "mean", delta: float = 1.0, weight=None):
    """(x - t)^2 / 2 within delta of the target, delta (|x - t| - delta / 2) beyond."""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    gap = (input - target).abs()
    loss = where(gap < delta, gap.square() * 0.5, (gap - 0.5 * delta) * delta)
    return _reduced(loss if weight is None else loss * weight, reduction)


@raised
def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction: str = "mean", beta: float = 1.0):
    """huber_loss / beta; l1_loss for beta 0."""
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    reduction = _legacy(size_average, reduce, reduction)
    return l1_loss(input, target, reduction=reduction) if beta == 0 else huber_loss(input, target, reduction, beta) / beta


@raised
def nll_loss(input, target, weight=None, size_average=None, ignore_index: int = -100, reduce=None, reduction: str = "mean"):
    """-w_t x_t for log-probabilities input (N, C, ...) and classes target (N, ...); the mean is weighted by w.

    Targets equal to ignore_index count for nothing. Raises IndexError for a class outside [0, C).
    """
    reduction = _legacy(size_average, reduce, reduction)
    if input.dim() < 1:
        raise ValueError(f"nll_loss: Expected 1 or more dimensions (got {input.dim()})")
    if input.dim() == 1:
        return nll_loss(input.unsqueeze(0), target.reshape(1), weight, None, ignore_index, None, reduction).reshape(
            () if reduction != "none" or target.dim() == 0 else (1,))
    _check_classes(input, target, ignore_index)
    used = target != ignore_index
    classes = where(used, target, 0)
    picked = -input.gather(1, classes.unsqueeze(1)).squeeze(1)  # (N, ...)
    if weight is None:
        loss = where(used, picked, 0.0)
        total = used.to(input.dtype).sum()
    else:
        scale = where(used, weight[classes], 0.0)
        loss = where(used, picked, 0.0) * scale
        total = scale.sum()
    return loss.sum() / total if reduction == "mean" else _reduced(loss, reduction)


def _check_classes(input, target, ignore_index: int) -> None:
    if target.dtype is not int64:
        raise RuntimeError(f"expected scalar type Long for the target classes but found {target.dtype.name}")
    wanted = (input.shape[0], *input.shape[2:])
    if tuple(target.shape) != wanted:
        raise ValueError(f"cross_entropy: Expected target size {list(wanted)}, got {list(target.shape)} for input "
                         f"{list(input.shape)}: one class for each row")
    known = target.node.value
    if known is not None and known.size:
        wrong = known[(known != ignore_index) & ((known < 0) | (known >= input.shape[1]))]
        if wrong.size:
            raise IndexError(f"Target {int(wrong.flat[0])} is out of bounds: classes lie in [0, {input.shape[1]})")


@raised
def cross_entropy(input, target, weight=None, size_average=None, ignore_index: int = -100, reduce=None,
                  reduction: str = "mean", label_smoothing: float = 0.0):
    """-log softmax(input)_target for logits (N, C, ...) and classes (N, ...), or probabilities of input's shape (L 3.1).

    With label_smoothing s the target is 1 - s on the class and s / C on each.
    """
    reduction = _legacy(size_average, reduce, reduction)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if input.dim() == 0:
        raise RuntimeError("cross_entropy: logits need a class dimension, got a 0-d tensor")
    dim = 0 if input.dim() == 1 else 1
    logs = log_softmax(input, dim)
    if target.dtype.is_floating_point:
        return _soft_cross_entropy(logs, target, weight, label_smoothing, reduction, dim)
    hard = nll_loss(logs, target, weight, ignore_index=ignore_index, reduction=reduction)
    if label_smoothing == 0:
        return hard
    return (1 - label_smoothing) * hard + label_smoothing * _uniform_part(logs, target, weight, ignore_index, reduction, dim)


def _uniform_part(logs, target, weight, ignore_index: int, reduction: str, dim: int) -> Tensor:
    """The mean of -w log p over the classes: what smoothing adds."""
    classes = logs.shape[dim]
    used = target != ignore_index
    scaled = logs if weight is None else logs * weight.reshape(*[-1 if i == dim else 1 for i in range(logs.dim())])
    loss = where(used, -scaled.sum(dim) / classes, 0.0)
    if reduction != "mean":
        return _reduced(loss, reduction)
    counts = used.to(logs.dtype) if weight is None else where(used, weight[where(used, target, 0)], 0.0)
    return loss.sum() / counts.sum()


def _soft_cross_entropy(logs, target, weight, smoothing: float, reduction: str, dim: int) -> Tensor:
    if target.shape != logs.shape:
        raise RuntimeError(f"cross_entropy: probabilities {list(target.shape)} must have the shape of the logits "
                           f"{list(logs.shape)}")
    classes = logs.shape[dim]
    target = target if smoothing == 0 else target * (1 - smoothing) + smoothing / classes
    terms = logs * target
    if weight is not None:
        terms = terms * weight.reshape(*[-1 if i == dim else 1 for i in range(logs.dim())])
    loss = -terms.sum(dim)
    return loss.sum() / max(loss.numel(), 1) if reduction == "mean" else _reduced(loss, reduction)


@raised
def binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None, reduction: str = "mean"):
    """-(t log p + (1 - t) log(1 - p)) for probabilities p; the logarithms are held above -100 (N 2.1.1)."""
    if target.shape != input.shape:
        raise ValueError(f"Using a target size ({list(target.shape)}) that is different to the input size "
                         f"({list(input.shape)}) is deprecated. Please ensure they have the same size.")
    value = input.node.value
    if value is not None and value.size and not bool(np.all((value >= 0) & (value <= 1))):
        raise RuntimeError("all elements of input should be between 0 and 1")
    loss = wrap(ops.binary_cross_entropy(*pair(input, target, "binary_cross_entropy")))
    return _reduced(loss if weight is None else loss * weight, _legacy(size_average, reduce, reduction))


@raised
def binary_cross_entropy_with_logits(input, target, weight=None, size_average=None, reduce=None, reduction: str = "mean",
                                     pos_weight=None):
    """binary_cross_entropy of sigmoid(input), without overflow (N 2.1.1)."""
    if target.shape != input.shape:
        raise ValueError(f"Target size ({list(target.shape)}) must be the same as input size ({list(input.shape)})")
    if pos_weight is None:
        loss = (1 - target) * input - logsigmoid(input)
    else:
        loss = (1 - target) * input - (1 + (pos_weight - 1) * target) * logsigmoid(input)
    return _reduced(loss if weight is None else loss * weight, _legacy(size_average, reduce, reduction))


@raised
def kl_div(input, target, size_average=None, reduce=None, reduction: str = "mean", log_target: bool = False):
    """t (log t - x) for log-probabilities x; with log_target, e^t (t - x). "batchmean" divides by the batch size."""
    if log_target:
        loss = target.exp() * (target - input)
    else:
        none = target == 0
        loss = where(none, 0.0, target * where(none, 1.0, target).log()) - target * input
    if reduction == "batchmean":
        return loss.sum() / (input.shape[0] if input.dim() else 1)
    return _reduced(loss, _legacy(size_average, reduce, reduction))


def gaussian_nll_loss(input, target, var, full: bool = False, eps: float = 1e-6, reduction: str = "mean"):
    """(log var + (x - t)^2 / var) / 2, plus log(2 pi) / 2 with full; var is held above eps."""
    if isinstance(var, float):
        if var < 0:
            raise ValueError(f"gaussian_nll_loss: var has negative entry/entries: {var}")
        var = input.detach() * 0 + var
    if var.shape != input.shape:
        if var.shape == input.shape[:-1]:
            var = var.unsqueeze(-1)
        elif var.dim() != input.dim() or [v for v, n in zip(var.shape, input.shape) if v != n] != [1]:
            raise ValueError(f"gaussian_nll_loss: var is of incorrect size {list(var.shape)} for input {list(input.shape)}; it "
                             "takes the input's shape, that with one dimension of 1, or that without the last")
    held = var + (var.detach().clamp_min(eps) - var.detach())
    loss = 0.5 * (held.log() + (input - target).square() / held)
    return _reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


@raised
def poisson_nll_loss(input, target, log_input: bool = True, full: bool = False, size_average=None, eps: float = 1e-8,
                     reduce=None, reduction: str = "mean"):
    """e^x - t x, or x - t log(x + eps) without log_input; full adds Stirling's t log t - t + log(2 pi t) / 2 for t > 1."""
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        t = where(target > 1, target, 1.0)
        loss = loss + where(target > 1, t * t.log() - t + 0.5 * (2 * math.pi * t).log(), t * 0)
    return _reduced(loss, _legacy(size_average, reduce, reduction))


@raised
def hinge_embedding_loss(input, target, margin: float = 1.0, size_average=None, reduce=None, reduction: str = "mean"):
    """x where t = 1, max(0, margin - x) where t = -1."""
    near = where(target != -1, input, input * 0)
    far = where(target != 1, (margin - input).clamp_min(0), input * 0)
    return _reduced(near + far, _legacy(size_average, reduce, reduction))


@raised
def margin_ranking_loss(input1, input2, target, margin: float = 0, size_average=None, reduce=None, reduction: str = "mean"):
    """max(0, -t (x1 - x2) + margin)"""
    return _reduced((-target * (input1 - input2) + float(margin)).clamp_min(0), _legacy(size_average, reduce, reduction))


@raised
def soft_margin_loss(input, target, size_average=None, reduce=None, reduction: str = "mean"):
    """log(1 + e^(-t x)); the target broadcasts to the input. Raises RuntimeError where the input would have to be repeated."""
    if tuple(broadcast_shapes(input.shape, target.shape)) != tuple(input.shape):
        raise RuntimeError(f"soft_margin_loss: output with shape {list(input.shape)} doesn't match the broadcast shape of input "
                           f"and target, {list(target.shape)}")
    return _reduced(softplus(-target * input), _legacy(size_average, reduce, reduction))


@raised
def cosine_embedding_loss(input1, input2, target, margin: float = 0, size_average=None, reduce=None, reduction: str = "mean"):
    """1 - cos where t = 1, max(0, cos - margin) where t = -1."""
    squares = ((input1 * input1).sum(-1) + COSINE_EPSILON) * ((input2 * input2).sum(-1) + COSINE_EPSILON)
    similarity = (input1 * input2).sum(-1) / squares.sqrt()
    loss = where(target == 1, 1 - similarity, (similarity - margin).clamp_min(0))
    return _reduced(loss, _legacy(size_average, reduce, reduction))


@raised
def triplet_margin_loss(anchor, positive, negative, margin: float = 1.0, p: float = 2, eps: float = 1e-6, swap: bool = False,
                        size_average=None, reduce=None, reduction: str = "mean"):
    """max(0, d(a, p) - d(a, n) + margin) (L 3.1); with swap, the nearer of d(a, n) and d(p, n)."""
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    away = pairwise_distance(anchor, negative, p, eps)
    if swap:
        away = away.minimum(pairwise_distance(positive, negative, p, eps))
    loss = (pairwise_distance(anchor, positive, p, eps) - away + margin).clamp_min(0)
    return _reduced(loss, _legacy(size_average, reduce, reduction))


