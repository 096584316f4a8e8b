"""`talweg tune MODEL --data NAME --over lr=1e-4..1e-1`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..data import short_name
from ..recipes.recipe import Recipe
from ..recipes.registry import recipe
from ..recipes.runs import config_of
from ..recipes.search_space import SEARCHES
from ..recipes.tune import Plan, Result, begin, carry_out, planned, read_plan, run_of, shown
from ..training.compare import comparison, rows, run_figures
from .main import INTERRUPTED
from .options import RECIPE, RecipeCommand
from .output import as_json, print_json, program, table
from .train import named, pairs_of, values_of

PAGE = "comparison.html"


class TuneCommand(RecipeCommand):
    """Its flags are those of `train`; a search that goes on has its recipe in the plan."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not any(a == "--resume" or a.startswith("--resume=") for a in args):
            return super().parse_args(ctx, args)
        ctx.meta[RECIPE] = recipe("classify")
        return click.Command.parse_args(self, ctx, args)


@click.command(cls=TuneCommand, kind="train", short_help="Search settings.")
@click.argument("model", required=False)
@click.option("--over", multiple=True, metavar="NAME=VALUES", help="A range, lr=1e-4..1e-1, or values, batch_size=32,64; those "
              "that are lists by semicolons, hidden=64;128,64. Repeatable.")
@click.option("--search", default="random", show_default=True, help=f"{', '.join(SEARCHES)} (a third goes on after each rung).")
@click.option("--trials", type=int, help="How many settings are tried. [default: 20; a grid: all]")
@click.option("--config", type=click.Path(), help="Settings from a file, such as a run's config.yaml; flags go before it.")
@click.option("--resume", "folder", type=click.Path(), metavar="FOLDER", help="Go on with a search that was stopped.")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="Any setting; repeatable.")
@click.option("--out", help="The search's folder; a number is added when it exists. [default: runs/tune-MODEL-DATA]")
@as_json
@click.pass_context
def command(
    ctx: click.Context, model: str | None, over: tuple[str, ...], search: str, trials: int | None, config: str | None,
    folder: str | None, pairs: tuple[str, ...], out: str | None, as_json: bool, **options: Any,
) -> None:
    """Train MODEL with many settings and tell which is best on the validation split; every trial is a run folder.

    What is tried depends on --seed and the ranges alone. Settings that are not searched over are flags, as in `talweg train`."""
    given = {name: value for name, value in options.items() if value is not None}
    given |= pairs_of(pairs, given) | named(model)
    if folder is not None:
        _refuse_beside_resume(ctx, given, {"--over": over, "--config": config, "--out": out, "--trials": trials})
        plan, where = read_plan(folder), Path(folder)
    else:
        plan, where = _begun(ctx.meta[RECIPE], config, given, over, search, trials, out)
    if not as_json:
        click.echo(f"{len(plan.trials)} trials over {', '.join(plan.trials[0])} ({plan.search} search) in {where}")
    try:
        results = carry_out(plan, where, (lambda *_: None) if as_json else lambda result, of: click.echo(_line(plan, result, of)))
    except KeyboardInterrupt:
        click.echo(f"Interrupted. To go on: {program()} tune --resume {where}")
        ctx.exit(INTERRUPTED)
    if as_json:
        print_json(_facts(plan, where, results))
    else:
        click.echo(_ending(where, results))


def _begun(
    task: Recipe, config: str | None, given: dict[str, Any], over: tuple[str, ...], search: str, trials: int | None,
    out: str | None,
) -> tuple[Plan, Path]:
    """The plan and its folder. What is searched over goes before what the file says of it, as flags do."""
    searched = {text.partition("=")[0].strip().replace("-", "_") for text in over}
    values = values_of(task, config, dict.fromkeys(searched) | given)
    fixed = {name: value for name, value in values.items() if name not in searched or name in given}
    plan = planned(task.name, fixed, over, search, trials)
    first = plan.settings_of(0)
    return plan, begin(plan, out or Path("runs") / f"tune-{first.model}-{short_name(first.data)}")


def _refuse_beside_resume(ctx: click.Context, given: dict[str, Any], beside: dict[str, Any]) -> None:
    flags = [flag for flag, value in beside.items() if value] + [f"setting {name}" for name in given]
    if flags:
        raise click.UsageError(f"--resume goes on with a search as it was planned, so {flags[0]} has no place beside it", ctx)


def _line(plan: Plan, result: Result, of: int) -> str:
    """`trial  3 of 20  lr 0.01, hidden 128: validation loss 0.1234, error 3.20 %, 10 epochs`."""
    error = "" if result.error is None else f", error {100 * result.error:.2f} %"
    figures = f"validation loss {result.loss:.4f}{error}, {result.epochs} epochs" if result.loss < float("inf") else ""
    ended = f"{'; ' if figures else ''}{result.ended}" if result.ended else ""
    rung = f" (rung {result.rung + 1} of {len(plan.rungs)}, {of} trials)" if len(plan.rungs) > 1 else ""
    return f"trial {result.trial + 1} of {len(plan.trials)}{rung}  {shown(plan.trials[result.trial])}: {figures}{ended}"


def _ending(folder: Path, results: list[Result]) -> str:
    found = [run_figures(run_of(folder, r.trial), config_of(run_of(folder, r.trial))["settings"]) for r in results]
    (folder / PAGE).write_text(comparison(found), encoding="utf-8")
    head, body = rows(found)
    best = run_of(folder, results[0].trial)
    lines = ["", table([head, *body], right=tuple(range(1, 7)))]
    if results[0].loss < float("inf"):
        lines += ["", f"Best        {best}: {program()} train --config {best / 'config.yaml'} trains it again, to the last bit",
                  f"Next        {program()} evaluate {best}"]
    else:
        lines += ["", "No trial learned: try smaller learning rates"]
    return "\n".join([*lines, f"Curves      {folder / PAGE}"])


def _facts(plan: Plan, folder: Path, results: list[Result]) -> dict[str, Any]:
    trials = [
        {"run": str(run_of(folder, r.trial)), "settings": plan.trials[r.trial], "epochs": r.epochs, "validation_loss": r.loss,
         "validation_error": r.error, "ended": r.ended} for r in results
    ]
    return {"folder": str(folder), "search": plan.search, "best": trials[0]["run"], "trials": trials}
