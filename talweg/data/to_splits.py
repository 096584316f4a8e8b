"""From what a source gives to training, validation and test data."""

from __future__ import annotations

import math

import numpy as np

from .arrays import ArrayDataset
from .examples import PARTS, Examples, Rows, content_hash
from .leaks import duplicate_note, leak_note, leaks
from .partition import FRACTIONS, partition
from .splits import Splits

STATISTICS_VALUES = 1 << 26  # of the training part, that mean and deviation are measured on
VALUES_AT_ONCE = 1 << 21
LEAST_ROWS = 64


def to_splits(examples: Examples, seed: int = 0) -> Splits:
    """Cut what the user has not cut, report what stands on both sides, and scale by the training part.

    Raises ValueError when there are too few samples for three parts.
    """
    parts, notes = cut(examples, seed)
    inputs = examples.finish(parts[0]) if examples.finish else examples.inputs
    mean, std = _statistics(inputs, parts[0]) if examples.kind != "numbers" else (0.0, 1.0)
    train, validation, test = (ArrayDataset(inputs, examples.targets, part, mean, std) for part in parts)
    return Splits(
        name=examples.name, train=train, validation=validation, test=test, classes=examples.classes,
        input_shape=tuple(inputs.shape[1:]), mean=mean, std=std, kind=examples.kind, notes=examples.notes + notes,
        fingerprint=_fingerprint(examples),
    )


def cut(examples: Examples, seed: int) -> tuple[list[np.ndarray], list[str]]:
    """Index arrays of the three parts, and what there is to say about them."""
    contents = examples.contents
    fixed = np.full(len(examples), -1) if examples.fixed is None else examples.fixed
    parts = [np.flatnonzero(fixed == p) for p in range(len(PARTS))]
    notes = []
    if not len(parts[0]):
        notes = duplicate_note(contents, examples.targets) if contents is not None else []
        parts = _new_parts(examples, np.arange(len(examples)), FRACTIONS, seed)
    else:
        for p in (1, 2):
            if not len(parts[p]):
                share = FRACTIONS[p]
                parts[0], parts[p] = _new_parts(examples, parts[0], (1 - share, share), seed)
                notes.append(f"no {PARTS[p]} split is given: {share:.0%} of the training samples became one")
    if contents is not None:
        notes += leak_note(leaks(contents, parts), examples.where)
    return [np.sort(part) for part in parts], notes


def _new_parts(examples: Examples, among: np.ndarray, fractions, seed: int) -> list[np.ndarray]:
    labels = examples.targets[among] if examples.classes else np.zeros(len(among), np.int64)
    try:
        found = partition(labels, fractions, seed, _groups(examples, among))
    except ValueError as error:
        raise ValueError(f"{examples.name}: {error}") from error
    return [among[part] for part in found]


def _groups(examples: Examples, among: np.ndarray) -> np.ndarray | None:
    """Samples that must stay together: those of a user's group, and those of equal content."""
    if examples.groups is None and examples.contents is None:
        return None
    leader: dict = {}
    parent = list(range(len(among)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for place, i in enumerate(among.tolist()):
        keys = []
        if examples.groups is not None:
            keys.append(("group", examples.groups[i]))
        if examples.contents is not None:
            keys.append(("content", examples.contents[i]))
        for key in keys:
            parent[root(place)] = root(leader.setdefault(key, place))
    return np.array([root(i) for i in range(len(among))], np.int64)


def _statistics(inputs: Rows, train: np.ndarray) -> tuple[float, float]:
    """Mean and deviation of values in [0, 1], over training rows spread evenly; a few are in memory at a time."""
    row = math.prod(inputs.shape[1:])
    count = max(LEAST_ROWS, min(len(train), STATISTICS_VALUES // max(1, row)))
    chosen = train[:: max(1, len(train) // count)]
    at_once = max(1, VALUES_AT_ONCE // max(1, row))
    scale = 255.0 if inputs.dtype == np.uint8 else 1.0
    total = np.zeros(3)  # values, their sum, the sum of their squares
    for start in range(0, len(chosen), at_once):
        values = np.asarray(inputs[chosen[start:start + at_once]], np.float64) / scale
        total += [values.size, values.sum(), np.square(values).sum()]
    mean = total[1] / total[0]
    std = math.sqrt(max(0.0, total[2] / total[0] - mean**2))
    return float(mean), std if std > 1e-6 else 1.0


def _fingerprint(examples: Examples) -> str | None:
    if examples.fingerprint is not None or examples.contents is None:
        return examples.fingerprint
    return content_hash(b"".join(examples.contents), np.asarray(examples.targets)).hex()
