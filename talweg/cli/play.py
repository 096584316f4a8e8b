"""`talweg play RUN`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..recipes.recipe import Recipe
from ..recipes.registry import recipe_of
from ..recipes.reinforcement.recipe import AgentRecipe
from .options import RECIPE, RecipeCommand
from .output import as_json, print_json
from .predict import saved, used


@click.command(cls=RecipeCommand, kind="generate", short_help="Watch a policy: an episode as an animation.")
@click.argument("run")
@click.option("--out", metavar="FILE", help="The animation, a GIF. [default: RUN/episode-N.gif]")
@as_json
@click.pass_context
def command(ctx: click.Context, run: str, out: str | None, as_json: bool, **options: Any) -> None:
    """Play an episode with the policy of RUN, a folder such as runs/dqn-CartPole-v1, and write it as an animation."""
    recipe: Recipe = ctx.meta[RECIPE] or recipe_of(run)
    if not isinstance(recipe, AgentRecipe):
        raise click.UsageError(f"{run}: a {recipe.name} run has learned no policy that could be played", ctx)
    answer = recipe.generate(run, used(recipe, options))
    path = Path(out) if out is not None else Path(run) / f"episode-{answer.facts['episode']}.gif"
    saved(answer, path, recipe, ctx)
    if as_json:
        print_json(answer.facts | {"file": str(path)})
    else:
        click.echo(f"{answer.text}\n{path}")
