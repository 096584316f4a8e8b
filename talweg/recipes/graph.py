"""Learning on graphs: the class of every node from a few that are known (L "missing bits"; Kipf and Welling, 2017).

The whole graph is there in every step, the labels of a few nodes only: the others are told by their neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..data.graphs import NodeGraph, read_graph
from ..data.order import permutation
from ..models.graph_networks import GraphNetwork
from ..tensor import Tensor, from_numpy, no_grad, zeros
from ..training import class_scores, confusion_matrix, count_errors, softmax
from ..training.report_parts import section, table
from .evaluation import Answer, Evaluation
from .graph_drawing import drawing, legend
from .graph_settings import HELP, KINDS, Settings
from .recipe import Recipe
from .task import Goal

SHOWN = 20


@dataclass(frozen=True)
class Nodes:
    """What is kept of the data: the width of a node's features, the classes, and what stands for the content of the graph,
    which is read again where the run is used: a node is told by its neighbours."""

    features: int
    classes: list[str]
    fingerprint: str


@dataclass(frozen=True)
class Known:
    """A graph and which of its nodes (their numbers) are learned from, tell the best epoch, and are measured."""

    graph: NodeGraph
    features: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def part(self, name: str) -> np.ndarray:
        """Raises ValueError for another name."""
        if name not in ("train", "validation", "test"):
            raise ValueError(f"no split is called {name!r}: choose train, validation or test")
        return getattr(self, name)

    def call(self, nodes: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """The arguments of the model, to be asked about these nodes."""
        return from_numpy(self.features), from_numpy(self.graph.both_directions), from_numpy(nodes)


class NodeNetwork(GraphNetwork):
    """A graph network that is asked about some nodes: logits (asked, classes)."""

    def forward(self, x: Tensor, edges: Tensor, asked: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x, edges)[asked]


@dataclass(frozen=True)
class NodeEvaluation(Evaluation):
    """`logits` (N, classes) of every node of the graph."""

    logits: np.ndarray | None = None


class Graph(Recipe):
    name = "graph"
    settings = Settings
    help = HELP
    prepared = Nodes
    takes = "node"

    def material(self, settings: Settings) -> Known:
        """Raises as `read_graph` does, and ValueError for a class with fewer nodes than are to be known of it."""
        graph = read_graph(settings.data, settings.nodes, settings.target)
        train, validation, test = chosen(graph, settings)
        return Known(graph, _inputs(graph, settings), train, validation, test)

    def prepare(self, settings: Settings, material: Known) -> Nodes:
        return Nodes(material.features.shape[1], list(material.graph.classes), material.graph.fingerprint)

    def model(self, settings: Settings, prepared: Nodes) -> nn.Module:
        return NodeNetwork(prepared.features, settings.hidden, len(prepared.classes), kind=KINDS[settings.model],
                           layers=settings.layers)

    def goal(self, settings: Settings, material: Known, prepared: Nodes) -> Goal:
        """Cross-entropy at the known nodes."""
        learned, validated = (
            (material.call(part), from_numpy(material.graph.labels[part])) for part in (material.train, material.validation)
        )
        return Goal(nn.CrossEntropyLoss(), [learned] * settings.repeats, [validated], error=count_errors)

    def notes(self, material: Known) -> Sequence[str]:
        graph = material.graph
        told = f"{len(graph.names)} nodes, {len(graph.edges)} edges, {len(material.train)} labels to learn from"
        same = np.array_equal(material.train, material.validation)
        return [*graph.notes, told] + (["no node is held out: the known ones tell the best epoch (--held-out 1)"] if same else [])

    def example(self, prepared: Nodes) -> tuple[Tensor, ...]:
        return zeros(2, prepared.features), from_numpy(np.array([[0, 1], [1, 0]])), from_numpy(np.array([0]))

    def measure(self, model: nn.Module, settings: Settings, material: Known, split: str) -> NodeEvaluation:
        nodes, classes = material.part(split), material.graph.classes
        logits, labels = logits_of(model, material), material.graph.labels
        confusion = confusion_matrix(logits[nodes].argmax(1), labels[nodes], len(classes))
        right = int(confusion.trace())
        loss = nn.CrossEntropyLoss()(from_numpy(logits[nodes]), from_numpy(labels[nodes])).item()
        everywhere = float((logits.argmax(1) == labels)[labels >= 0].mean())
        accuracy = f"{100 * right / len(nodes):.2f} %"
        rows = [["class", "nodes", "precision", "recall"]]
        rows += [[name, str(s.support), f"{100 * s.precision:.1f} %", f"{100 * s.recall:.1f} %"]
                 for name, s in zip(classes, class_scores(confusion))]
        return NodeEvaluation(
            split, len(nodes), {"accuracy": right / len(nodes), "loss": loss, "accuracy_all": everywhere},
            f"accuracy {accuracy} at {len(nodes)} nodes ({100 * everywhere:.2f} % of all with a label), loss {loss:.4f}",
            [(accuracy, f"{split} accuracy"), (f"{len(nodes) - right} of {len(nodes)}", f"{split} mistakes"),
             (str(len(material.train)), "labels learned from")],
            rows, {"confusion": confusion.tolist()}, logits,
        )

    def sections(self, model: nn.Module, settings: Settings, material: Known, test: Evaluation) -> list[str]:
        assert isinstance(test, NodeEvaluation)
        assert test.logits is not None
        graph, shares = material.graph, softmax(test.logits)
        unsure = material.test[np.argsort(shares[material.test].max(1), kind="stable")][:SHOWN]
        rows = [[graph.names[i], graph.classes[graph.labels[i]], graph.classes[shares[i].argmax()],
                 f"{100 * shares[i].max():.1f} %", str(graph.degrees[i])] for i in unsure.tolist()]
        return [
            section("The graph by predicted class", legend(graph.classes) + picture(material, test.logits)),
            section("Least certain nodes", table(["node", "label", "predicted", "certainty", "edges"], rows, (3, 4))),
        ]

    def predict(self, run: str | Path, inputs: Sequence[str], options: Any = None) -> list[Answer]:
        """A class for nodes, by their names. Raises as `load` does, and ValueError for a changed graph or another name."""
        settings, model, prepared = self.load(run)
        material = self.material(settings)
        if material.graph.fingerprint != prepared.fingerprint:
            raise ValueError(f"{settings.data}: has changed since {run} was trained: train again, or bring the old graph back")
        logits = logits_of(model, material)
        return [_answer(material, logits, name) for name in inputs]

    def heading(self, settings: Settings) -> str:
        return super().heading(settings).replace("batches of 1, ", "the whole graph a step, ")

    def next_steps(self, run: Path) -> list[str]:
        return [f"evaluate {run}", f"predict {run} NODE --out graph.svg"]


def chosen(graph: NodeGraph, s: Settings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of the nodes to learn from, to tell the best epoch (the same where none are held out) and to measure.

    Raises ValueError for a class that would have no node left to be measured at."""
    order = np.argsort(-graph.degrees, kind="stable")
    if s.known_by == "chance":
        order = permutation(len(graph.names), s.seed, "known nodes")
    train: list[int] = []
    held_out: list[int] = []
    for number, name in enumerate(graph.classes):
        members = order[graph.labels[order] == number].tolist()
        if len(members) <= s.known + s.held_out:
            raise ValueError(f"{s.data}: class {name!r} has {len(members)} nodes, too few to know {s.known} and hold out "
                             f"{s.held_out} and measure at others")
        train += members[:s.known]
        held_out += members[s.known:s.known + s.held_out]
    left = np.setdiff1d(np.flatnonzero(graph.labels >= 0), [*train, *held_out])
    learned = np.array(sorted(train), np.int64)
    return learned, np.array(sorted(held_out), np.int64) if held_out else learned, left


