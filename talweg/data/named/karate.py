"""Zachary's karate club (1977): 34 members, 78 friendships, two sides after a quarrel."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Graph:
    """`edges` (E, 2) int64, each once with the smaller number first; `labels` (N,) int64; class names."""

    edges: np.ndarray
    labels: np.ndarray
    classes: list[str]

    def adjacency(self) -> np.ndarray:
        """Float32 (N, N), symmetric, 1 where there is an edge."""
        matrix = np.zeros((len(self.labels),) * 2, np.float32)
        matrix[self.edges[:, 0], self.edges[:, 1]] = 1
        return np.maximum(matrix, matrix.T)


def karate() -> Graph:
    """The graph without the weights that networkx puts on its edges. Raises ModuleNotFoundError without networkx."""
    try:
        networkx: Any = importlib.import_module("networkx")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("karate needs networkx: run `pip install talweg[graphs]`") from error
    found = networkx.karate_club_graph()
    sides = [found.nodes[n]["club"] for n in sorted(found)]
    classes = sorted(set(sides))
    edges = np.array(sorted((min(a, b), max(a, b)) for a, b in found.edges), np.int64)
    return Graph(edges, np.array([classes.index(s) for s in sides], np.int64), classes)
