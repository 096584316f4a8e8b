"""`talweg train MODEL --data NAME`."""

from __future__ import annotations

import signal
from typing import Any

import click
from rich.console import Console

from ..data import holds_pictures
from ..recipes.classify import Outcome, resume, train
from ..recipes.classify_help import HELP
from ..recipes.classify_search import search_batch_size, search_rate, told
from ..recipes.classify_settings import Settings
from ..recipes.settings import from_mapping
from ..training import progress_for
from .options import flags_of, settings_in
from .output import as_json, percent, print_json, program


@click.command(short_help="Train a model on a dataset.")
@click.argument("model", required=False)
@click.option("--config", type=click.Path(), help="Settings from a file, such as a run's config.yaml; flags go before it.")
@click.option("--resume", "run", type=click.Path(), metavar="RUN", help="Go on with a run that was interrupted or killed.")
@click.option("--find-lr", is_flag=True, help="Do not train: suggest a learning rate, and write its curve.")
@click.option("--find-batch-size", is_flag=True, help="Do not train: suggest a batch size.")
@flags_of(Settings, HELP, without=("model",))
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="Any setting; repeatable.")
@click.option("--out", help="Run folder; a number is added when it exists. [default: runs/MODEL-DATA]")
@as_json
def command(
    model: str | None, config: str | None, run: str | None, find_lr: bool, find_batch_size: bool, pairs: tuple[str, ...],
    out: str | None, as_json: bool, **options: Any,
) -> None:
    """Train MODEL (lenet, mlp) and keep its checkpoint, history and report in a run folder.

    With --data, MODEL may be left out: lenet for pictures and sounds, mlp for tables and texts."""
    given = {name: value for name, value in options.items() if value is not None}
    given |= _pairs(pairs, given) | ({"model": model} if model else {})
    listeners = [progress_for(Console(), quiet=as_json)]
    if run is not None:
        _refuse_beside_resume(config, out, find_lr or find_batch_size)
        outcome = resume(run, given, listeners)
        settings = outcome.settings
    else:
        settings = _settings(config, given)
        if find_lr or find_batch_size:
            _search(settings, out, find_lr, find_batch_size, as_json)
            return
        if not as_json:
            click.echo(_heading(settings))
        outcome = train(settings, out, listeners)
    if as_json:
        print_json(_facts(settings, outcome))
    else:
        click.echo(_ending(settings, outcome))
    if outcome.missing:
        click.echo(f"talweg: {outcome.missing}", err=True)
    if outcome.result.interrupted:
        click.get_current_context().exit(128 + (outcome.result.signal or signal.SIGINT))


def _settings(config: str | None, given: dict[str, Any]) -> Settings:
    """The file's settings, the given ones before them, and a model that suits the data where none is named."""
    values = (settings_in(config, Settings) if config else {}) | given
    if "model" not in values:
        if "data" not in values:
            raise click.UsageError("Missing argument 'MODEL'.", click.get_current_context())
        values["model"] = "lenet" if holds_pictures(values["data"]) else "mlp"
    return from_mapping(Settings, values)


def _refuse_beside_resume(config: str | None, out: str | None, searches: bool) -> None:
    beside = {"--config": config is not None, "--out": out is not None, "--find-lr or --find-batch-size": searches}
    for flag, given in beside.items():
        if given:
            raise click.UsageError(f"--resume goes on with a run and its settings, so {flag} has no place beside it",
                                   click.get_current_context())


def _search(settings: Settings, out: str | None, rate: bool, batch_size: bool, as_json: bool) -> None:
    """Print what the finders suggest; the curves go into a folder."""
    found: dict[str, Any] = {}
    if rate:
        found |= search_rate(settings, out)
    if batch_size:
        found |= search_batch_size(settings)
    if as_json:
        print_json(found)
    else:
        click.echo("\n".join(told(found)))


def _pairs(pairs: tuple[str, ...], given: dict[str, Any]) -> dict[str, str]:
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


def _heading(s: Settings) -> str:
    length = f"{s.epochs} epochs" if s.steps is None else f"{s.steps} steps"
    return (
        f"Training {s.model} on {s.data} ({s.size}x{s.size}): {length}, batches of {s.batch_size}, "
        f"{s.optimizer}, learning rate {s.lr:g}, {s.schedule} schedule, seed {s.seed}"
    )


def _ending(settings: Settings, outcome: Outcome) -> str:
    best = outcome.result.best
    run = outcome.run
    wrong = round(outcome.test_error * outcome.test_samples)
    lines = []
    if outcome.result.interrupted:
        kept = f"the best epoch so far ({best.epoch})" if best else "the weights as they were"
        lines.append(f"Interrupted: kept {kept}. To go on: {program()} train --resume {run}")
    if outcome.result.skipped:
        lines.append(f"Skipped {outcome.result.skipped} steps whose loss or gradient was not finite.")
    if outcome.result.stopped_early:
        lines.append(f"Stopped early: no better epoch for {settings.patience} epochs.")
    if best:
        lines.append(f"Best epoch {best.epoch}: validation loss {best.validation_loss:.4f}")
    lines += [
        f"Test accuracy {percent(outcome.test_accuracy)} ({wrong} of {outcome.test_samples} wrong), "
        f"loss {outcome.test_loss:.4f}, measured once, with the best epoch's weights",
        f"Trained in {outcome.result.seconds:.1f} s",
        f"Checkpoint  {run / 'model.safetensors'}",
        f"Report      {run / 'report.html'}",
        f"Next        {program()} evaluate {run}   or   {program()} predict {run} picture.png",
    ]
    return "\n".join(lines)


def _facts(settings: Settings, outcome: Outcome) -> dict[str, Any]:
    best = outcome.result.best
    return {
        "run": str(outcome.run),
        "model": settings.model,
        "data": settings.data,
        "seed": settings.seed,
        "epochs": len(outcome.result.records),
        "best_epoch": best and best.epoch,
        "validation_loss": best and best.validation_loss,
        "validation_error": best and best.validation_error,
        "test_loss": outcome.test_loss,
        "test_accuracy": outcome.test_accuracy,
        "test_samples": outcome.test_samples,
        "seconds": outcome.result.seconds,
        "interrupted": outcome.result.interrupted,
        "skipped_steps": outcome.result.skipped,
        "checkpoint": str(outcome.run / "model.safetensors"),
        "report": str(outcome.run / "report.html"),
        "history": [record.as_dict() for record in outcome.result.records],
    }
