"""`talweg train MODEL --data NAME`."""

from __future__ import annotations

import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from ..data import CATALOGUE, holds_pictures
from ..recipes.evaluation import Outcome
from ..recipes.recipe import Recipe
from ..recipes.registry import RECIPES, names, recipe_for
from ..recipes.search import search_batch_size, search_rate, told
from ..recipes.settings import from_mapping
from ..training import progress_for
from .options import RECIPE, RecipeCommand, settings_in
from .output import as_json, print_json, program

_EPILOG = "Recipes, each with a model that suits it: " + "; ".join(f"{name}: {e.summary}" for name, e in RECIPES.items())


@click.command(cls=RecipeCommand, kind="train", short_help="Train a model on a dataset.", epilog=_EPILOG)
@click.argument("model", required=False)
@click.option("--model", "by_name", metavar="MODEL", help="The same as the argument; beside a recipe, its model.")
@click.option("--config", type=click.Path(), help="Settings from a file, such as a run's config.yaml; flags go before it.")
@click.option("--resume", "run", type=click.Path(), metavar="RUN", help="Go on with a run that was interrupted or killed.")
@click.option("--find-lr", is_flag=True, help="Do not train: suggest a learning rate, and write its curve.")
@click.option("--find-batch-size", is_flag=True, help="Do not train: suggest a batch size.")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="Any setting; repeatable.")
@click.option("--out", help="Run folder; a number is added when it exists. [default: runs/MODEL-DATA]")
@as_json
@click.pass_context
def command(
    ctx: click.Context, model: str | None, by_name: str | None, config: str | None, run: str | None, find_lr: bool,
    find_batch_size: bool, pairs: tuple[str, ...], out: str | None, as_json: bool, **options: Any,
) -> None:
    """Train MODEL, or by a recipe its usual model, and keep checkpoint, history and report in a run folder.

    With --data, MODEL may be left out: lenet for pictures and sounds, mlp for tables and texts. `talweg train MODEL --help`
    shows the settings that belong to it."""
    recipe: Recipe = ctx.meta[RECIPE]
    given = {name: value for name, value in options.items() if value is not None}
    given |= pairs_of(pairs, given) | named(one_of(model, by_name))
    listeners = [progress_for(Console(), quiet=as_json, figure=recipe.figure)]
    if run is not None:
        _refuse_beside_resume(config, out, find_lr or find_batch_size)
        outcome = recipe.resume(run, given, listeners)
    else:
        settings = _settings(recipe, config, given)
        if find_lr or find_batch_size:
            _search(recipe, settings, out, find_lr, find_batch_size, as_json)
            return
        if not as_json:
            click.echo(recipe.heading(settings))
        outcome = recipe.train(settings, out, listeners)
    if as_json:
        print_json(_facts(outcome))
    else:
        click.echo(_ending(recipe, outcome))
    if outcome.missing:
        click.echo(f"talweg: {outcome.missing}", err=True)
    if outcome.result.interrupted:
        ctx.exit(128 + (outcome.result.signal or signal.SIGINT))


def one_of(argument: str | None, option: str | None) -> str | None:
    """The model that either names. Raises UsageError where both do and the argument is not the option's recipe."""
    if option is None or argument is None:
        return option or argument
    if argument != option and option not in (RECIPES[argument].models if argument in RECIPES else ()):
        raise click.UsageError(f"names two models, {argument} and --model {option}: give one of them",
                               click.get_current_context())
    return option


def named(model: str | None) -> dict[str, str]:
    """The model that a name means: its own, or a recipe's usual one; for classify it depends on the data.

    Raises UsageError for the name or path of data."""
    if model is not None and model not in names() and (model in CATALOGUE or Path(model).exists()):
        raise click.UsageError(f"{model} is data and not a model: give it as --data {model}", click.get_current_context())
    return {} if model in (None, "classify") else {"model": recipe_for(model)[1]}


def _settings(recipe: Recipe, config: str | None, given: dict[str, Any]) -> Any:
    return from_mapping(recipe.settings, values_of(recipe, config, given))


