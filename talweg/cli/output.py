"""How commands print: for people, or one JSON object for programs."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Callable
from typing import Any

import click

as_json: Callable = click.option("--json", "as_json", is_flag=True, help="Print one JSON object only.")


def print_json(values: dict[str, Any]) -> None:
    """One object, numbers that JSON does not have as null."""
    click.echo(json.dumps(plain(values), indent=2, ensure_ascii=False))


def percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def table(rows: list[list[Any]], right: tuple[int, ...] = ()) -> str:
    """Rows of text in aligned columns; the columns of `right` are flush right."""
    cells = [[str(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]

    def line(row: list[str]) -> str:
        padded = [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))]
        return "  ".join(padded).rstrip()

    return "\n".join(line(row) for row in cells)


def program() -> str:
    """How to call this command line again from here: `talweg` where the shell finds it, its path otherwise."""
    called = sys.argv[0]
    if os.path.basename(called) != "talweg" or shutil.which("talweg"):
        return "talweg"
    return os.path.relpath(called)
