"""Metric learning (L 3.1): a network that brings samples of one class together and keeps those of two apart.

The triplet loss of an anchor a, a positive b of its class and a negative c of another is max(0, 1 - d(a, c) + d(a, b)) for
distances d of their embeddings (Schroff et al., FaceNet, 2015). Nothing in it names a class: it answers whether two pictures
show the same one, as in recognising faces, and finds the class by the nearest neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

from .. import nn, optim
from ..compile.engine import compile_at_first_sight
from ..data.order import permutation, uniform
from ..models.mlp import MLP
from ..nn import functional as F
from ..tensor import Tensor, from_numpy, manual_seed, no_grad
from .figures import COLOURS, new_panels
from .learning import Digits, load_digits
from .ranks import auroc
from .shown import Claim, Shown, Table

NEAREST, VERIFIED = 0.94, 0.95
EMBEDDING = 16


def run(epochs: Annotated[int, "Epochs over the anchors."] = 30,
        seed: Annotated[int, "Of the digits, the triplets and the weights."] = 0) -> Shown:
    """Embeddings of the digits in 16 dimensions, learned from triplets. The class of each of 360 other digits is that of the
    nearest of the 1,200; and pairs of others are told to be of one class by their distance.

    Raises ValueError for less than 1 epoch.
    """
    if epochs < 1:
        raise ValueError(f"metric: --epochs must be at least 1, got {epochs}")
    digits = load_digits(seed)
    manual_seed(seed)
    model = MLP([64, 128, EMBEDDING])
    before = measure(model, digits)
    losses = learn(model, digits, epochs, seed)
    after = measure(model, digits)
    return Shown(
        title=f"the triplet loss on digits, {epochs} epochs",
        tables=[_table(before, after)],
        facts={"epochs": epochs, "losses": losses, "nearest": after.nearest, "auroc": after.auroc,
               "untrained": {"nearest": before.nearest, "auroc": before.auroc}},
        figures={"metric": partial(figure, after, digits.test_y.numpy())},
        claims=[
            Claim("classes right by the nearest neighbour", after.nearest, ">=", NEAREST),
            Claim("area under the curve: distance against being of two classes", after.auroc, ">=", VERIFIED),
            Claim("and how much that is above the untrained network's", after.auroc - before.auroc, ">", 0.0),
        ],
    )


def learn(model: nn.Module, digits: Digits, epochs: int, seed: int, batch: int = 100) -> list[float]:
    """Adam; every epoch each digit is an anchor once, with a positive and a negative of its own. Mean losses by epoch."""
    optimizer = optim.Adam(model.parameters(), 1e-3)
    labels, losses = digits.y.numpy(), []
    with compile_at_first_sight():
        for epoch in range(epochs):
            anchors = permutation(len(labels), seed, "anchors", epoch)
            positives, negatives = partners(labels, anchors, seed, epoch)
            total = 0.0
            for start in range(0, len(anchors) - batch + 1, batch):
                a, b, c = (model(digits.x[from_numpy(part[start:start + batch])]) for part in (anchors, positives, negatives))
                loss = F.triplet_margin_loss(a, b, c, margin=1.0)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.item()
            losses.append(total / (len(anchors) // batch))
    return losses


def partners(labels: np.ndarray, anchors: np.ndarray, seed: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """For each anchor another sample of its class and one of another class, both evenly drawn."""
    by_class = np.argsort(labels, kind="stable")  # each class is a stretch of it
    first = np.searchsorted(labels[by_class], labels[anchors])
    count = np.bincount(labels)[labels[anchors]]
    place = np.empty(len(labels), np.int64)
    place[by_class] = np.arange(len(labels))
    u, v = (uniform(len(anchors), seed, purpose, epoch) for purpose in ("positive", "negative"))
    # Places are counted from the anchor on, round its class's stretch; or from that stretch's end on, round everything.
    own = first + (place[anchors] - first + 1 + (u * (count - 1)).astype(np.int64)) % count
    other = (first + count + (v * (len(labels) - count)).astype(np.int64)) % len(labels)
    return by_class[own], by_class[other]


@dataclass(frozen=True)
class Measured:
    """Embeddings of the test digits (N, E), distances between them (N, N), and what follows."""

    embeddings: np.ndarray
    distances: np.ndarray
    nearest: float
    auroc: float


def measure(model: nn.Module, digits: Digits) -> Measured:
    known, new = _embedded(model, digits.x), _embedded(model, digits.test_x)
    labels = digits.test_y.numpy()
    right = digits.y.numpy()[distances(new, known).argmin(1)] == labels
    between = distances(new, new)
    upper = np.triu_indices(len(labels), 1)
    differ = (labels[:, None] != labels[None])[upper]
    return Measured(new, between, float(right.mean()), auroc(between[upper], differ))


def _embedded(model: nn.Module, x: Tensor) -> np.ndarray:
    model.eval()
    with no_grad():
        return model(x).double().numpy()


def distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Euclidean distances (N, M) of rows (N, E) and (M, E)."""
    return np.sqrt(((x[:, None] - y[None]) ** 2).sum(2))


def _table(before: Measured, after: Measured) -> Table:
    rows = [["network", "nearest neighbour right", "area under the curve of pairs"]]
    rows += [[name, f"{m.nearest:.1%}", f"{m.auroc:.3f}"] for name, m in (("untrained", before), ("trained", after))]
    return Table("360 digits that were not learned from", rows)


def figure(found: Measured, labels: np.ndarray) -> Any:
    """Distances within and between classes; the embeddings along their two widest directions."""
    figure, ((hist, plane),) = new_panels(1, 2, 10.6, 4.4)
    upper = np.triu_indices(len(labels), 1)
    same = (labels[:, None] == labels[None])[upper]
    edges = np.linspace(0, found.distances.max(), 50)
    for chosen, name, colour in ((same, "of one class", COLOURS[0]), (~same, "of two", COLOURS[1])):
        hist.hist(found.distances[upper][chosen], edges, density=True, alpha=0.7, color=colour, label=f"pairs {name}")
    hist.set_xlabel("distance of the embeddings")
    hist.set_yticks([])
    hist.set_title("distances between digits")
    hist.legend(frameon=False, fontsize=9)
    centred = found.embeddings - found.embeddings.mean(0)
    flat = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    for label in range(10):
        for x, y in flat[labels == label]:
            plane.text(x, y, str(label), fontsize=7, color=_colour(label), ha="center", va="center")
    plane.set_xlim(flat[:, 0].min() - 0.5, flat[:, 0].max() + 0.5)
    plane.set_ylim(flat[:, 1].min() - 0.5, flat[:, 1].max() + 0.5)
    plane.set_title("embeddings along their two widest directions")
    return figure


def _colour(label: int) -> str:
    return (*COLOURS, "#5b5f66", "#d0607f", "#4aa3a2", "#7a5230", "#22262b")[label]
