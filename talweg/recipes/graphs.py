"""Whole graphs into classes: nodes hear their neighbours, then all nodes of a graph are read out together (L missing bits;
Gilmer et al., Neural message passing, 2017).

Each node is told by its columns and by how many edges it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..data import DataLoader
from ..data.graphs import ManyGraphs, NodeGraph, read_graphs
from ..data.graphs.node_graph import plain_graph
from ..data.graphs.xml_files import TAGS, read_xml
from ..models.graph_networks import GraphNetwork
from ..tensor import Tensor, from_numpy, no_grad, zeros
from ..training import ClassFindings, class_scores, confusion_matrix, count_errors, softmax
from ..training.report_parts import percent, section, text
from .evaluation import Answer, Evaluation
from .graph_batches import GraphSamples, Sized, joined
from .graph_columns import Columns, NodeColumns
from .graph_drawing import small_drawing
from .graph_settings import KINDS
from .graphs_settings import HELP, Settings
from .recipe import Recipe
from .task import Goal, loaders_of

SHOWN = 12


@dataclass(frozen=True)
class Prepared:
    """How nodes become features (see NodeColumns), the classes, and the size of the largest graph: nodes, and edges counted in
    both directions."""

    names: list[str]
    words: list[list[str]]
    means: list[float]
    deviations: list[float]
    degrees: int
    classes: list[str]
    nodes: int
    edges: int
    fingerprint: str

    @property
    def columns(self) -> NodeColumns:
        return NodeColumns(self.names, self.words, self.means, self.deviations, self.degrees)

    def sized(self, graph: NodeGraph, columns: Columns) -> Sized:
        return Sized(self.columns.features(graph, columns), graph.both_directions)


class WholeGraphs(GraphNetwork):
    """Node features, edges and each node's graph, as GraphSamples gives them, to logits (B, classes)."""

    def forward(self, x: Tensor, edges: Tensor, graphs: Tensor) -> Tensor:  # type: ignore[override]
        count = x.shape[0] // self.most
        return super().forward(x, edges, graphs, count + 1)[:count]  # without the graph that fills up

    def of(self, most: int) -> WholeGraphs:
        """For graphs that are filled up to `most` nodes."""
        self.most = most
        return self


@dataclass(frozen=True)
class GraphEvaluation(Evaluation):
    """`logits` (N, classes) of the split's graphs."""

    logits: np.ndarray | None = None


class Graphs(Recipe):
    name = "graphs"
    takes = "graph"
    settings = Settings
    help = HELP
    prepared = Prepared

    def material(self, settings: Settings) -> ManyGraphs:
        return read_graphs(settings.data, settings.on_error)

    def prepare(self, settings: Settings, material: ManyGraphs) -> Prepared:
        columns = NodeColumns.of([material.columns[i] for i in material.train], settings.degrees)
        return Prepared(
            **asdict(columns), classes=list(material.classes), nodes=max(len(g.names) for g in material.graphs),
            edges=max(2 * len(g.edges) for g in material.graphs), fingerprint=material.fingerprint,
        )

    def model(self, settings: Settings, prepared: Prepared) -> nn.Module:
        network = WholeGraphs(prepared.columns.width, settings.hidden, len(prepared.classes), kind=KINDS[settings.kind],
                              layers=settings.layers, readout=settings.readout)
        return network.of(prepared.nodes)

    def goal(self, settings: Settings, material: ManyGraphs, prepared: Prepared) -> Goal:
        learned, held_out = (_samples(material, prepared, part) for part in ("train", "validation"))
        train, validation = loaders_of(settings, learned, held_out)
        return Goal(nn.CrossEntropyLoss(), train, validation, error=count_errors, monitor=settings.monitor)

    def notes(self, material: ManyGraphs) -> Sequence[str]:
        counts = [len(material.part(name)) for name in ("train", "validation", "test")]
        sizes = [len(graph.names) for graph in material.graphs]
        return [*material.notes, f"{len(sizes)} graphs of {min(sizes)} to {max(sizes)} nodes, {len(material.classes)} classes: "
                f"{counts[0]} to learn from, {counts[1]} and {counts[2]} to validate and test with"]

    def example(self, prepared: Prepared) -> tuple[Tensor, ...]:
        nodes = prepared.nodes + 1
        return zeros(nodes, prepared.columns.width), from_numpy(np.array([[0, 1], [1, 0]])), zeros(nodes).long()

    def measure(self, model: nn.Module, settings: Settings, material: ManyGraphs, split: str) -> GraphEvaluation:
        samples = _samples(material, self.prepare(settings, material), split)
        return _evaluation(split, logits_of(model, samples), samples.labels, material.classes)

    def sections(self, model: nn.Module, settings: Settings, material: ManyGraphs, test: Evaluation) -> list[str]:
        assert isinstance(test, GraphEvaluation)
        assert test.logits is not None
        shares, labels = softmax(test.logits), material.labels[material.test]
        wrong = shares.argmax(1) != labels
        order = np.lexsort((shares.max(1), ~wrong))[:SHOWN]  # mistakes first, then the least certain
        figures = []
        for i in order.tolist():
            graph = material.graphs[material.test[i]]
            is_, taken = (text(material.classes[c]) for c in (labels[i], shares[i].argmax()))
            told = (f"is <b>{is_}</b>, taken for <b>{taken}</b> "
                    f'<span class="soft">{percent(shares[i].max())}</span>')
            figures.append(f"<figure>{small_drawing(graph.edges, len(graph.names))}<figcaption>{told}</figcaption></figure>")
        grid = 'style="grid-template-columns: repeat(auto-fill, minmax(min(100%, 190px), 1fr))"'
        title = f"Mistakes ({int(wrong.sum())}), then the least certain"
        return [*ClassFindings(material.classes, None, labels, shares).sections(),
                section(title, f'<div class="pictures" {grid}>{"".join(figures)}</div>')]

    def predict(self, run: str | Path, inputs: Sequence[str], options: Any = None) -> list[Answer]:
        """The classes of graphs in .graphml and .gexf files. Raises as `load` does, and ValueError for a bad file."""
        _, model, prepared = self.load(run)
        return [_answer(model, prepared, given) for given in inputs]

    def subject(self, settings: Settings) -> str:
        return f"{settings.kind} on {settings.data}"

    def next_steps(self, run: Path) -> list[str]:
        return [f"evaluate {run}", f"predict {run} graph.graphml"]


