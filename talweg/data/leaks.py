"""Data leaks: the same content in two parts makes a test measure memory instead of learning (L 3.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .examples import PARTS

SHOWN = 3


@dataclass(frozen=True)
class Leak:
    """Samples `first` and `second` have equal content and lie in different parts."""

    first: int
    second: int
    parts: tuple[str, str]


def leaks(contents: Sequence[bytes], parts: Sequence[np.ndarray], names: Sequence[str] = PARTS) -> list[Leak]:
    """Each sample of a later part that an earlier part holds already."""
    seen: dict[bytes, tuple[int, str]] = {}
    found = []
    for name, part in zip(names, parts):
        here: dict[bytes, tuple[int, str]] = {}
        for i in part.tolist():
            if contents[i] in seen:
                first, where = seen[contents[i]]
                found.append(Leak(first, i, (where, name)))
            else:
                here.setdefault(contents[i], (i, name))
        seen |= here
    return found


def leak_note(found: Sequence[Leak], where: Callable[[int], str]) -> list[str]:
    """One line that counts the leaks and shows the first few, or no line."""
    if not found:
        return []
    shown = "; ".join(f"{where(k.first)} ({k.parts[0]}) = {where(k.second)} ({k.parts[1]})" for k in found[:SHOWN])
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return [f"data leak: {len(found)} samples stand in two splits, so their figures flatter the model: {shown}{more}"]


def duplicates(contents: Sequence[bytes], labels: np.ndarray) -> tuple[int, int]:
    """How many samples repeat an earlier one, and how many of these with another label."""
    first: dict[bytes, int] = {}
    repeated = contradicting = 0
    for i, content in enumerate(contents):
        before = first.setdefault(content, i)
        if before != i:
            repeated += 1
            contradicting += not np.array_equal(labels[before], labels[i])
    return repeated, contradicting


def duplicate_note(contents: Sequence[bytes], labels: np.ndarray) -> list[str]:
    """One line about repeated samples, or no line."""
    repeated, contradicting = duplicates(contents, labels)
    if not repeated:
        return []
    other = f", {contradicting} of them with another label" if contradicting else ""
    return [f"{repeated} samples repeat the content of another{other}; equal ones were kept in one split"]
