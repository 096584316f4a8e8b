"""The meta-parameters of learning the edges of a graph."""

from __future__ import annotations

from dataclasses import dataclass

from .graph_settings import KINDS, WholeGraphSettings
from .training_settings import help_of


@dataclass(frozen=True, kw_only=True)
class Settings(WholeGraphSettings):
    """Those of learning on one graph, and: `kind` of the layers, the width of a node's `code`; `shown` is the share of the
    training edges that a step's messages go along, while it asks about the others."""

    model: str = "links"
    data: str = "les_miserables"
    kind: str = "gcn"
    hidden: int = 32
    code: int = 16
    shown: float = 0.7

    DEFAULT_EPOCHS = 30

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "code": (self.code >= 1, "1 or more"),
            "shown": (0 < self.shown < 1, "between 0 and 1"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"model": ("links",), "kind": tuple(KINDS)}


HELP = help_of(Settings, {
    "data": "les_miserables, karate, davis_southern_women, a .graphml or .gexf file, or a table of edges.",
    "nodes": "Table of nodes that belongs to a table of edges, for its columns.",
    "kind": "Layers: gcn, gat or graphsage.",
    "inputs": "columns of the nodes, number (which node it is), or auto.",
    "hidden": "Width of the hidden layers.",
    "code": "Width of a node's code.",
    "layers": "Layers, each a step along the edges.",
    "shown": "Share of the edges that a step shows, while it asks about the others.",
    "repeats": "Steps an epoch.",
    "batch_size": "1: a step takes the whole graph.",
})
