"""How good a classifier is: error rate, confusion matrix, precision and recall, all in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..tensor import Tensor


def count_errors(outputs: Tensor, targets: Tensor) -> int:
    """How many rows of `outputs` (N, C) have their largest entry elsewhere than at `targets` (N,), or than the largest share
    of `targets` (N, C), as mixup makes them.

    A row with a NaN counts as an error. Raises ValueError when the shapes are not those.
    """
    scores = outputs.detach().numpy()
    labels = targets.numpy()
    if labels.shape == scores.shape and labels.dtype.kind == "f":
        labels = labels.argmax(axis=1)
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise ValueError(
            "count_errors: expected outputs (N, C) and targets (N,) or shares (N, C), "
            f"got {list(scores.shape)} and {list(labels.shape)}"
        )
    wrong = (scores.argmax(axis=1) != labels) | np.isnan(scores).any(axis=1)
    return int(np.count_nonzero(wrong))


def error_rate(predicted: np.ndarray, labels: np.ndarray) -> float:
    """The share of wrong predictions, in [0, 1]. Raises ValueError for none, or for unequal lengths."""
    _check(predicted, labels, "error_rate")
    return float(np.mean(predicted != labels))


def top_k_accuracy(scores: np.ndarray, labels: np.ndarray, k: int) -> float:
    """The share of rows of `scores` (N, C) whose entry at `labels` (N,) is among the k largest, in [0, 1].

    Of equal entries the first counts as the larger, as in argmax, so that k = 1 is the accuracy; a row with a NaN is wrong.
    Raises ValueError for no rows, other shapes, labels that are no columns, or k outside 1 ... C.
    """
    if scores.ndim != 2 or labels.shape != scores.shape[:1] or len(labels) == 0:
        raise ValueError(f"top_k_accuracy: expected scores (N, C) and labels (N,), N at least 1, got {list(scores.shape)} and "
                         f"{list(labels.shape)}")
    classes = scores.shape[1]
    if not 1 <= k <= classes or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"top_k_accuracy: with {classes} classes k must be 1 to {classes} and labels 0 to {classes - 1}, got "
                         f"k={k} and labels {labels.min()} to {labels.max()}")
    own = np.take_along_axis(scores, labels[:, None].astype(np.int64), axis=1)  # (N, 1)
    before = np.arange(classes) < labels[:, None]  # (N, C)
    ahead = ((scores > own) | ((scores == own) & before)).sum(axis=1)
    return float(np.mean((ahead < k) & ~np.isnan(scores).any(axis=1)))


def telling_ks(classes: int) -> list[int]:
    """The k whose top-k accuracy says something of so many classes: of 2, 3 and 5 those up to half of them."""
    return [k for k in (2, 3, 5) if 2 * k <= classes]


def area_under_curve(scores: np.ndarray, labels: np.ndarray) -> float:
    """The probability that a positive (label above 0) has a higher score than a negative, equal ones counting half: the area
    under the receiver's curve. Raises ValueError where one of both kinds lacks, for NaN, or for unequal lengths."""
    _check(scores, labels, "area_under_curve")
    positive = _both_kinds(scores, labels, "area_under_curve")
    values, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # from 1 on, the mean one for equal scores
    count = int(positive.sum())
    return float((ranks[place][positive].sum() - count * (count + 1) / 2) / (count * (len(labels) - count)))


def average_ranked_precision(scores: np.ndarray, labels: np.ndarray) -> float:
    """sum_k (R_k - R_(k-1)) P_k over thresholds from high to low, R recall and P precision; equal scores are one threshold.
    Raises as `area_under_curve` does."""
    _check(scores, labels, "average_ranked_precision")
    positive = _both_kinds(scores, labels, "average_ranked_precision")
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    right = np.cumsum(positive[order])[ends]
    gained = np.diff(right, prepend=0) / positive.sum()
    return float((gained * right / (ends + 1)).sum())


def _both_kinds(scores: np.ndarray, labels: np.ndarray, call: str) -> np.ndarray:
    positive = labels > 0
    if np.isnan(scores).any() or positive.all() or not positive.any():
        raise ValueError(f"{call}: needs numbers as scores, and labels above 0 and such that are not; got {int(positive.sum())} "
                         f"of {len(labels)} above 0, {int(np.isnan(scores).sum())} scores NaN")
    return positive


def confusion_matrix(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Counts (classes, classes): row = the true class, column = the predicted one.

    Raises ValueError when a label or a prediction is not one of the classes 0 ... classes - 1.
    """
    _check(predicted, labels, "confusion_matrix")
    both = np.concatenate([predicted, labels])
    if both.min() < 0 or both.max() >= classes:
        found = f"{both.min()} to {both.max()}"
        raise ValueError(f"confusion_matrix: classes go from 0 to {classes - 1}, got {found}")
    flat = labels.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


@dataclass(frozen=True)
class ClassScore:
    """One class: how many samples it has, which share of what was called so is so, which share was found."""

    support: int
    precision: float
    recall: float
    f1: float


def class_scores(confusion: np.ndarray) -> list[ClassScore]:
    """Precision TP / (TP + FP), recall TP / (TP + FN) and their harmonic mean by class; 0 where undefined."""
    right = np.diag(confusion).astype(np.float64)
    called = confusion.sum(axis=0)
    actual = confusion.sum(axis=1)
    precision = right / np.maximum(called, 1)
    recall = right / np.maximum(actual, 1)
    f1 = 2 * right / np.maximum(called + actual, 1)
    columns = zip(actual.tolist(), precision.tolist(), recall.tolist(), f1.tolist())
    return [ClassScore(*row) for row in columns]


def softmax(scores: np.ndarray) -> np.ndarray:
    """exp(s_i) / sum_j exp(s_j) along the last dimension, in float64, with the maximum taken out first."""
    shifted = scores.astype(np.float64) - scores.max(axis=-1, keepdims=True)
    weights = np.exp(shifted)
    return weights / weights.sum(axis=-1, keepdims=True)


def _check(predicted: np.ndarray, labels: np.ndarray, call: str) -> None:
    if predicted.ndim != 1 or predicted.shape != labels.shape or predicted.size == 0:
        raise ValueError(
            f"{call}: expected two non-empty vectors of one length, "
            f"got shapes {list(predicted.shape)} and {list(labels.shape)}"
        )
