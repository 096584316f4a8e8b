"""graph_families: random graphs of three families, told apart by how their edges lie."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..order import bits
from .karate import Graph, networkx_for

FAMILIES = ("barabasi_albert", "erdos_renyi", "watts_strogatz")
EACH = 200
SMALLEST, LARGEST = 16, 40  # nodes
REWIRED = 0.2  # share of a ring's edges


def graph_families(seed: int = 0) -> list[tuple[Graph, str]]:
    """200 graphs of each family, of 16 to 40 nodes n, with about 2 n edges: preferential attachment (Barabasi and Albert, 1999),
    edges anywhere (Erdos and Renyi, 1959), a ring whose edges are partly put elsewhere (Watts and Strogatz, 1998).

    Raises ModuleNotFoundError without networkx.
    """
    networkx = networkx_for("graph_families")
    draws = bits(2 * EACH * len(FAMILIES), seed, "graph families").reshape(-1, 2)
    found = []
    for number, (size, own) in enumerate(draws.tolist()):
        family = FAMILIES[number % len(FAMILIES)]
        nodes = SMALLEST + size % (LARGEST - SMALLEST + 1)
        made = _made(networkx, family, nodes, own % 2**31)
        edges = np.array(sorted(sorted(edge) for edge in made.edges), np.int64)
        found.append((Graph(edges, np.full(nodes, -1, np.int64), [], [str(i) for i in range(nodes)]), family))
    return found


def _made(networkx: Any, family: str, nodes: int, seed: int) -> Any:
    if family == "barabasi_albert":
        return networkx.barabasi_albert_graph(nodes, 2, seed=seed)  # 2 (nodes - 2) edges
    if family == "erdos_renyi":
        return networkx.gnm_random_graph(nodes, 2 * nodes - 2, seed=seed)
    return networkx.watts_strogatz_graph(nodes, 4, REWIRED, seed=seed)  # 2 nodes edges


def families_content() -> list[Any]:
    """What the data are, for their hash."""
    return [piece for graph, family in graph_families() for piece in (graph.edges, family)]
