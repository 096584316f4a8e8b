"""The meta-parameters of learning on graphs, and what using a run can be told."""

from __future__ import annotations

from dataclasses import dataclass

from .training_settings import TrainingSettings, help_of

KINDS = {"gcn": "gcn", "gat": "gat", "graphsage": "sage"}  # the layers behind a model's name
CHOSEN_BY = ("edges", "chance")
FEATURES = ("auto", "columns", "number")


@dataclass(frozen=True, kw_only=True)
class WholeGraphSettings(TrainingSettings):
    """What learning on one graph has in common: the whole graph is a step's batch, and an epoch is `repeats` steps.

    `nodes` is the table of nodes that belongs to a table of edges; `inputs` are the nodes' columns or, for each, its number (a
    column of 0 and 1 a node); auto: columns where there are some. Raises ValueError for other batches than 1.
    """

    nodes: str | None = None
    inputs: str = "auto"
    hidden: int = 16
    layers: int = 2
    repeats: int = 10
    batch_size: int = 1
    lr: float = 0.01
    weight_decay: float = 5e-4
    schedule: str = "constant"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size != 1:
            raise ValueError(f"setting batch_size must be 1, the whole graph, got {self.batch_size}")

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "hidden": (self.hidden >= 1, "1 or more"),
            "layers": (self.layers >= 1, "1 or more"),
            "repeats": (self.repeats >= 1, "1 step or more"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"inputs": FEATURES}


@dataclass(frozen=True, kw_only=True)
class Settings(WholeGraphSettings):
    """Those of learning on one graph, and: `known` nodes of each class have a label to learn from, the best connected ones or, by
    chance, any; `held_out` more of each tell the best epoch."""

    model: str = "gcn"
    data: str = "karate"
    target: str | None = None
    known: int = 1
    known_by: str = "edges"
    held_out: int = 0

    DEFAULT_EPOCHS = 15

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "known": (self.known >= 1, "1 node of each class or more"),
            "held_out": (self.held_out >= 0, "0 or more nodes of each class"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"model": tuple(KINDS), "known_by": CHOSEN_BY}


HELP = help_of(Settings, {
    "data": "karate, a .graphml or .gexf file, a table of edges, or a folder with edges.csv and nodes.csv.",
    "nodes": "Table of nodes that belongs to a table of edges.",
    "target": "Column of the nodes that is to be predicted. [default: the last of a table]",
    "known": "Nodes of each class whose label is learned from.",
    "known_by": "Which those are: edges, the best connected ones, or chance.",
    "held_out": "Nodes of each class that tell the best epoch. [default: none, the known ones do]",
    "inputs": "columns of the nodes, number (which node it is), or auto.",
    "hidden": "Width of the hidden layers.",
    "layers": "Layers, each a step along the edges.",
    "repeats": "Steps an epoch.",
    "batch_size": "1: a step takes the whole graph.",
})
