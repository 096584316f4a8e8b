"""A graph as two tables: edges, by the names in the first two columns, and nodes, by the name in the first."""

from __future__ import annotations

from pathlib import Path

from ..problems import Problems
from ..sources.csv_file import read_csv
from ..sources.table import Table
from .node_graph import Parsed, cell

ENDINGS = (".csv", ".tsv", ".tab")


def read_tables(edges: Path, nodes: Path) -> Parsed:
    """Raises ValueError for a table of edges of one column, and for a node without a name or one that comes twice."""
    pairs, table = (read_csv(path, Problems()) for path in (edges, nodes))
    if len(pairs.columns) < 2:
        raise ValueError(f"{edges}: needs 2 columns, the two ends of an edge, and has {len(pairs.columns)}")
    names, *columns = table.columns
    known = [str(name or "").strip() for name in table.columns[names]]
    _unlike(table, known)
    left = list(pairs.columns)[2:]
    notes = [*pairs.notes, *table.notes] + ([f"{edges.name}: not used: {', '.join(left)}"] if left else [])
    ends = [[str(end or "").strip() for end in column] for column in list(pairs.columns.values())[:2]]
    _ends_known(pairs, ends, set(known))
    cells = {name: [cell(None if c is None else str(c)) for c in table.columns[name]] for name in columns}
    return Parsed(edges, known, list(zip(*ends)), cells, notes)


def read_edge_table(path: Path) -> Parsed:
    """A table of edges alone: nodes are the names in it, without columns. Raises ValueError for a table of one column, and for an
    edge that lacks an end."""
    found = read_csv(path, Problems())
    if len(found.columns) < 2:
        raise ValueError(f"{path}: needs 2 columns, the two ends of an edge, and has {len(found.columns)}")
    first, second = ([str(end or "").strip() for end in column] for column in list(found.columns.values())[:2])
    for row, a, b in zip(found.rows, first, second):
        if not a or not b:
            raise ValueError(f"{path}: row {row}: an edge needs two ends, got {a!r} and {b!r}")
    left = list(found.columns)[2:]
    notes = [*found.notes, *([f"{path.name}: not used: {', '.join(left)}"] if left else [])]
    return Parsed(path, sorted({*first, *second}), list(zip(first, second)), {}, notes)


def _unlike(table: Table, names: list[str]) -> None:
    first: dict[str, int] = {}
    for row, name in zip(table.rows, names):
        if not name:
            raise ValueError(f"{table.path}: row {row}: a node needs a name, in the first column")
        if name in first:
            raise ValueError(f"{table.path}: row {row}: node {name!r} stands in row {first[name]} already")
        first[name] = row


def _ends_known(pairs: Table, ends: list[list[str]], known: set[str]) -> None:
    for row, *both in zip(pairs.rows, *ends):
        for name in both:
            if name not in known:
                raise ValueError(f"{pairs.path}: row {row}: node {name!r} is not in the table of nodes")
