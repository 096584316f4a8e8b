"""Which nodes of a graph belong together: edges that are not known yet, from those that are (L missing bits; Kipf and Welling,
Variational graph auto-encoders, 2016, without the variational part).

Each node becomes a code by what its neighbours send; two nodes have an edge with probability s(z_a . z_b), s the logistic
function.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..data.augment.draws import Draws
from ..data.graphs import NodeGraph, read_edges
from ..data.order import permutation
from ..models.graph_networks import LAYERS
from ..nn import functional as F
from ..tensor import Tensor, from_numpy, no_grad, zeros
from ..training import area_under_curve, average_ranked_precision
from ..training.report_parts import percent, section, table
from .evaluation import Answer, Evaluation
from .graph_settings import KINDS
from .link_drawing import drawing, legend
from .link_pairs import Pairs, drawn_pairs, missing_pairs
from .links_settings import HELP, Settings
from .recipe import Recipe
from .task import Goal

SHARES = (0.05, 0.1)  # of the edges, to validate and to test with
SHOWN = 20
BEST = 10
MOST_NODES = 1000  # among which missing edges are looked for


@dataclass(frozen=True)
class Prepared:
    """The width of a node's features, and what stands for the graph, which is read again where the run is used."""

    features: int
    fingerprint: str


@dataclass(frozen=True)
class KnownEdges:
    """A graph, and its pairs of nodes (P, 2) by part: edges, and as many pairs without one to validate and test with. Messages
    go along the training edges alone."""

    graph: NodeGraph
    features: np.ndarray
    train: np.ndarray
    validation: Pairs
    test: Pairs

    def part(self, name: str) -> Pairs:
        """Raises ValueError for another name than validation and test: of the training edges the network is told."""
        if name not in ("validation", "test"):
            raise ValueError(f"no split is called {name!r} here: choose validation or test; training edges are what the network "
                             "sees")
        return getattr(self, name)

    def call(self, pairs: np.ndarray, shown: np.ndarray | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The arguments of the model, to be asked about these pairs; messages go along the edges `shown`, or all that are
        learned from."""
        edges = self.train if shown is None else shown
        both = np.concatenate([edges, edges[:, ::-1]]).T.copy()
        return from_numpy(self.features), from_numpy(both), from_numpy(pairs)


class LinkNetwork(nn.Module):
    """Node features (N, F), edges (2, E) and pairs (P, 2) to the logits (P,) of there being an edge.

    `layers` convolutions of one kind with a rectifier between them; what the last gives are the codes."""

    def __init__(self, features: int, hidden: int, code: int, kind: str, layers: int) -> None:
        super().__init__()
        widths = [features, *[hidden] * (layers - 1), code]
        self.layers = nn.ModuleList([LAYERS[kind](a, b) for a, b in zip(widths, widths[1:])])

    def codes(self, x: Tensor, edges: Tensor) -> Tensor:
        """(N, code)."""
        for number, layer in enumerate(self.layers):
            x = layer(F.relu(x) if number else x, edges)
        return x

    def forward(self, x: Tensor, edges: Tensor, pairs: Tensor) -> Tensor:
        codes = self.codes(x, edges)
        return (codes[pairs[:, 0]] * codes[pairs[:, 1]]).sum(-1)


class PairBatches:
    """`repeats` steps an epoch. In each the messages go along a share `shown` of the training edges, and the others are asked
    about, with as many pairs without an edge: an edge that is shown would tell its own ends. All is drawn by (seed, epoch,
    step)."""

    def __init__(self, material: KnownEdges, repeats: int, shown: float, seed: int) -> None:
        self.material, self.repeats, self.seed, self.epoch = material, repeats, seed, 0
        self.shown = min(max(1, round(shown * len(material.train))), len(material.train) - 1)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.repeats

    def __iter__(self) -> Iterator[Any]:
        return self.batches(0)

    def batches(self, start: int) -> Iterator[Any]:
        edges, nodes = self.material.train, len(self.material.graph.names)
        for step in range(start, self.repeats):
            draws = Draws(self.seed, self.epoch, step, purpose="shown edges").units(len(edges))
            order = np.argsort(draws, kind="stable")
            shown, hidden = edges[np.sort(order[:self.shown])], edges[order[self.shown:]]
            others = drawn_pairs(edges, nodes, len(hidden), self.seed, self.epoch, step)
            yield _asked(self.material, Pairs(hidden, others), shown)


@dataclass(frozen=True)
class LinkEvaluation(Evaluation):
    """`chances` of the split's edges, then of its pairs without one."""

    chances: np.ndarray | None = None


class Links(Recipe):
    name = "links"
    takes = "node"
    settings = Settings
    help = HELP
    prepared = Prepared

    def material(self, settings: Settings) -> KnownEdges:
        """Raises as `read_edges` does, and ValueError for a graph with too few edges, or with hardly a pair that has none."""
        graph = read_edges(settings.data, settings.nodes)
        return split_edges(graph, settings)

    def prepare(self, settings: Settings, material: KnownEdges) -> Prepared:
        return Prepared(material.features.shape[1], material.graph.fingerprint)

    def model(self, settings: Settings, prepared: Prepared) -> nn.Module:
        return LinkNetwork(prepared.features, settings.hidden, settings.code, KINDS[settings.kind], settings.layers)

    def goal(self, settings: Settings, material: KnownEdges, prepared: Prepared) -> Goal:
        train = PairBatches(material, settings.repeats, settings.shown, settings.seed)
        return Goal(nn.BCEWithLogitsLoss(), train, [_asked(material, material.validation)], error=_wrong)

    def notes(self, material: KnownEdges) -> Sequence[str]:
        graph = material.graph
        counts = f"{len(material.validation.edges)} and {len(material.test.edges)} to validate and test with"
        return [*graph.notes, f"{len(graph.names)} nodes, {len(material.train)} edges to learn from, {counts}, each beside as "
                "many pairs without an edge"]

    def example(self, prepared: Prepared) -> tuple[Tensor, ...]:
        pair = from_numpy(np.array([[0, 1], [1, 0]]))
        return zeros(2, prepared.features), pair, pair

    def measure(self, model: nn.Module, settings: Settings, material: KnownEdges, split: str) -> LinkEvaluation:
        """Area under the curve and average precision of edges against pairs without one."""
        pairs = material.part(split)
        logits = logits_of(model, material, pairs.all)
        labels = pairs.labels
        loss = nn.BCEWithLogitsLoss()(from_numpy(logits), from_numpy(labels)).item()
        area, precision = area_under_curve(logits, labels), average_ranked_precision(logits, labels)
        right = float(((logits > 0) == (labels > 0)).mean())
        figures = {"auc": area, "average_precision": precision, "accuracy": right, "loss": loss}
        told = (f"area under the curve {area:.4f}, average precision {precision:.4f} with {len(pairs.edges)} edges and as many "
                f"other pairs, loss {loss:.4f}")
        tiles = [(f"{area:.3f}", f"{split} area under the curve"), (f"{precision:.3f}", f"{split} average precision"),
                 (percent(right), "pairs right")]
        return LinkEvaluation(split, len(logits), figures, told, tiles, chances=_chance(logits))

    def sections(self, model: nn.Module, settings: Settings, material: KnownEdges, test: Evaluation) -> list[str]:
        assert isinstance(test, LinkEvaluation)
        assert test.chances is not None
        names = material.graph.names
        missing, chances = best_missing(model, material)
        rows = [[names[a], names[b], percent(p)] for (a, b), p in zip(missing[:SHOWN].tolist(), chances.tolist())]
        drawn = legend() + picture(material, test.chances, missing)
        return [
            section("The graph, its hidden edges and those that it is thought to lack", drawn),
            section("Most probable edges that the graph has not", table(["node", "node", "probability"], rows, (2,))),
        ]

    def predict(self, run: str | Path, inputs: Sequence[str], options: Any = None) -> list[Answer]:
        """For "A,B" the probability of an edge; for a node those that it most probably lacks. Raises as `load` does, and
        ValueError for a changed graph or a name that is no node."""
        settings, model, prepared = self.load(run)
        material = self.material(settings)
        if material.graph.fingerprint != prepared.fingerprint:
            raise ValueError(f"{settings.data}: has changed since {run} was trained: train again, or bring the old graph back")
        return [_answer(model, material, given) for given in inputs]

    def subject(self, settings: Settings) -> str:
        return f"{settings.kind} links of {settings.data}"

    def heading(self, settings: Settings) -> str:
        return super().heading(settings).replace("batches of 1, ", "the whole graph a step, ")

    def next_steps(self, run: Path) -> list[str]:
        return [f"evaluate {run}", f"predict {run} NODE --out graph.svg", f"predict {run} NODE,NODE"]


def split_edges(graph: NodeGraph, s: Settings) -> KnownEdges:
    """85, 5 and 10 % of the edges by the seed, with as many pairs without an edge beside the last two."""
    count = len(graph.edges)
    sizes = [max(1, round(share * count)) for share in SHARES]
    if count < sum(sizes) + 2:
        raise ValueError(f"{s.data}: {count} edges are too few to learn from some and to be measured with others")
    order = permutation(count, s.seed, "edges")
    held_out = missing_pairs(graph.edges, len(graph.names), sum(sizes), s.seed)
    if s.inputs == "columns" and graph.features is None:
        raise ValueError(f"{s.data}: inputs=columns, but its nodes have no columns: take inputs=number")
    features = graph.features if s.inputs != "number" else None
    features = np.eye(len(graph.names), dtype=np.float32) if features is None else features
    train = graph.edges[np.sort(order[sum(sizes):])]
    validation = Pairs(graph.edges[order[:sizes[0]]], held_out[:sizes[0]])
    test = Pairs(graph.edges[order[sizes[0]:sum(sizes)]], held_out[sizes[0]:])
    return KnownEdges(graph, features, train, validation, test)


def logits_of(model: nn.Module, material: KnownEdges, pairs: np.ndarray) -> np.ndarray:
    """(P,), in evaluation mode."""
    model.eval()
    with no_grad():
        return model(*material.call(pairs)).numpy().astype(np.float64)


def best_missing(model: nn.Module, material: KnownEdges) -> tuple[np.ndarray, np.ndarray]:
    """Pairs that are no edges of the graph, the most probable first, and their probabilities; of a large graph such of the
    best connected nodes."""
    edges = material.graph.edges
    which = np.sort(np.argsort(-material.graph.degrees, kind="stable")[:MOST_NODES])
    place = np.full(len(material.graph.names), -1)
    place[which] = np.arange(len(which))
    inside = place[edges][(place[edges] >= 0).all(1)]
    taken = np.zeros((len(which), len(which)), bool)
    taken[inside[:, 0], inside[:, 1]] = True
    pairs = which[np.argwhere(np.triu(~taken, 1))]
    chances = _chance(logits_of(model, material, pairs))
    best = np.argsort(-chances, kind="stable")[:10 * SHOWN]
    return pairs[best], chances[best]


def picture(material: KnownEdges, chances: np.ndarray, missing: np.ndarray) -> str:
    """The graph as an SVG with the test edges by whether they were found, and a few that it lacks."""
    test = material.test.edges
    found = chances[:len(test)] > 0.5
    known = np.concatenate([material.train, material.validation.edges])
    return drawing(material.graph.names, known, test[found], test[~found], missing[:SHOWN // 2])


def _asked(material: KnownEdges, pairs: Pairs, shown: np.ndarray | None = None) -> tuple[Any, Tensor]:
    return material.call(pairs.all, shown), from_numpy(pairs.labels)


def _wrong(logits: Tensor, labels: Tensor) -> int:
    return int(((logits.numpy() > 0) != (labels.numpy() > 0)).sum())


def _chance(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits, -500, 500)))


def _answer(model: nn.Module, material: KnownEdges, given: str) -> Answer:
    names = material.graph.names
    ends = [given] if given in names else [end.strip() for end in given.split(",")]
    unknown = [end for end in ends if end not in names]
    if unknown or len(ends) > 2 or len(set(ends)) < len(ends):
        what = f"{unknown[0]!r} is no node" if unknown else f"{given!r} is neither a node nor two"
        raise ValueError(f"{what} of {material.graph.name}: its nodes are {', '.join(names[:5])}, ...; two of them are written "
                         "A,B")

    def save(path: Path) -> None:
        if path.suffix.lower() != ".svg":
            raise ValueError(f"{path}: a graph is drawn as SVG: give a name that ends with .svg")
        chances = _chance(logits_of(model, material, material.test.all))
        path.write_text(picture(material, chances, best_missing(model, material)[0]), encoding="utf-8")

    return Answer(*(_of_pair if len(ends) == 2 else _of_node)(model, material, [names.index(end) for end in ends]), save)


def _of_pair(model: nn.Module, material: KnownEdges, ends: list[int]) -> tuple[str, dict[str, Any]]:
    names, pair = material.graph.names, sorted(ends)
    chance = float(_chance(logits_of(model, material, np.array([pair])))[0])
    there = bool((material.graph.edges == pair).all(1).any())
    learned = bool((material.train == pair).all(1).any())
    facts = {"nodes": [names[i] for i in ends], "probability": chance, "edge": there, "learned_from": learned}
    known = "an edge, learned from" if learned else "an edge of the graph" if there else "no edge of the graph"
    return f"{names[ends[0]]} and {names[ends[1]]}: {percent(chance)} ({known})", facts


def _of_node(model: nn.Module, material: KnownEdges, ends: list[int]) -> tuple[str, dict[str, Any]]:
    names, [node] = material.graph.names, ends
    near = {int(b) if a == node else int(a) for a, b in material.graph.edges.tolist() if node in (a, b)}
    others = [i for i in range(len(names)) if i != node and i not in near]
    if not others:
        return f"{names[node]} has an edge to every other node", {"node": names[node], "lacks": []}
    chances = _chance(logits_of(model, material, np.array([[node, i] for i in others])))
    best = np.argsort(-chances, kind="stable")[:BEST].tolist()
    lacks = [{"node": names[others[i]], "probability": float(chances[i])} for i in best]
    lines = [f"{names[node]}, edges that the graph has not:", *(f"  {percent(d['probability']):>7}  {d['node']}" for d in lacks)]
    return "\n".join(lines), {"node": names[node], "edges": len(near), "lacks": lacks}


RECIPE = Links()
