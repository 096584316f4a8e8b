"""Boxes as numbers: left, top, right, bottom. Overlap, and suppression of what was found twice (L 6.3)."""

from __future__ import annotations

import numpy as np


def areas(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) to (N,)."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of each of (N, 4) with each of (M, 4), float64 (N, M); 0 for two boxes without area."""
    a, b = (np.asarray(x, np.float64).reshape(-1, 4) for x in (a, b))
    corners = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(corners[1] - corners[0], 0, None)  # (N, M, 2)
    shared = sides[..., 0] * sides[..., 1]
    union = areas(a)[:, None] + areas(b)[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def suppressed(boxes: np.ndarray, scores: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Non-maximum suppression: indices of the boxes that stay, by falling score.

    The best box stays and those that overlap it by more than `threshold` go; then the best of the rest, and so on. Among
    equal scores the earlier box is the better. Raises ValueError where shapes differ or a score is not a number.
    """
    boxes = np.asarray(boxes, np.float64)
    scores = np.asarray(scores)
    if boxes.ndim != 2 or boxes.shape[1:] != (4,) or scores.shape != boxes.shape[:1]:
        raise ValueError(f"suppressed: needs boxes (N, 4) and scores (N,), got {list(boxes.shape)} and {list(scores.shape)}")
    if np.isnan(scores).any():
        raise ValueError("suppressed: a score is not a number")
    order = np.argsort(-scores, kind="stable")
    kept = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(best)
        order = rest[overlaps(boxes[best], boxes[rest])[0] <= threshold]
    return np.array(kept, np.int64)


def suppressed_by_class(boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """The same with each class by itself, all classes together by falling score."""
    kept = [members[suppressed(boxes[members], scores[members], threshold)]
            for members in (np.flatnonzero(labels == label) for label in np.unique(labels))]
    found = np.concatenate(kept) if kept else np.zeros(0, np.int64)
    return found[np.argsort(-scores[found], kind="stable")]
