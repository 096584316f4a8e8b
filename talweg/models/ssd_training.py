"""What SSD learns (L 6.3): which default box stands for which object, and the two losses.

Liu, Anguelov, Erhan, Szegedy, Reed, Fu, Berg, SSD: single shot multibox detector (2016), section 2.2.
"""

from __future__ import annotations

import numpy as np

from .. import nn
from ..data.boxes import overlaps
from ..nn import functional as F
from ..tensor import Tensor, no_grad, where
from .ssd_boxes import VARIANCES

LEAST_OVERLAP = 0.5
NEGATIVES = 3.0


def corners_of(boxes: np.ndarray) -> np.ndarray:
    """(centre x, centre y, width, height) to (left, top, right, bottom), (N, 4) each."""
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)


def matched(objects: np.ndarray, boxes: np.ndarray, least: float = LEAST_OVERLAP) -> np.ndarray:
    """For each default box (N, 4, corners) the object (K, 4) that it stands for, -1 for none; int64 (N,).

    A box stands for the object that it overlaps most, where that is by `least` or more. Every object has its best box
    besides, whatever the overlap, so that none is without; where two want one box, the one that overlaps it more has it.
    """
    found = np.full(len(boxes), -1, np.int64)
    if not len(objects):
        return found
    shared = overlaps(objects, boxes)  # (K, N)
    best = shared.argmax(axis=0)
    near = shared[best, np.arange(len(boxes))] >= least
    found[near] = best[near]
    free = shared.copy()
    for _ in range(min(len(objects), len(boxes))):
        k, n = np.unravel_index(int(free.argmax()), free.shape)
        found[n] = k
        free[k] = free[:, n] = -1.0
    return found


def targets_of(objects: np.ndarray, labels: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the network should answer: offsets float32 (N, 4), 0 where there is no object, and classes int64 (N,), 0 for none.

    `objects` (K, 4) are corners in parts of the image with class numbers `labels` from 0 on, `boxes` (N, 4) the default
    boxes as centre and size.
    """
    stands_for = matched(objects, corners_of(boxes))
    positive = stands_for >= 0
    offsets = np.zeros((len(boxes), 4), np.float32)
    classes = np.zeros(len(boxes), np.int64)
    mine, default = objects[stands_for[positive]].astype(np.float64), boxes[positive]
    centres, sizes = (mine[:, :2] + mine[:, 2:]) / 2, mine[:, 2:] - mine[:, :2]
    offsets[positive, :2] = (centres - default[:, :2]) / (VARIANCES[0] * default[:, 2:])
    offsets[positive, 2:] = np.log(sizes / default[:, 2:]) / VARIANCES[1]
    classes[positive] = labels[stands_for[positive]] + 1
    return offsets, classes


class MultiBoxLoss(nn.Module):
    """L = (L_classes + L_offsets) / number of positive boxes of the batch (equation 1 of the paper, alpha = 1).

    L_offsets is the smooth L1 distance over positive boxes, L_classes the cross-entropy over these and, of each picture's
    other boxes, the `negatives` times as many with the largest loss: most boxes hold nothing and are told so easily.
    A batch without any object is divided by 1, and then its hardest `negatives` boxes a picture are learned from.
    """

    def __init__(self, negatives: float = NEGATIVES) -> None:
        super().__init__()
        self.negatives = negatives

    def forward(self, outputs: tuple[Tensor, Tensor], targets: tuple[Tensor, Tensor]) -> Tensor:
        offsets, logits = outputs  # (B, N, 4), (B, N, classes)
        wanted, classes = targets  # (B, N, 4), (B, N)
        positive = classes > 0
        count = positive.sum(dim=1, keepdim=True)  # (B, 1)
        distance = F.smooth_l1_loss(offsets, wanted, reduction="none").sum(dim=2)  # (B, N)
        loss = F.cross_entropy(logits.transpose(1, 2), classes, reduction="none")  # (B, N)
        with no_grad():
            rank = where(positive, -1.0, loss.detach()).argsort(dim=1, descending=True).argsort(dim=1)
            hard = (rank < self.negatives * count.clamp(min=1)).logical_and(positive.logical_not())
        total = where(positive, distance + loss, 0.0).sum() + where(hard, loss, 0.0).sum()
        return total / count.sum().clamp(min=1)
