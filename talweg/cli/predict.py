"""`talweg predict RUN image.png`, `talweg predict --model resnet50 --weights PATH photo.jpg`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..recipes.recipe import Recipe
from ..recipes.registry import recipe_of
from ..recipes.settings import from_mapping
from .options import RECIPE, RecipeCommand
from .output import as_json, print_json
from .weights import run_or_weights, takes_weights


@click.command(cls=RecipeCommand, kind="predict", short_help="Say what a file holds.")
@click.argument("what", nargs=-1, required=True, metavar="[RUN] INPUT...")
@takes_weights
@click.option("--out", metavar="FILE", help="Write the answer as a picture, where there is one to look at.")
@as_json
@click.pass_context
def command(
    ctx: click.Context, what: tuple[str, ...], weights: str | None, model: str | None, out: str | None, as_json: bool,
    **options: Any,
) -> None:
    """What RUN, a folder such as runs/lenet-digits, or published weights make of INPUT, a file as their recipe takes them.

    \b
    talweg predict runs/lenet-digits digit.png
    talweg predict --model resnet50 --weights resnet50.pth photo.jpg
    talweg predict --model clip --weights clip/ x.png --labels "a photo of a cat,a photo of a dog"

    `talweg predict RUN --help` shows the options that belong to the run, as with --weights to these."""
    run, inputs = run_or_weights(ctx, what, weights, model)
    if not inputs:
        raise click.UsageError(f"needs something to look at: what should {run} make a statement about?", ctx)
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
