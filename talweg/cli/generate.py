"""`talweg generate RUN`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..recipes.recipe import Recipe
from ..recipes.registry import recipe_of
from .options import RECIPE, RecipeCommand
from .output import as_json, print_json
from .predict import saved, used


@click.command(cls=RecipeCommand, kind="generate", short_help="Make something new with a trained model.")
@click.argument("run")
@click.option("--out", metavar="FILE", help="Write what was made, where it is a picture or a sound.")
@as_json
@click.pass_context
def command(ctx: click.Context, run: str, out: str | None, as_json: bool, **options: Any) -> None:
    """Make something new with RUN, a folder such as runs/gpt-topics, or ddpm-digits, or a folder of published weights.

    `talweg generate RUN --help` shows the options that belong to the run."""
    recipe: Recipe = ctx.meta[RECIPE] or recipe_of(run)
    answer = recipe.generate(run, used(recipe, options))
    if out is not None:
        saved(answer, Path(out), recipe, ctx)
    if as_json:
        answer.whole()
        print_json(answer.facts)
        return
    click.echo(answer.text, nl=False)
    for piece in answer.pieces or ():
        click.echo(piece, nl=False)  # and flushed, so that a text is seen as it is made
    click.echo()
