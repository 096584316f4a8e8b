"""`talweg evaluate RUN`, `talweg evaluate RUN --corrupted`."""

from __future__ import annotations

from pathlib import Path

import click

from ..recipes.registry import recipe_of
from ..recipes.reinforcement.recipe import AgentRecipe
from ..recipes.robustness import TITLE
from ..training import keep_section
from .output import as_json, print_json, table

REPORT = "report.html"


@click.command(short_help="Measure a trained model.")
@click.argument("run")
@click.option("--split", default="test", show_default=True, help="train, validation or test.")
@click.option("--episodes", type=int, help="How many, for a run that learned in an environment.")
@click.option("--corrupted", is_flag=True, help="Accuracy on pictures with noise, blur, rotation and the like, each at three "
              "severities; some of them are shown in the run's report.")
@as_json
@click.pass_context
def command(ctx: click.Context, run: str, split: str, episodes: int | None, corrupted: bool, as_json: bool) -> None:
    """Measure the best weights of RUN, a folder such as runs/lenet-digits, on a split of its dataset."""
    recipe = recipe_of(run)
    if corrupted and episodes is not None:
        raise click.UsageError("--corrupted is for pictures, --episodes for environments: give one of them", ctx)
    if corrupted:
        suite = recipe.corrupted(run, split)
        found = suite.evaluation()
        if (Path(run) / REPORT).exists():
            keep_section(Path(run) / REPORT, TITLE, suite.section())
    elif episodes is None:
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
    if corrupted and (Path(run) / REPORT).exists():
        click.echo(f"\nPictures    {Path(run) / REPORT}")
