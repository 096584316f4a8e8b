"""`talweg evaluate RUN`."""

from __future__ import annotations

import click

from ..recipes.registry import recipe_of
from ..recipes.reinforcement.recipe import AgentRecipe
from .output import as_json, print_json, table


@click.command(short_help="Measure a trained model.")
@click.argument("run")
@click.option("--split", default="test", show_default=True, help="train, validation or test.")
@click.option("--episodes", type=int, help="How many, for a run that learned in an environment.")
@as_json
@click.pass_context
def command(ctx: click.Context, run: str, split: str, episodes: int | None, as_json: bool) -> None:
    """Measure the best weights of RUN, a folder such as runs/lenet-digits, on a split of its dataset."""
    recipe = recipe_of(run)
    if episodes is None:
        found = recipe.evaluate(run, split)
    elif isinstance(recipe, AgentRecipe):
        found = recipe.evaluate(run, split, episodes)
    else:
        raise click.UsageError(f"--episodes: a {recipe.name} run plays no episodes", ctx)
    if as_json:
        print_json(found.as_dict())
        return
    click.echo(f"{run} on the {split} split: {found.summary}")
    if found.lines:
        click.echo("\n" + table(found.lines, right=tuple(range(1, len(found.lines[0]) - 1))))
