"""Where a report goes: the terminal, JSON, docs/performance.json with the table and the plot of docs/performance.md."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from .plot import draw
from .process import ROOT
from .recipes.report import recipe_tables
from .tables import Table, tables

LATEST = ROOT / "bench" / "results" / "latest.json"
DOCS = ROOT / "docs"
RECORDS = ("races", "recipes")
BEGIN, END = "<!-- begin: written by python -m bench --write-docs -->", "<!-- end -->"


def every_table(report: dict) -> list[Table]:
    return [*(tables(report) if report["races"] else []), *recipe_tables(report.get("recipes", {}))]


def show(report: dict, console: Console) -> None:
    for table in every_table(report):
        console.print(_rich(table))
        if table.remark:
            console.print(table.remark, style="italic")


def _rich(table: Table) -> RichTable:
    drawn = RichTable(title=table.title, title_justify="left")
    for i, head in enumerate(table.heads):
        drawn.add_column(head, justify="left" if i == 0 else "right", overflow="fold")
    for row in table.rows:
        drawn.add_row(*map(escape, row))
    return drawn


def markdown(table: Table) -> str:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    rule = "|" + "---|" + "---:|" * (len(table.heads) - 1)
    parts = [f"### {table.title}", "", line(table.heads), rule, *(line(row) for row in table.rows)]
    return "\n".join([*parts, "", table.remark] if table.remark else parts)


def save(report: dict, path: Path) -> None:
    """As JSON, whole or not at all; numbers that JSON does not have as null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(_plain(report), indent=1) + "\n")
    os.replace(part, path)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def load(path: Path) -> dict:
    """A saved report. Raises click's error, which names the file, if it is none."""
    try:
        report = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path} cannot be read as a report of the benchmark: {error}") from None
    if not isinstance(report, dict) or not isinstance(report.get("races"), dict):
        raise click.ClickException(f"{path} is not a report of the benchmark: it has no races")
    return report


def write_docs(report: dict, folder: Path = DOCS) -> None:
    """Put a report's figures in the place of the older ones in performance.json; then page and plot from all of them.

    Raises click's error for quick runs, whose figures say little.
    """
    if any(record["quick"] for kind in RECORDS for record in report.get(kind, {}).values()):
        raise click.ClickException("the documents take no figures of a quick run: leave out --quick")
    path = folder / "performance.json"
    known = load(path) if path.exists() else {"races": {}}
    merged = {**known, **{k: v for k, v in report.items() if v}}
    merged |= {kind: {**known.get(kind, {}), **report.get(kind, {})} for kind in RECORDS}
    save(merged, path)
    draw(merged["races"], folder / "performance.svg")
    page = folder / "performance.md"
    page.write_text(replaced(page.read_text() if page.exists() else "", written(merged)))


def replaced(page: str, text: str) -> str:
    """The page with what stands between the two marks replaced, or appended where it has none."""
    block = f"{BEGIN}\n\n{text}\n\n{END}"
    if BEGIN in page and END in page:
        return page[: page.index(BEGIN)] + block + page[page.index(END) + len(END):]
    return f"{page.rstrip()}\n\n{block}\n".lstrip()


def written(report: dict) -> str:
    """The generated part of docs/performance.md."""
    origins: dict[str, list[str]] = {}
    for record in (record for kind in RECORDS for record in report.get(kind, {}).values()):
        o = record["origin"]
        cpu = o["machine"]
        text = (f"`{o['command']}`, {o['when']}, commit {o['commit']}: {cpu['processor']}, {cpu['cores']} cores, "
                f"{', '.join(cpu['instructions'])}; " + ", ".join(f"{k} {v}" for k, v in o["versions"].items()))
        origins.setdefault(text, []).append(record["workload"])
    lines = [f"- {text} ({', '.join(sorted(set(names)))})" for text, names in origins.items()]
    plot = "![How many times as fast as the best peer a training step is](performance.svg)"
    return "\n\n".join(["The figures come from:", "\n".join(lines), plot, *(markdown(t) for t in every_table(report))])
