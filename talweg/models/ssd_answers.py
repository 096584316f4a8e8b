"""From SSD's outputs to detections: boxes with classes and scores, each object once (L 6.3)."""

from __future__ import annotations

import numpy as np

from ..data.boxes import suppressed_by_class
from ..tensor import Tensor
from ..training.average_precision import Found
from .ssd_boxes import decode

CANDIDATES = 400  # of a picture, the best ones, go on to the suppression
MOST = 100


def detections(
    offsets: Tensor, logits: Tensor, boxes: Tensor, least_score: float = 0.01, overlap: float = 0.45, most: int = MOST,
) -> list[Found]:
    """Of each picture of a batch, the detections by falling score: corners in parts of the image, cut at its edges.

    `offsets` (B, N, 4), `logits` (B, N, classes) with class 0 for nothing, `boxes` (N, 4). Labels count from the first
    class that is something. Of boxes of one class that overlap by more than `overlap` the best stays.
    """
    corners = np.clip(decode(offsets, boxes).detach().numpy(), 0, 1)
    scores = logits.detach().softmax(-1).numpy()[..., 1:]
    return [_of_picture(c, s, least_score, overlap, most) for c, s in zip(corners, scores)]


def _of_picture(corners: np.ndarray, scores: np.ndarray, least: float, overlap: float, most: int) -> Found:
    which, labels = np.nonzero(scores > least)
    values = scores[which, labels]
    best = np.argsort(-values, kind="stable")[:CANDIDATES]
    which, labels, values = which[best], labels[best], values[best]
    sound = (corners[which, 2:] > corners[which, :2]).all(axis=1)
    which, labels, values = which[sound], labels[sound], values[sound]
    kept = suppressed_by_class(corners[which], values, labels, overlap)[:most]
    return Found(corners[which[kept]], values[kept], labels[kept].astype(np.int64))
