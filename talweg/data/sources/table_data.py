"""From a table to samples: the target column, what it holds, and the other columns as inputs."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..examples import Examples, Request, content_hash
from ..problems import BadSample, Problems
from .columns import Column, bad_cells, column_of, features, where_of
from .csv_file import read_csv
from .json_lines import read_json_lines
from .parquet import read_parquet
from .table import Table, is_missing, number_of

MOST_NUMBERED_CLASSES = 20
MOSTLY_DIFFERENT = 0.9
TableReader = Callable[[Path, Problems], Table]


READERS: dict[str, TableReader] = {
    ".csv": read_csv, ".tsv": read_csv, ".tab": read_csv, ".jsonl": read_json_lines, ".ndjson": read_json_lines,
    ".parquet": read_parquet,
}


def read_table(path: Path, problems: Problems) -> Table:
    """The table of a file. Raises ValueError for one that is none by its name, and as its reader does."""
    if path.suffix.lower() not in READERS:
        raise ValueError(f"{path}: is no table by its name; those read end in {', '.join(READERS)}")
    return READERS[path.suffix.lower()](path, problems)


def table_reader(read: TableReader) -> Callable[[Path, Request], Examples]:
    """A reader of samples from a reader of tables."""

    def read_samples(path: Path, request: Request) -> Examples:
        problems = Problems(request.on_error)
        table = read(path, problems)
        return samples_of(table, request, problems)

    return read_samples


TABLES: dict[str, Callable[[Path, Request], Examples]] = {ending: table_reader(read) for ending, read in READERS.items()}


def samples_of(table: Table, request: Request, problems: Problems) -> Examples:
    """The target column's classes or numbers, and the other columns as features.

    A target of words is classes, of at most 20 different whole numbers too; other numbers are to be predicted as
    they are. Raises ValueError for a column that is not there, a target with one value, or no column to learn from.
    """
    target = _chosen(table, request.target, "target") or list(table.columns)[-1]
    group = _chosen(table, request.group, "group")
    table = table.without(_bad_rows(table, target, problems))
    if not len(table):
        raise ValueError(f"{table.path}: no row is left: {'; '.join(problems.notes())}")
    targets, classes = _targets(table, target)
    columns = [column_of(n, cells) for n, cells in table.columns.items() if n not in (target, group)]
    useful = [c for c in columns if c.kind != "useless"]
    if not useful:
        raise ValueError(f"{table.path}: beside the target {target!r} no column has anything to learn from")
    rows = [content_hash(repr(row)) for row in zip(*[c.cells for c in columns])]
    return Examples(
        name=table.path.name, inputs=np.zeros((len(table), 1), np.float32), targets=targets, classes=classes,
        where=where_of(table.path, table.rows), contents=_contents(rows, group),
        groups=None if group is None else np.array([str(c) for c in table.columns[group]]),
        notes=table.notes + [_told(columns, target, request)] + problems.notes(),
        finish=lambda train: features(useful, train), fingerprint=content_hash(*rows, targets).hex(),
    )


def _contents(rows: list[bytes], group: str | None) -> list[bytes] | None:
    """What stands for each row, where equal ones are likely to be the same case noted twice: among few columns of
    few kinds they are not, and a group column says itself which rows belong together."""
    return rows if group is None and len(set(rows)) >= MOSTLY_DIFFERENT * len(rows) else None


def _chosen(table: Table, wanted: str | None, what: str) -> str | None:
    if wanted is None or wanted in table.columns:
        return wanted
    near = difflib.get_close_matches(wanted, table.columns, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(list(table.columns)[:20])}"
    raise ValueError(f"{table.path}: no column is called {wanted!r} (the {what}): {hint}")


def _bad_rows(table: Table, target: str, problems: Problems) -> set[int]:
    """Rows without a target, and rows with words among numbers."""
    bad = set()
    for i, cell in enumerate(table.columns[target]):
        if is_missing(cell):
            holds = f"{cell!r}, which stands for a missing value," if isinstance(cell, str) and cell.strip() else "nothing"
            problems.found(BadSample(table.path, f"has {holds} in the target column {target!r}", table.rows[i]))
            bad.add(i)
    for name, cells in table.columns.items():
        column = column_of(name, cells)
        if column.kind == "number":
            bad |= bad_cells(table, column, problems)
    return bad


def _targets(table: Table, target: str) -> tuple[np.ndarray, list[str]]:
    cells = table.columns[target]
    numbers = [number_of(c) for c in cells]
    values = {n for n in numbers if n is not None}
    if len({str(c) for c in cells}) < 2:
        raise ValueError(f"{table.path}: the target column {target!r} holds one value only ({cells[0]!r}): "
                         "choose another column with --target")
    if None not in numbers and not (len(values) <= MOST_NUMBERED_CLASSES and all(v.is_integer() for v in values)):
        return np.array(numbers, np.float32)[:, None], []
    if None not in numbers:
        ordered = sorted(values)
        place = {v: i for i, v in enumerate(ordered)}
        return np.array([place[n] for n in numbers], np.int64), [f"{v:g}" for v in ordered]  # type: ignore[index]
    words = sorted({str(c) for c in cells})
    if len(words) > max(2, len(cells) / 2):
        raise ValueError(f"{table.path}: the target column {target!r} has {len(words)} different values in {len(cells)} "
                         "rows, which are no classes: choose another column with --target")
    number = {word: i for i, word in enumerate(words)}
    return np.array([number[str(c)] for c in cells], np.int64), words


def _told(columns: list[Column], target: str, request: Request) -> str:
    """What became of the columns."""
    by_kind = {kind: [c.name for c in columns if c.kind == kind] for kind in ("number", "category", "text", "useless")}
    called = {"number": "numbers", "category": "categories", "text": "texts", "useless": "left out (nothing to learn)"}
    parts = [f"{called[kind]}: {_names(names)}" for kind, names in by_kind.items() if names]
    given = "" if request.target else " (the last column; choose with --target)"
    return f"target: {target}{given}; {'; '.join(parts)}"


def _names(names: list[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
