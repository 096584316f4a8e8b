"""`talweg generate RUN`, `talweg generate --weights gpt2/`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..recipes.recipe import Recipe
from ..recipes.registry import recipe_of
from .options import RECIPE, RecipeCommand
from .output import as_json, print_json
from .predict import saved, used
from .weights import run_or_weights, takes_weights


@click.command(cls=RecipeCommand, kind="generate", short_help="Make something new with a trained model.")
@click.argument("run", required=False)
@takes_weights
@click.option("--out", metavar="FILE", help="Write what was made, where it is a picture or a sound.")
@as_json
@click.pass_context
def command(
    ctx: click.Context, run: str | None, weights: str | None, model: str | None, out: str | None, as_json: bool, **options: Any,
) -> None:
    """Make something new with RUN, a folder such as runs/gpt-topics or runs/ddpm-digits, or with published weights.

    \b
    talweg generate runs/gpt-topics --prompt "The "
    talweg generate --weights gpt2/ --prompt "The capital of Japan is"
    talweg generate --weights ddpm/ --n 16 --trace 8 --out strips.png

    `talweg generate RUN --help` shows the options that belong to the run, as with --weights to these."""
    source, others = run_or_weights(ctx, () if run is None else (run,), weights, model)
    if others:
        raise click.UsageError(f"takes a run or --weights, got both {others[0]} and {source}", ctx)
    recipe: Recipe = ctx.meta[RECIPE] or recipe_of(source)
    answer = recipe.generate(source, used(recipe, options))
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
