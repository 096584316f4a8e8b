"""`talweg data list`."""

from __future__ import annotations

import click

from ..data import CATALOGUE
from .output import as_json, print_json, table


@click.group(short_help="The datasets that have a name.")
def command() -> None:
    """Datasets that `--data` accepts by name."""


@command.command("list")
@as_json
def list_command(as_json: bool) -> None:
    """Each named dataset with a line about it."""
    if as_json:
        print_json({name: {"summary": e.summary, "extra": e.extra} for name, e in CATALOGUE.items()})
        return
    needs = {name: f"needs talweg[{e.extra}]" if e.extra else "" for name, e in CATALOGUE.items()}
    click.echo(table([[name, e.summary, needs[name]] for name, e in CATALOGUE.items()]))
