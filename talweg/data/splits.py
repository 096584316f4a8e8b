"""What a named dataset gives, and the fair way to cut one into disjoint parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Splits:
    """The three disjoint parts of a labelled dataset, and what is needed to prepare a new input alike.

    Inputs were scaled to [0, 1], then had `mean` subtracted and were divided by `std`. `classes` is empty where the
    targets are numbers. `kind` says what inputs are: drawing (light ink on a dark page), image, or numbers, of which
    no single file is one. `notes` are lines the user should see; `fingerprint` stands for the content of all samples.
    """

    name: str
    train: Any
    validation: Any
    test: Any
    classes: list[str]
    input_shape: tuple[int, ...]
    mean: float
    std: float
    native_size: int | None = None
    kind: str = "drawing"
    notes: list[str] = field(default_factory=list)
    fingerprint: str | None = None

    def part(self, name: str) -> Any:
        """The split called train, validation or test. Raises ValueError for another name."""
        if name not in ("train", "validation", "test"):
            raise ValueError(f"no split is called {name!r}: choose train, validation or test")
        return getattr(self, name)


def stratified(labels: np.ndarray, counts: Sequence[int], order: np.ndarray) -> list[np.ndarray]:
    """Disjoint index arrays of the given sizes, each with the classes in nearly the same proportion.

    Within the shuffled `order`, sample k of a class with n samples gets the key (k + 1/2) / n; cutting
    the samples sorted by that key takes each class's share in each part to within one sample.
    Raises ValueError when the counts do not add up to the number of labels.
    """
    if sum(counts) != len(labels):
        raise ValueError(f"stratified: counts {list(counts)} must add up to the {len(labels)} samples")
    shuffled = labels[order]
    keys = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(shuffled == label)
        keys[members] = (np.arange(len(members)) + 0.5) / len(members)
    by_key = order[np.argsort(keys, kind="stable")]
    parts = np.split(by_key, np.cumsum(counts)[:-1])
    return [np.sort(part) for part in parts]
