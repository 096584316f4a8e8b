"""Pairs of nodes that have an edge, and pairs that have none, drawn by a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data.augment.draws import Draws

LEAST_FREE = 0.05  # share of all pairs that must be without an edge


@dataclass(frozen=True)
class Pairs:
    """`edges` (P, 2) and `others` (Q, 2), pairs without one."""

    edges: np.ndarray
    others: np.ndarray

    @property
    def all(self) -> np.ndarray:
        return np.concatenate([self.edges, self.others])

    @property
    def labels(self) -> np.ndarray:
        """1 for an edge, 0 for none, float32 (P + Q,)."""
        return np.concatenate([np.ones(len(self.edges), np.float32), np.zeros(len(self.others), np.float32)])


def drawn_pairs(edges: np.ndarray, nodes: int, count: int, seed: int, epoch: int, step: int) -> np.ndarray:
    """`count` pairs that are none of the edges, each by a chance of its own, so that one may come twice: (count, 2) int64.

    Raises ValueError for a graph in which nearly every pair is an edge.
    """
    if _free(edges, nodes) < max(LEAST_FREE * _every(nodes), 1):
        raise _too_full(edges, nodes)
    taken = np.sort(_codes(edges, nodes))
    draws = Draws(seed, epoch, step, purpose="pairs without an edge")
    found = np.zeros((0, 2), np.int64)
    while len(found) < count:
        pairs = np.sort(np.minimum((draws.units(2 * count, 2) * nodes).astype(np.int64), nodes - 1), 1)
        free = (pairs[:, 0] != pairs[:, 1]) & ~np.isin(_codes(pairs, nodes), taken)
        found = np.concatenate([found, pairs[free]])
    return found[:count]


def missing_pairs(edges: np.ndarray, nodes: int, count: int, seed: int) -> np.ndarray:
    """`count` different pairs that are none of the edges, (count, 2) int64. Raises ValueError as `drawn_pairs` does, and where
    there are fewer."""
    if _free(edges, nodes) < count:
        raise _too_full(edges, nodes)
    found = np.zeros((0, 2), np.int64)
    step = 0
    while len(found) < count:
        more = np.concatenate([found, drawn_pairs(edges, nodes, count, seed, 0, step)])
        first = np.unique(_codes(more, nodes), return_index=True)[1]
        found, step = more[np.sort(first)], step + 1
    return found[:count]


def _codes(pairs: np.ndarray, nodes: int) -> np.ndarray:
    return pairs[:, 0] * nodes + pairs[:, 1]


def _every(nodes: int) -> int:
    return nodes * (nodes - 1) // 2


def _free(edges: np.ndarray, nodes: int) -> int:
    return _every(nodes) - len(edges)


def _too_full(edges: np.ndarray, nodes: int) -> ValueError:
    return ValueError(f"{len(edges)} of the {_every(nodes)} pairs of {nodes} nodes are edges: too few are none for edges to be "
                      "told from them")
