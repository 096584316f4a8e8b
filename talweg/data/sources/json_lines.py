"""JSON lines: one object a line. Objects inside objects become columns called outer.inner."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..problems import BadSample, Problems
from .csv_file import read_text
from .table import Table, table_of

DEEPEST = 8


def read_json_lines(path: Path, problems: Problems) -> Table:
    """The table of a JSONL file; a key that a line lacks is a missing cell. Raises ValueError for an empty file
    and BadSample for a line that is no object of numbers, words and lists of numbers."""
    found: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            found.append((number, _flat(json.loads(line))))
        except (ValueError, RecursionError) as error:
            problems.found(BadSample(path, f"is no JSON object that a row can be made of ({error})", number))
    if not found:
        raise ValueError(f"{path}: has no rows of data; {'; '.join(problems.notes())}".removesuffix("; "))
    names = list(dict.fromkeys(name for _, row in found for name in row))
    return table_of(path, names, [(number, [row.get(n) for n in names]) for number, row in found], problems)


def _flat(value: Any, before: str = "", depth: int = 0) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"expected an object such as {{\"height\": 1.8, \"label\": \"a\"}}, got {type(value).__name__}")
    if depth > DEEPEST:
        raise ValueError(f"objects lie more than {DEEPEST} deep in each other")
    row: dict[str, Any] = {}
    for key, cell in value.items():
        name = f"{before}{key}"
        if isinstance(cell, Mapping):
            row |= _flat(cell, f"{name}.", depth + 1)
        elif isinstance(cell, list):
            row |= _listed(name, cell)
        else:
            row[name] = cell
    return row


def _listed(name: str, cells: list) -> dict[str, Any]:
    if any(isinstance(cell, bool) or not isinstance(cell, int | float) for cell in cells):
        raise ValueError(f"{name} is a list of other things than numbers")
    return {f"{name}.{i}": cell for i, cell in enumerate(cells)}
