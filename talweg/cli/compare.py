"""`talweg compare RUN...`."""

from __future__ import annotations

from pathlib import Path

import click

from ..recipes.runs import config_of
from ..training.compare import comparison, rows, run_figures
from .output import as_json, print_json, table


@click.command(short_help="Several runs side by side.")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--out", default="comparison.html", show_default=True, help="The page with the table and the curves.")
@as_json
def command(runs: tuple[str, ...], out: str, as_json: bool) -> None:
    """Print the best epochs of several RUNs, and the settings in which they differ; write the curves to one page."""
    found = [run_figures(run, config_of(run)["settings"]) for run in runs]
    head, body = rows(found)
    if as_json:
        print_json({"runs": [dict(zip(head, row)) for row in body]})
        return
    Path(out).write_text(comparison(found), encoding="utf-8")
    click.echo(table([head, *body], right=tuple(range(1, 7))))
    click.echo(f"Curves      {out}")
