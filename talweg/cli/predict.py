"""`talweg predict RUN image.png`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..recipes.recipe import Recipe
from ..recipes.registry import recipe_of
from ..recipes.settings import from_mapping
from .options import RECIPE, RecipeCommand
from .output import as_json, print_json


@click.command(cls=RecipeCommand, kind="predict", short_help="Say what a file holds.")
@click.argument("run")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--out", metavar="FILE", help="Write the answer as a picture, where there is one to look at.")
@as_json
@click.pass_context
def command(ctx: click.Context, run: str, inputs: tuple[str, ...], out: str | None, as_json: bool, **options: Any) -> None:
    """What RUN, a folder such as runs/lenet-digits, makes of INPUT, a file as its recipe takes them.

    `talweg predict RUN --help` shows the options that belong to the run."""
    recipe: Recipe = ctx.meta[RECIPE] or recipe_of(run)
    if out is not None and len(inputs) > 1:
        raise click.UsageError(f"--out {out} is one file, but there are {len(inputs)} inputs", ctx)
    answers = recipe.predict(run, inputs, used(recipe, options))
    if out is not None:
        saved(answers[0], Path(out), recipe, ctx)
    if as_json:
        found = [answer.facts for answer in answers]
        print_json(found[0] if len(found) == 1 else {"answers": found})
    else:
        for answer in answers:
            failed = "error" in answer.facts
            click.echo(f"talweg: {answer.text}" if failed else answer.text, err=failed)
    if any("error" in answer.facts for answer in answers):
        ctx.exit(1)


def used(recipe: Recipe, options: dict[str, Any]) -> Any:
    """The options of a run's recipe, None where it has none."""
    given = {name: value for name, value in options.items() if value is not None}
    return from_mapping(recipe.options, given) if recipe.options else None


def saved(answer: Any, path: Path, recipe: Recipe, ctx: click.Context) -> None:
    """Write what can be looked at. Raises UsageError where the answer is words and numbers only."""
    if answer.save is None:
        raise click.UsageError(f"--out {path}: a {recipe.name} run answers in words and numbers, there is nothing to draw", ctx)
    answer.save(path)
