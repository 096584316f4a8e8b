"""Parquet files, through pyarrow."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from ..problems import Problems
from .table import Table, table_of

NEEDED = "Parquet files need pyarrow: run `pip install talweg[parquet]`"


def read_parquet(path: Path, problems: Problems) -> Table:
    """The table of a Parquet file. Raises ModuleNotFoundError without pyarrow, ValueError for a damaged file."""
    module = _pyarrow(path)
    try:
        found = module.read_table(str(path))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: is no Parquet file or is damaged ({error})") from error
    names = list(found.column_names)
    columns = [[_plain(cell) for cell in found.column(name).to_pylist()] for name in names]
    rows = [(i + 1, list(cells)) for i, cells in enumerate(zip(*columns))]
    return table_of(path, names, rows, problems)


def _pyarrow(path: Path) -> Any:
    try:
        return importlib.import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{path}: {NEEDED}") from error


def _plain(cell: Any) -> Any:
    """Numbers, words and None as they are; dates and the rest by their text."""
    return cell if cell is None or isinstance(cell, bool | int | float | str) else str(cell)
