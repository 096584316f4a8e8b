"""Tables: rows and columns of cells, from CSV, TSV, JSON lines and Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..problems import BadSample, Problems


@dataclass
class Table:
    """Columns by name, each a list of cells: numbers, words, or None for what is missing. `rows` are the file's line
    or row numbers, for messages."""

    path: Path
    columns: dict[str, list[Any]]
    rows: list[int]
    notes: list[str]

    def __len__(self) -> int:
        return len(self.rows)

    def without(self, bad: set[int]) -> Table:
        """The same without the samples of these indices."""
        keep = [i for i in range(len(self)) if i not in bad]
        columns = {name: [cells[i] for i in keep] for name, cells in self.columns.items()}
        return Table(self.path, columns, [self.rows[i] for i in keep], self.notes)


def table_of(path: Path, names: Sequence[str], rows: Sequence[tuple[int, Sequence[Any]]], problems: Problems) -> Table:
    """Cells by column; a row of another length is a bad sample. Raises ValueError for names given twice or no row."""
    twice = sorted({n for n in names if list(names).count(n) > 1})
    if twice:
        raise ValueError(f"{path}: two columns are called {', '.join(map(repr, twice))}: give each a name of its own")
    kept = []
    for number, cells in rows:
        if len(cells) == len(names):
            kept.append((number, cells))
        else:
            problems.found(BadSample(path, f"has {len(cells)} cells where there are {len(names)} columns", number))
    if not kept:
        raise ValueError(f"{path}: has no rows of data; {'; '.join(problems.notes())}".removesuffix("; "))
    columns = {name: [cells[i] for _, cells in kept] for i, name in enumerate(names)}
    return Table(path, columns, [number for number, _ in kept], [])


MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-"}


def number_of(cell: Any, comma: bool = False) -> float | None:
    """The cell as a number, None when it is none; with `comma` that is the decimal mark."""
    if isinstance(cell, bool):
        return float(cell)
    if isinstance(cell, int | float):
        return float(cell)
    if not isinstance(cell, str):
        return None
    text = cell.strip()
    if comma and text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    if "_" in text:  # Python reads 1_000 as a number; in a table it is a name
        return None
    try:
        return float(text)
    except ValueError:
        return None


def is_missing(cell: Any) -> bool:
    if cell is None:
        return True
    if isinstance(cell, float):
        return cell != cell
    return isinstance(cell, str) and cell.strip().lower() in MISSING
