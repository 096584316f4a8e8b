"""`talweg evaluate RUN`."""

from __future__ import annotations

import click

from ..recipes.registry import recipe_of
from .output import as_json, print_json, table


@click.command(short_help="Measure a trained model.")
@click.argument("run")
@click.option("--split", default="test", show_default=True, help="train, validation or test.")
@as_json
def command(run: str, split: str, as_json: bool) -> None:
    """Measure the best weights of RUN, a folder such as runs/lenet-digits, on a split of its dataset."""
    found = recipe_of(run).evaluate(run, split)
    if as_json:
        print_json(found.as_dict())
        return
    click.echo(f"{run} on the {split} split: {found.summary}")
    if found.lines:
        click.echo("\n" + table(found.lines, right=tuple(range(1, len(found.lines[0]) - 1))))
