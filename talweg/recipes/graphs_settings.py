"""The meta-parameters of telling whole graphs apart."""

from __future__ import annotations

from dataclasses import dataclass

from ..data import ON_ERROR
from .graph_settings import KINDS
from .training_settings import TrainingSettings, help_of

READOUTS = ("mean", "sum")


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """Those of every training, and: `kind` of the layers, their `hidden` width and number; `readout`, how a graph's nodes become
    one vector; `degrees`, up to which number of edges nodes are told apart by it; `on_error`, what becomes of a bad file."""

    model: str = "graphs"
    data: str = "graph_families"
    on_error: str = "stop"
    kind: str = "graphsage"
    readout: str = "mean"
    degrees: int = 8
    hidden: int = 32
    layers: int = 3
    batch_size: int = 32
    lr: float = 5e-3
    monitor: str = "loss"

    DEFAULT_EPOCHS = 30

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "degrees": (self.degrees >= 0, "0 or more"),
            "hidden": (self.hidden >= 1, "1 or more"),
            "layers": (self.layers >= 1, "1 or more"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        own = {"model": ("graphs",), "kind": tuple(KINDS), "readout": READOUTS, "on_error": ON_ERROR}
        return super().choices() | own | {"monitor": ("loss", "error")}


HELP = help_of(Settings, {
    "data": "graph_families, a folder of .graphml or .gexf files by class, or a .jsonl file of edges and label.",
    "on_error": "At a file or line that is no sound graph: stop or skip.",
    "kind": "Layers: gcn, gat or graphsage.",
    "readout": "How the nodes of a graph become one vector: mean or sum.",
    "degrees": "Number of edges up to which nodes are told apart by it.",
    "hidden": "Width of the hidden layers.",
    "layers": "Layers, each a step along the edges.",
    "monitor": "What the best epoch is best in: loss or error (validation).",
    "batch_size": "Graphs a batch.",
})
