"""Graphs of people that networkx brings: Zachary's karate club (1977), 34 members, 78 friendships, two sides after a quarrel;
the characters of Les Miserables who meet in a chapter (Knuth, 1993); the women of Davis (1941) and the events they came to."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Graph:
    """`edges` (E, 2) int64, each once with the smaller number first; `labels` (N,) int64, -1 where there are no classes; class
    names; `names` of the nodes, their numbers where it is empty."""

    edges: np.ndarray
    labels: np.ndarray
    classes: list[str]
    names: list[str] = field(default_factory=list)

    def adjacency(self) -> np.ndarray:
        """Float32 (N, N), symmetric, 1 where there is an edge."""
        matrix = np.zeros((len(self.labels),) * 2, np.float32)
        matrix[self.edges[:, 0], self.edges[:, 1]] = 1
        return np.maximum(matrix, matrix.T)


def karate() -> Graph:
    """The graph without the weights that networkx puts on its edges. Raises ModuleNotFoundError without networkx."""
    found = networkx_for("karate").karate_club_graph()
    sides = [found.nodes[n]["club"] for n in sorted(found)]
    classes = sorted(set(sides))
    return Graph(_edges(found, sorted(found)), np.array([classes.index(s) for s in sides], np.int64), classes)


def les_miserables() -> Graph:
    """77 characters and the 254 pairs that meet, without how often they do; no classes. Raises as `karate` does."""
    found = networkx_for("les_miserables").les_miserables_graph()
    names = sorted(found)
    return Graph(_edges(found, names), np.full(len(names), -1, np.int64), [], names)


def davis_southern_women() -> Graph:
    """18 women, 14 events, 89 visits; the class is which of both a node is. Raises as `karate` does."""
    found = networkx_for("davis_southern_women").davis_southern_women_graph()
    names = [*found.graph["top"], *found.graph["bottom"]]
    labels = np.array([found.nodes[name]["bipartite"] for name in names], np.int64)
    return Graph(_edges(found, names), labels, ["woman", "event"], names)


def networkx_for(name: str) -> Any:
    """Raises ModuleNotFoundError, naming the extra, without networkx."""
    try:
        return importlib.import_module("networkx")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{name} needs networkx: run `pip install talweg[graphs]`") from error


def _edges(graph: Any, names: Sequence[Any]) -> np.ndarray:
    places = {name: i for i, name in enumerate(names)}
    pairs = sorted(sorted((places[a], places[b])) for a, b in graph.edges)
    return np.array(pairs, np.int64)
