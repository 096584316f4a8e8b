"""GraphML (Brandes et al., 2002) and GEXF (Gephi, 1.1 to 1.3), as networkx, Gephi, igraph and yEd write them."""

from __future__ import annotations

import xml.etree.ElementTree as xml
from pathlib import Path

from .node_graph import Parsed, cell

TAGS = {".graphml": "graphml", ".gexf": "gexf"}


def read_xml(path: Path) -> Parsed:
    """Raises ValueError for a file that is no sound XML, declares a document type, or is of another kind."""
    content = path.read_bytes()
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ValueError(f"{path}: declares a document type, which graphs have no use for")
    try:
        root = xml.fromstring(content)
    except (xml.ParseError, ValueError) as error:
        raise ValueError(f"{path}: is no sound XML ({error})") from error
    for element in root.iter():  # names without their address: publishers use several for one format
        element.tag = str(element.tag).rpartition("}")[2]
    wanted = TAGS[path.suffix.lower()]
    if root.tag != wanted:
        raise ValueError(f"{path}: a {path.suffix} file begins with <{wanted}>, this one with <{root.tag}>")
    graph = root.find("graph")
    if graph is None:
        raise ValueError(f"{path}: holds no <graph>")
    if graph.find(".//hyperedge") is not None:
        raise ValueError(f"{path}: has edges between more than two nodes (hyperedge), which networks here do not take")
    return _graphml(path, root, graph) if wanted == "graphml" else _gexf(path, graph)


def _graphml(path: Path, root: xml.Element, graph: xml.Element) -> Parsed:
    keys = {k.get("id", ""): k for k in root.iter("key") if k.get("for", "all") in ("node", "all")}
    nodes = list(graph.iter("node"))
    names = _names(path, [node.get("id") for node in nodes])
    rows = [{d.get("key", ""): d.text for d in node.findall("data")} for node in nodes]
    columns = {
        key.get("attr.name") or id: [cell(row.get(id, key.findtext("default"))) for row in rows] for id, key in keys.items()
    }
    return Parsed(path, names, _pairs(path, graph), _with_values(columns), _directed(graph, "edgedefault"))


def _gexf(path: Path, graph: xml.Element) -> Parsed:
    nodes = list(graph.iter("node"))
    ids = _names(path, [node.get("id") for node in nodes])
    labels = [(node.get("label") or "").strip() for node in nodes]
    names = labels if all(labels) and len(set(labels)) == len(labels) else ids
    called = dict(zip(ids, names))
    rows = [{v.get("for", v.get("id", "")): v.get("value") for v in node.findall("attvalues/attvalue")} for node in nodes]
    columns: dict[str, list[str | None]] = {}
    for group in graph.findall("attributes"):
        for a in group.findall("attribute") if group.get("class") == "node" else ():
            columns[a.get("title") or a.get("id") or ""] = [cell(row.get(a.get("id", ""), a.findtext("default"))) for row in rows]
    edges = [(called.get(a, a), called.get(b, b)) for a, b in _pairs(path, graph)]
    return Parsed(path, names, edges, _with_values(columns), _directed(graph, "defaultedgetype"))


def _names(path: Path, ids: list[str | None]) -> list[str]:
    names = [id.strip() for id in ids if id is not None]
    if len(names) < len(ids) or not names:
        raise ValueError(f"{path}: " + ("has a node without an id" if ids else "has no nodes"))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{path}: two nodes have the id {twice!r}")
    return names


def _pairs(path: Path, graph: xml.Element) -> list[tuple[str, str]]:
    pairs = []
    for edge in graph.iter("edge"):
        ends = edge.get("source"), edge.get("target")
        if ends[0] is None or ends[1] is None:
            raise ValueError(f"{path}: an edge has no source or no target")
        pairs.append((ends[0].strip(), ends[1].strip()))
    return pairs


def _with_values(columns: dict[str, list[str | None]]) -> dict[str, list[str | None]]:
    return {name: cells for name, cells in columns.items() if any(c is not None for c in cells)}


def _directed(graph: xml.Element, attribute: str) -> list[str]:
    return ["its edges have a direction: messages go both ways along them"] if graph.get(attribute) == "directed" else []