def _inputs(graph: NodeGraph, s: Settings) -> np.ndarray:
    """(N, F). Raises ValueError where columns are asked for and there are none."""
    if s.inputs == "columns" and graph.features is None:
        raise ValueError(f"{s.data}: inputs=columns, but its nodes have no columns besides the class: take inputs=number")
    if s.inputs == "number" or graph.features is None:
        return np.eye(len(graph.names), dtype=np.float32)
    return graph.features


def logits_of(model: nn.Module, material: Known) -> np.ndarray:
    """Of every node, (N, classes)."""
    with no_grad():
        return model(*material.call(np.arange(len(material.graph.names)))).numpy()


def picture(material: Known, logits: np.ndarray) -> str:
    """The graph as an SVG, by predicted class."""
    graph = material.graph
    return drawing(graph.names, graph.edges, logits.argmax(1), graph.labels, material.train, graph.classes)


def _answer(material: Known, logits: np.ndarray, name: str) -> Answer:
    graph = material.graph
    if name not in graph.names:
        raise ValueError(f"{name!r} is no node of {graph.name}: its nodes are {', '.join(graph.names[:5])}, ...")
    number = graph.names.index(name)
    shares = softmax(logits[number])
    best = int(shares.argmax())
    known = number in material.train
    facts = {"node": name, "class": graph.classes[best], "probability": float(shares[best]), "learned_from": known,
             "probabilities": dict(zip(graph.classes, shares.tolist()))}
    text = f"{name}: {graph.classes[best]} ({100 * shares[best]:.2f} %)" + (", learned from" if known else "")

    def save(path: Path) -> None:
        if path.suffix.lower() != ".svg":
            raise ValueError(f"{path}: a graph is drawn as SVG: give a name that ends with .svg")
        path.write_text(picture(material, logits), encoding="utf-8")

    return Answer(text, facts, save)


RECIPE = Graph()
