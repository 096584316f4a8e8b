"""Many graphs with a class each: random families, a folder of GraphML and GEXF files by class, or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..catalogue import CATALOGUE, load
from ..examples import Examples, content_hash
from ..problems import BadSample, Problems
from ..sources.csv_file import read_text
from ..sources.walk import labelled_files
from ..to_splits import cut
from .node_graph import NodeGraph, Parsed, cell, plain_graph
from .xml_files import TAGS, read_xml

FORMATS = ("graph_families, a folder with a folder of .graphml or .gexf files for each class, or a .jsonl file of "
           '{"edges": [[0, 1], ...], "label": "a"}')
Sample = tuple[Parsed, str]


@dataclass(frozen=True)
class ManyGraphs:
    """`graphs` (N) with their nodes' columns, `labels` (N,) in numbers of `classes`; the parts are indices."""

    name: str
    graphs: list[NodeGraph]
    columns: list[dict[str, list[str | None]]]
    labels: np.ndarray
    classes: list[str]
    where: list[str]
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    fingerprint: str
    notes: list[str] = field(default_factory=list)

    def part(self, name: str) -> np.ndarray:
        """Raises ValueError for another name than train, validation and test."""
        if name not in ("train", "validation", "test"):
            raise ValueError(f"no split is called {name!r}: choose train, validation or test")
        return getattr(self, name)


def read_graphs(what: str, on_error: str = "stop", seed: int = 0) -> ManyGraphs:
    """Graphs by class, cut into parts. Raises FileNotFoundError, BadSample for a bad file or line unless on_error is "skip", and
    ValueError for the rest."""
    if what in CATALOGUE:
        return _split(what, *_named(what), None, [], seed)
    path, problems = Path(what).expanduser(), Problems(on_error)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is nothing there: graphs with classes are {FORMATS}")
    fixed: np.ndarray | None
    if path.is_dir():
        samples, where, fixed, notes = _of_folder(path, problems)
    elif path.suffix.lower() in (".jsonl", ".ndjson"):
        samples, where, fixed, notes = _of_lines(path, problems)
    else:
        raise ValueError(f"{path}: holds no graphs with classes by its name: they are {FORMATS}")
    if not samples:
        raise ValueError(f"{path}: holds no graph; {'; '.join(problems.notes())}".removesuffix("; "))
    return _split(path.name, samples, where, fixed, [*notes, *problems.notes()], seed)


def _split(
    name: str, samples: Sequence[Sample], where: list[str], fixed: np.ndarray | None, notes: list[str], seed: int,
) -> ManyGraphs:
    classes = sorted({label for _, label in samples})
    if len(classes) < 2:
        raise ValueError(f"{name}: its graphs are all of one class ({', '.join(classes)}): telling them apart needs two or more")
    graphs = [plain_graph(parsed) for parsed, _ in samples]
    labels = np.array([classes.index(label) for _, label in samples], np.int64)
    columns = [parsed.columns for parsed, _ in samples]
    contents = [content_hash(graph.edges, len(graph.names).to_bytes(8, "little"), repr(sorted(own.items())))
                for graph, own in zip(graphs, columns)]
    examples = Examples(
        name=name, inputs=np.zeros((len(samples), 1), np.float32), targets=labels, classes=classes,
        where=where.__getitem__, contents=contents, fixed=fixed,
    )
    (train, validation, test), told = cut(examples, seed)
    digest = content_hash(*contents, labels, *classes).hex()
    return ManyGraphs(name, graphs, columns, labels, classes, where, train, validation, test, digest, [*notes, *told])


def _named(what: str) -> tuple[list[Sample], list[str]]:
    if what != "graph_families":
        raise ValueError(f"{what} holds no graphs with classes: they are {FORMATS}")
    found = load(what)
    samples = [(Parsed(Path(what), g.names, [(str(a), str(b)) for a, b in g.edges], {}), label) for g, label in found]
    return samples, [f"graph {i + 1}" for i in range(len(found))]


def _of_folder(root: Path, problems: Problems) -> tuple[list[Sample], list[str], np.ndarray, list[str]]:
    files = labelled_files(root)
    named = np.array([p.suffix.lower() in TAGS for p in files.paths], bool)
    notes = files.notes + ([f"left out {int((~named).sum())} files that are no graphs by name"] if not named.all() else [])
    files = files.kept(named)
    samples: list[Sample] = []
    kept = np.zeros(len(files.paths), bool)
    for i, path in enumerate(files.paths):
        parsed = _tried(partial(read_xml, path), path, None, problems)
        if parsed is not None:
            samples.append((parsed, files.classes[files.labels[i]]))
            kept[i] = True
    files = files.kept(kept)
    return samples, [files.where(i) for i in range(len(samples))], files.fixed, notes


def _of_lines(path: Path, problems: Problems) -> tuple[list[Sample], list[str], None, list[str]]:
    samples: list[Sample] = []
    where = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        found = _tried(partial(parsed_line, path, line), path, number, problems)
        if found is not None:
            samples.append(found)
            where.append(f"{path}: row {number}")
    return samples, where, None, []


def _tried(read: Callable[[], Any], path: Path, row: int | None, problems: Problems) -> Any:
    """What was read, None for what was noted as bad: it is no sound graph, or has no edge."""
    try:
        found = read()
        plain_graph(found[0] if isinstance(found, tuple) else found)
        return found
    except (ValueError, RecursionError) as error:
        problems.found(BadSample(path, str(error).removeprefix(f"{path}: "), row))
        return None


def parsed_line(path: Path, line: str) -> Sample:
    """A graph from {"edges": pairs of node numbers or names, "label": class, "nodes": {column: a cell for each node}}; without
    "nodes" they are those of the edges. Raises ValueError."""
    value = json.loads(line)
    if not isinstance(value, dict) or not isinstance(value.get("edges"), list) or value.get("label") is None:
        raise ValueError('must hold an object with a list "edges" and a "label"')
    pairs = value["edges"]
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise ValueError('"edges" must be a list of pairs of nodes, such as [[0, 1], [1, 2]]')
    if not all(isinstance(end, str | int) for pair in pairs for end in pair):
        raise ValueError('"edges" joins nodes by their names or whole numbers, and one of its ends is neither')
    edges = [(str(a), str(b)) for a, b in pairs]
    columns = value.get("nodes") or {}
    if not isinstance(columns, dict) or not all(isinstance(cells, list) for cells in columns.values()):
        raise ValueError('"nodes" must be an object of lists, a cell for each node')
    names = sorted({end for edge in edges for end in edge}, key=lambda name: (len(name), name))
    if columns:
        count = {len(cells) for cells in columns.values()}
        if len(count) > 1:
            raise ValueError('"nodes": its lists have different lengths')
        names = [str(i) for i in range(count.pop())]
    cells = {str(name): [cell(None if c is None else str(c)) for c in found] for name, found in columns.items()}
    return Parsed(path, names, edges, cells), str(value["label"])
