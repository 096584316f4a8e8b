"""Mean average precision of detections, as COCO's own program counts it (L 6.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..data.boxes import overlaps

RECALLS = np.linspace(0, 1, 101)
COCO_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
MOST = 100  # detections of a picture and class that count


@dataclass(frozen=True)
class Found:
    """Detections in one picture: boxes (N, 4) as left, top, right, bottom, scores (N,), labels (N,)."""

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Truth:
    """Objects in one picture: boxes (K, 4), labels (K,)."""

    boxes: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Curve:
    """Precision and recall of one class with growing numbers of detections, best first; `average` is their area's mean."""

    precision: np.ndarray
    recall: np.ndarray
    average: float


def average_precisions(
    found: Sequence[Found], truth: Sequence[Truth], classes: int, thresholds: Sequence[float] = (0.5,),
) -> np.ndarray:
    """AP of each class at each threshold of overlap, (classes, thresholds); nan for a class without objects.

    AP is the mean over 101 recalls r of the best precision at a recall of r or more. A detection is right if its best free
    object of that class overlaps it by the threshold or more; a second one for the same object is wrong.
    Raises ValueError where the lists have different lengths.
    """
    return np.array([[curve_of(found, truth, c, t).average for t in thresholds] for c in range(classes)])


def mean_average_precision(aps: np.ndarray) -> float:
    """Over the classes that have objects; nan where none has."""
    known = aps[~np.isnan(aps)]
    return float(known.mean()) if len(known) else float("nan")


def curve_of(found: Sequence[Found], truth: Sequence[Truth], label: int, threshold: float) -> Curve:
    """All pictures' detections of a class by falling score, and what each adds."""
    if len(found) != len(truth):
        raise ValueError(f"average precision: detections of {len(found)} pictures, but objects of {len(truth)}")
    scores, right = [], []
    objects = 0
    for f, t in zip(found, truth):
        mine = f.labels == label
        order = np.argsort(-f.scores[mine], kind="stable")[:MOST]
        wanted = t.boxes[t.labels == label]
        objects += len(wanted)
        scores.append(f.scores[mine][order])
        right.append(matched(overlaps(f.boxes[mine][order], wanted), threshold))
    if objects == 0:
        return Curve(np.zeros(0), np.zeros(0), float("nan"))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    hits = np.cumsum(np.concatenate(right)[order])
    precision = hits / (np.arange(len(hits)) + 1)
    recall = hits / objects
    return Curve(precision, recall, _interpolated(precision, recall))


def matched(ious: np.ndarray, threshold: float) -> np.ndarray:
    """Which detections, in the order of their scores, are right: overlaps (detections, objects) to bools."""
    free = np.ones(ious.shape[1], bool)
    right = np.zeros(ious.shape[0], bool)
    for d, row in enumerate(ious):
        candidates = np.flatnonzero(free & (row >= min(threshold, 1 - 1e-10)))
        if len(candidates):
            best = candidates[len(candidates) - 1 - int(np.argmax(row[candidates][::-1]))]  # the last of equals, as in COCO
            free[best] = False
            right[d] = True
    return right


def _interpolated(precision: np.ndarray, recall: np.ndarray) -> float:
    """The mean of the best precision at each recall or above; 0 where that recall is never reached."""
    best = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, RECALLS, side="left")
    return float(np.append(best, 0.0)[places].mean())
