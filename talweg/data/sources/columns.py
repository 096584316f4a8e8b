"""Which kind of thing a column holds, and its cells as numbers for a model.

Numbers are standardised by the training rows, words of a few kinds become one-hot, texts become counts of hashed
words. Only training rows decide: a validation row must not shape what it is judged by (L 3.5).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..problems import BadSample, Problems
from .table import Table, is_missing, number_of
from .words import hashed_words

MOST_KINDS = 64  # different words of a categorical column
MOSTLY = 0.9  # this share of numbers makes a column of numbers, and the rest mistakes
TEXT_FEATURES = 1024


@dataclass(frozen=True)
class Column:
    """A column's name, kind (number, category, text or useless) and cells."""

    name: str
    kind: str
    cells: list[Any]


def column_of(name: str, cells: list[Any]) -> Column:
    """What a column holds, by looking at all of its cells."""
    present = [c for c in cells if not is_missing(c)]
    numbers = sum(number_of(c) is not None for c in present)
    kinds = Counter(map(str, present))
    if not present or len(kinds) == 1:
        return Column(name, "useless", cells)
    if numbers == len(present) or (numbers >= MOSTLY * len(present) and len(present) >= 10):
        return Column(name, "number", cells)
    if len(kinds) <= MOST_KINDS and len(kinds) <= max(2, len(present) / 2):
        return Column(name, "category", cells)
    words = np.mean([len(str(c).split()) for c in present])
    return Column(name, "text" if words >= 3 else "useless", cells)


def bad_cells(table: Table, column: Column, problems: Problems) -> set[int]:
    """Rows whose cell in a column of numbers is none, or not finite."""
    bad = set()
    for i, cell in enumerate(column.cells):
        value = number_of(cell)
        if is_missing(cell) or (value is not None and np.isfinite(value)):
            continue
        reason = f"column {column.name!r} has {_short(cell)} where the others have numbers"
        problems.found(BadSample(table.path, reason, table.rows[i]))
        bad.add(i)
    return bad


def features(columns: list[Column], train: np.ndarray) -> np.ndarray:
    """Float32 (N, features), scaled by the training rows."""
    parts = [_ENCODERS[c.kind](c, train) for c in columns if c.kind != "useless"]
    return np.ascontiguousarray(np.concatenate(parts, axis=1), dtype=np.float32)


def _numbers(column: Column, train: np.ndarray) -> np.ndarray:
    """Standardised values; missing ones become the mean, and a second column tells them where there are any."""
    values = np.array([np.nan if is_missing(c) else number_of(c) for c in column.cells], np.float64)
    missing = np.isnan(values)
    known = values[train][~missing[train]]
    mean = known.mean() if len(known) else 0.0
    std = known.std() if len(known) else 1.0
    scaled = np.where(missing, 0.0, (values - mean) / (std if std > 1e-12 * max(1.0, abs(mean)) else 1.0))
    return np.stack([scaled, missing], 1) if missing[train].any() else scaled[:, None]


def _one_hot(column: Column, train: np.ndarray) -> np.ndarray:
    """A column for each word of the training rows; others and missing ones are all zeros."""
    words = sorted({str(column.cells[i]) for i in train.tolist() if not is_missing(column.cells[i])})
    place = {word: i for i, word in enumerate(words)}
    found = np.zeros((len(column.cells), max(1, len(words))), np.float32)
    for row, cell in enumerate(column.cells):
        if not is_missing(cell) and str(cell) in place:
            found[row, place[str(cell)]] = 1
    return found


def _text(column: Column, train: np.ndarray) -> np.ndarray:
    return hashed_words(["" if is_missing(c) else str(c) for c in column.cells], TEXT_FEATURES, train)


_ENCODERS = {"number": _numbers, "category": _one_hot, "text": _text}


def where_of(path: Path, rows: list[int]):
    return lambda i: f"{path}: row {rows[i]}"


def _short(cell: Any) -> str:
    text = repr(cell)
    return text if len(text) <= 40 else f"{text[:37]}..."
