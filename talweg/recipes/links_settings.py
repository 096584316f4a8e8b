"""The meta-parameters of learning the edges of a graph."""

from __future__ import annotations

from dataclasses import dataclass

from .graph_settings import FEATURES, KINDS
from .training_settings import TrainingSettings, help_of


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """Those of every training, and: `kind` of the layers, their `hidden` width and number, the width of a node's `code`;
    `inputs` are the nodes' columns or, for each, its number; auto: columns where there are some. `shown` is the share of the
    training edges that a step's messages go along, while it asks about the others. An epoch is `repeats` steps on the whole
    graph."""

    model: str = "links"
    data: str = "les_miserables"
    nodes: str | None = None
    kind: str = "gcn"
    inputs: str = "auto"
    hidden: int = 32
    code: int = 16
    layers: int = 2
    shown: float = 0.7
    repeats: int = 10
    batch_size: int = 1
    lr: float = 0.01
    weight_decay: float = 5e-4
    schedule: str = "constant"

    DEFAULT_EPOCHS = 30

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size != 1:
            raise ValueError(f"setting batch_size must be 1, the whole graph, got {self.batch_size}")

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "hidden": (self.hidden >= 1, "1 or more"),
            "code": (self.code >= 1, "1 or more"),
            "layers": (self.layers >= 1, "1 or more"),
            "shown": (0 < self.shown < 1, "between 0 and 1"),
            "repeats": (self.repeats >= 1, "1 step or more"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"model": ("links",), "kind": tuple(KINDS), "inputs": FEATURES}


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
