"""`--data` for graphs: a named one, a GraphML or GEXF file, a table of edges with one of nodes, or the folder of both."""

from __future__ import annotations

from pathlib import Path

from ..catalogue import CATALOGUE, load
from ..named.karate import Graph
from .node_graph import NodeGraph, Parsed, node_graph, plain_graph
from .tables import ENDINGS, read_edge_table, read_tables
from .xml_files import TAGS, read_xml

NAMED = ("karate", "les_miserables", "davis_southern_women")
FORMATS = (f"{', '.join(NAMED)}, a .graphml or .gexf file, a table of edges (.csv, .tsv) with nodes=TABLE, or a folder with "
           "edges.csv and nodes.csv")


def read_graph(what: str, nodes: str | None = None, target: str | None = None) -> NodeGraph:
    """The graph and the classes in its nodes' column `target`, the last of a table where none is named; `nodes` is the table
    that belongs to a table of edges. Raises FileNotFoundError, or ValueError that says what is wrong where."""
    if what in CATALOGUE:
        if nodes is not None or target is not None:
            raise ValueError(f"{what} has its classes with it: leave out nodes and target")
        found = _named(what)
        if not found.classes:
            raise ValueError(f"{what}: its nodes have no classes to learn; `talweg train links --data {what}` learns its edges")
        return found
    parsed = _parsed(Path(what).expanduser(), nodes)
    if target is None and parsed.path.suffix.lower() in TAGS and len(parsed.columns) > 1:  # their order means nothing there
        raise ValueError(f"{what}: its nodes have the columns {', '.join(parsed.columns)}: say with --target which "
                         "holds the classes")
    return node_graph(parsed, target)


def read_edges(what: str, nodes: str | None = None) -> NodeGraph:
    """The graph alone, whatever its nodes' columns say: a table of edges needs no table of nodes. Raises as `read_graph` does."""
    if what in CATALOGUE:
        if nodes is not None:
            raise ValueError(f"{what} has its nodes with it: leave out nodes")
        return _named(what)
    path = Path(what).expanduser()
    if nodes is None and path.is_file() and path.suffix.lower() in ENDINGS:
        return plain_graph(read_edge_table(path))
    return plain_graph(_parsed(path, nodes))


def _named(what: str) -> NodeGraph:
    found = load(what) if what in NAMED else None
    if not isinstance(found, Graph):
        raise ValueError(f"{what} is no graph: graphs are {FORMATS}")
    names = found.names or [str(i) for i in range(len(found.labels))]
    return NodeGraph(what, names, found.edges, None, found.labels, found.classes, [])


def _parsed(path: Path, nodes: str | None) -> Parsed:
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such graph: graphs are {FORMATS}")
    if path.is_dir():
        return read_tables(_table(path, "edges"), Path(nodes).expanduser() if nodes else _table(path, "nodes"))
    if path.suffix.lower() in TAGS:
        if nodes is not None:
            raise ValueError(f"{path}: has its nodes with it: leave out nodes={nodes}")
        return read_xml(path)
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(f"{path}: is no graph that can be read: graphs are {FORMATS}")
    if nodes is None:
        raise ValueError(f"{path}: is a table of edges: name the table of its nodes, with a class for each, as nodes=TABLE")
    return read_tables(path, Path(nodes).expanduser())


def _table(folder: Path, stem: str) -> Path:
    for ending in ENDINGS:
        if (folder / f"{stem}{ending}").is_file():
            return folder / f"{stem}{ending}"
    raise FileNotFoundError(f"{folder}: holds no table {stem}.csv")
