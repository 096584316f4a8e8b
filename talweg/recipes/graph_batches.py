"""Several graphs as one, of the same size whatever they are, so that a step is always the same program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..data import Dataset
from ..tensor import Tensor, from_numpy


@dataclass(frozen=True)
class Sized:
    """A graph as a network takes it: `features` (N, F), `edges` (2, E), both directions."""

    features: np.ndarray
    edges: np.ndarray


class GraphSamples(Dataset):
    """Batches ((features, edges, graphs), labels) of B graphs: node features (B nodes + 1, F), edges (2, B edges), the number of
    each node's graph. What a graph lacks to the largest is filled with nodes of one more graph, B, and loops of the last node.
    """

    def __init__(self, graphs: Sequence[Sized], labels: np.ndarray, nodes: int, edges: int) -> None:
        self.graphs, self.labels, self.nodes, self.edges = graphs, labels, nodes, edges

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        raise TypeError("GraphSamples: graphs come in batches; a single one is batch([index])")

    def batch(self, indices: Sequence[int]) -> list:
        chosen = [self.graphs[i] for i in indices]
        inputs = joined(chosen, self.nodes, self.edges)
        return [tuple(map(from_numpy, inputs)), from_numpy(self.labels[np.asarray(indices)])]


def joined(graphs: Sequence[Sized], nodes: int, edges: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, edges and graph numbers of a batch. Raises ValueError for a graph that is larger than `nodes` or `edges`."""
    count = len(graphs)
    spare = count * nodes  # the node whose loops fill up
    features = np.zeros((spare + 1, graphs[0].features.shape[1]), np.float32)
    ends = np.full((2, count * edges), spare, np.int64)
    numbers = np.full(spare + 1, count, np.int64)
    for i, graph in enumerate(graphs):
        own, along = len(graph.features), graph.edges.shape[1]
        if own > nodes or along > edges:
            raise ValueError(f"a graph of {own} nodes and {along} directed edges does not fit into {nodes} and {edges}")
        features[i * nodes:i * nodes + own] = graph.features
        ends[:, i * edges:i * edges + along] = graph.edges + i * nodes
        numbers[i * nodes:i * nodes + own] = i
    return features, ends, numbers
