"""A graph for a network: numbered nodes, edges, features and classes from what a file says of its nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..examples import content_hash
from ..sources.table import is_missing, number_of

MOST_WORDS = 32  # a column with more different words than that names its nodes rather than describing them
UNKNOWN = -1


@dataclass
class Parsed:
    """As read: nodes by name, pairs of names, and for each column of the nodes a cell a node, None where it is missing."""

    path: Path
    names: list[str]
    edges: list[tuple[str, str]]
    columns: dict[str, list[str | None]]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class NodeGraph:
    """`edges` (E, 2) int64, each once with the smaller number first; `features` (N, F) float32, None where nodes have no columns
    besides the class; `labels` (N,) int64, -1 where the class is not known; without classes `classes` is empty."""

    name: str
    names: list[str]
    edges: np.ndarray
    features: np.ndarray | None
    labels: np.ndarray
    classes: list[str]
    notes: list[str]

    @property
    def both_directions(self) -> np.ndarray:
        """(2, 2E): every edge there and back."""
        return np.concatenate([self.edges, self.edges[:, ::-1]]).T.copy()

    @property
    def degrees(self) -> np.ndarray:
        return np.bincount(self.edges.ravel(), minlength=len(self.names))

    @property
    def fingerprint(self) -> str:
        features = np.zeros((0,)) if self.features is None else self.features
        return content_hash(*self.names, self.edges, features, self.labels, *self.classes).hex()


def plain_graph(parsed: Parsed) -> NodeGraph:
    """Without classes: all columns of the nodes are features. Raises ValueError where there is no edge."""
    edges, notes = _edges(parsed)
    features, told = _features(parsed.columns)
    labels = np.full(len(parsed.names), UNKNOWN, np.int64)
    return NodeGraph(parsed.path.name, parsed.names, edges, features, labels, [], [*parsed.notes, *notes, *told])


def node_graph(parsed: Parsed, target: str | None) -> NodeGraph:
    """Classes from the column `target`, or the last; features from the others. Loops are left out, edges that come twice are
    one. Raises ValueError where there is no edge or no column of classes."""
    column = _target(parsed, target)
    labels, classes = _classes(parsed, column)
    edges, notes = _edges(parsed)
    features, told = _features({name: cells for name, cells in parsed.columns.items() if name != column})
    unknown = int((labels == UNKNOWN).sum())
    if unknown:
        notes.append(f"{unknown} of {len(labels)} nodes have no {column}: they are predicted and not measured")
    return NodeGraph(parsed.path.name, parsed.names, edges, features, labels, classes, [*parsed.notes, *notes, *told])


def _target(parsed: Parsed, target: str | None) -> str:
    if not parsed.columns:
        raise ValueError(f"{parsed.path}: its nodes have no column of classes to learn: give one in the file or the "
                         "table of nodes")
    if target is not None and target not in parsed.columns:
        raise ValueError(f"{parsed.path}: its nodes have no column {target!r}, they have {', '.join(parsed.columns)}")
    return target or list(parsed.columns)[-1]


def _classes(parsed: Parsed, column: str) -> tuple[np.ndarray, list[str]]:
    cells = parsed.columns[column]
    known = [c for c in cells if c is not None]
    classes = sorted(set(known), key=_in_order)
    if len(classes) < 2 or 2 * len(classes) > len(known):
        raise ValueError(f"{parsed.path}: column {column!r} has {len(classes)} different values at {len(known)} nodes, so it "
                         f"holds no classes: name another with --target (there are {', '.join(parsed.columns)})")
    places = {name: i for i, name in enumerate(classes)}
    return np.array([UNKNOWN if c is None else places[c] for c in cells], np.int64), classes


def _in_order(word: str) -> tuple[float, str]:
    """Numbers by their size, words after them."""
    number = number_of(word)
    return (float("inf") if number is None else number, word)


def _edges(parsed: Parsed) -> tuple[np.ndarray, list[str]]:
    places = {name: i for i, name in enumerate(parsed.names)}
    for pair in parsed.edges:
        for name in pair:
            if name not in places:
                raise ValueError(f"{parsed.path}: an edge joins {pair[0]!r} and {pair[1]!r}, but there is no node {name!r}")
    pairs = [(places[a], places[b]) for a, b in parsed.edges]
    kept = sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})
    if not kept:
        raise ValueError(f"{parsed.path}: has no edge between two nodes")
    loops = sum(a == b for a, b in pairs)
    twice = len(pairs) - loops - len(kept)
    notes = [f"left out {loops} edges from a node to itself"] if loops else []
    return np.array(kept, np.int64), notes + ([f"{twice} edges come twice and count once"] if twice else [])


def _features(columns: dict[str, list[str | None]]) -> tuple[np.ndarray | None, list[str]]:
    """Numbers with mean 0 and deviation 1, missing ones at the mean; words as a column of 0 and 1 for each."""
    found: list[np.ndarray] = []
    notes: list[str] = []
    for name, cells in columns.items():
        numbers = [None if c is None else number_of(c) for c in cells]
        if all(c is None or (n is not None and np.isfinite(n)) for c, n in zip(cells, numbers)):
            found += _scaled(numbers)
            continue
        words = sorted({c for c in cells if c is not None})
        if len(words) > MOST_WORDS or 2 * len(words) > len(cells):
            notes.append(f"column {name!r} is not used: it has {len(words)} different words")
            continue
        found += [np.array([c == word for c in cells], np.float32) for word in words]
    return (np.stack(found, 1).astype(np.float32) if found else None), notes


def _scaled(numbers: Sequence[float | None]) -> list[np.ndarray]:
    """The column, or none where all its values are the same."""
    values = np.array([np.nan if n is None else n for n in numbers])
    known = values[~np.isnan(values)]
    if len(known) == 0 or known.std() == 0:
        return []
    return [np.where(np.isnan(values), 0, (values - known.mean()) / known.std())]


def cell(value: str | None) -> str | None:
    """A column's cell, None where it says that it is missing."""
    return None if is_missing(value) or value is None else value.strip()