def values_of(recipe: Recipe, config: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """The file's settings, the given ones before them, and a model that suits the data where none is named."""
    values = (settings_in(config, recipe.settings) if config else {}) | given
    if "model" not in values and recipe.name == "classify":
        if "data" not in values:
            raise click.UsageError("name a model (talweg train lenet), data (talweg train --data FOLDER), or both",
                                   click.get_current_context())
        values["model"] = "lenet" if holds_pictures(values["data"]) else "mlp"
    return values


def _refuse_beside_resume(config: str | None, out: str | None, searches: bool) -> None:
    beside = {"--config": config is not None, "--out": out is not None, "--find-lr or --find-batch-size": searches}
    for flag, given in beside.items():
        if given:
            raise click.UsageError(f"--resume goes on with a run and its settings, so {flag} has no place beside it",
                                   click.get_current_context())


def _search(recipe: Recipe, settings: Any, out: str | None, rate: bool, batch_size: bool, as_json: bool) -> None:
    """Print what the finders suggest; the curves go into a folder."""
    found: dict[str, Any] = {}
    if rate:
        found |= search_rate(recipe, settings, out)
    if batch_size:
        found |= search_batch_size(recipe, settings)
    if as_json:
        print_json(found)
    else:
        click.echo("\n".join(told(found)))


def pairs_of(pairs: tuple[str, ...], given: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise click.UsageError(f"--set takes NAME=VALUE, got {pair!r}", click.get_current_context())
        if name in found or name in given:
            raise click.UsageError(f"setting {name} is given twice", click.get_current_context())
        found[name] = value.strip()
    return found


def _ending(recipe: Recipe, outcome: Outcome) -> str:
    result, run = outcome.result, outcome.run
    best = result.best
    lines = []
    if result.interrupted:
        kept = f"the best epoch so far ({best.epoch})" if best else "the weights as they were"
        lines.append(f"Interrupted: kept {kept}. To go on: {program()} train --resume {run}")
    if result.skipped:
        lines.append(f"Skipped {result.skipped} steps whose loss or gradient was not finite.")
    if result.stopped_early:
        lines.append(f"Stopped early: no better epoch for {outcome.settings.patience} epochs.")
    if best:
        lines.append(f"Best epoch {best.epoch}: validation {recipe.figure.name} {recipe.figure.text(best.validation_loss)}")
    elif result.records:
        lines.append("No epoch had a finite validation loss, so the last step's weights were kept: try a smaller learning rate.")
    lines += [f"Diagnosis   {symptom}" for symptom in outcome.diagnosis]
    lines += [
        f"Test {outcome.test.summary}, measured once, with the {'best epoch' if best else 'last step'}'s weights",
        f"Trained in {result.seconds:.1f} s",
        f"Checkpoint  {run / 'model.safetensors'}",
        f"Report      {run / 'report.html'}",
        "Next        " + "   or   ".join(f"{program()} {step}" for step in recipe.next_steps(run)),
    ]
    return "\n".join(lines)


def _facts(outcome: Outcome) -> dict[str, Any]:
    best, s = outcome.result.best, outcome.settings
    return {
        "run": str(outcome.run),
        "model": s.model,
        "data": s.data,
        "seed": s.seed,
        "epochs": len(outcome.result.records),
        "best_epoch": best and best.epoch,
        "validation_loss": best and best.validation_loss,
        "validation_error": best and best.validation_error,
        **{f"test_{name}": value for name, value in outcome.test.figures.items()},
        "test_samples": outcome.test.samples,
        "seconds": outcome.result.seconds,
        "interrupted": outcome.result.interrupted,
        "skipped_steps": outcome.result.skipped,
        "diagnosis": [asdict(symptom) for symptom in outcome.diagnosis],
        "checkpoint": str(outcome.run / "model.safetensors"),
        "report": str(outcome.run / "report.html"),
        "history": [record.as_dict() for record in outcome.result.records],
    }