def logits_of(model: nn.Module, samples: GraphSamples) -> np.ndarray:
    """(N, classes), in evaluation mode."""
    model.eval()
    with no_grad():
        return np.concatenate([model(*inputs).numpy() for inputs, _ in DataLoader(samples, 64)])


def _samples(material: ManyGraphs, prepared: Prepared, part: str) -> GraphSamples:
    chosen = material.part(part)
    graphs = [prepared.sized(material.graphs[i], material.columns[i]) for i in chosen]
    return GraphSamples(graphs, material.labels[chosen], prepared.nodes, prepared.edges)


def _evaluation(split: str, logits: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> GraphEvaluation:
    loss = nn.CrossEntropyLoss()(from_numpy(logits), from_numpy(labels)).item()
    confusion = confusion_matrix(logits.argmax(1), labels, len(classes))
    wrong = len(labels) - int(confusion.trace())
    accuracy = f"{100 * (1 - wrong / len(labels)):.2f} %"
    rows = [["class", "graphs", "precision", "recall"]]
    rows += [[name, str(s.support), percent(s.precision), percent(s.recall)] for name, s in zip(classes, class_scores(confusion))]
    return GraphEvaluation(
        split, len(labels), {"loss": loss, "accuracy": 1 - wrong / len(labels)},
        f"accuracy {accuracy} ({wrong} of {len(labels)} graphs wrong), loss {loss:.4f}",
        [(accuracy, f"{split} accuracy"), (f"{wrong} of {len(labels)}", f"{split} mistakes"), (f"{loss:.4f}", f"{split} loss")],
        rows, {"confusion": confusion.tolist()}, logits,
    )


def _answer(model: nn.Module, prepared: Prepared, given: str) -> Answer:
    path = Path(given).expanduser()
    if path.suffix.lower() not in TAGS:
        raise ValueError(f"{given}: is no graph by its name: those read end in {', '.join(TAGS)}")
    parsed = read_xml(path)
    graph = plain_graph(parsed)
    found = prepared.sized(graph, parsed.columns)
    inputs = joined([found], max(prepared.nodes, len(graph.names)), found.edges.shape[1])
    assert isinstance(model, WholeGraphs)
    model.of(len(inputs[0]) - 1)
    with no_grad():
        shares = softmax(model(*map(from_numpy, inputs)).numpy())[0]
    ranked = sorted(zip(prepared.classes, shares.tolist()), key=lambda pair: -pair[1])
    lines = [f"{given}: {ranked[0][0]} ({100 * ranked[0][1]:.2f} %)", *(f"  {percent(p):>7}  {name}" for name, p in ranked)]
    facts = {"graph": given, "nodes": len(graph.names), "edges": len(graph.edges), "class": ranked[0][0],
             "probability": ranked[0][1], "probabilities": dict(ranked)}
    return Answer("\n".join(lines), facts)


RECIPE = Graphs()
