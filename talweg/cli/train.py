"""`talweg train MODEL --data NAME`."""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console

from ..data import holds_pictures
from ..recipes.classify import Outcome, train
from ..recipes.classify_settings import Settings
from ..recipes.settings import from_mapping
from ..training import progress_for
from .output import as_json, percent, print_json, program

INTERRUPTED = 130


@click.command(short_help="Train a model on a dataset.")
@click.argument("model", required=False)
@click.option("--data", help="A dataset's name (`talweg data list`), or the path of your own. [default: digits]")
@click.option("--size", type=int, help="Side that images are resized to, in pixels. [default: 28]")
@click.option("--target", help="Column of a table that is to be predicted. [default: the last]")
@click.option("--on-error", help="At a file or row that cannot be used: stop or skip. [default: stop]")
@click.option("--augment", help="Changes of training images, such as shift,scale,mirror.")
@click.option("--epochs", type=int, help="Passes over the training data.")
@click.option("--lr", type=float, help="Learning rate.")
@click.option("--batch-size", type=int, help="Samples a step.")
@click.option("--optimizer", help="adam, adamw or sgd.")
@click.option("--schedule", help="Learning rate over the run: constant, cosine or linear.")
@click.option("--monitor", help="What the best epoch is best in: loss or error (validation).")
@click.option("--hidden", help="Widths of the mlp's hidden layers, such as 256,128.")
@click.option("--precision", help="Of matrix products and convolutions: fp32 or bf16. [default: fp32]")
@click.option("--checkpoint-activations", is_flag=True, default=None,
              help="Compute activations again in the backward pass instead of keeping them (mlp).")
@click.option("--seed", type=int, help="Seed of initial weights and sample order. [default: 0]")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="Any setting; repeatable.")
@click.option("--out", help="Run folder; a number is added when it exists. [default: runs/MODEL-DATA]")
@as_json
def command(model: str | None, pairs: tuple[str, ...], out: str | None, as_json: bool, **options: Any) -> None:
    """Train MODEL (lenet, mlp) and keep its checkpoint, history and report in a run folder.

    With --data, MODEL may be left out: lenet for pictures and sounds, mlp for tables and texts."""
    if model is None:
        if options["data"] is None:
            raise click.UsageError("Missing argument 'MODEL'.", click.get_current_context())
        model = "lenet" if holds_pictures(options["data"]) else "mlp"
    given = {name: value for name, value in options.items() if value is not None}
    settings = from_mapping(Settings, {"model": model} | given | _pairs(pairs, given))
    if not as_json:
        click.echo(_heading(settings))
    outcome = train(settings, out, [progress_for(Console(), quiet=as_json)])
    if as_json:
        print_json(_facts(settings, outcome))
    else:
        click.echo(_ending(settings, outcome))
    if outcome.missing:
        click.echo(f"talweg: {outcome.missing}", err=True)
    if outcome.result.interrupted:
        click.get_current_context().exit(INTERRUPTED)


def _pairs(pairs: tuple[str, ...], given: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise click.UsageError(f"--set takes NAME=VALUE, got {pair!r}", click.get_current_context())
        if name in found or name in given or name == "model":
            raise click.UsageError(f"setting {name} is given twice", click.get_current_context())
        found[name] = value.strip()
    return found


def _heading(s: Settings) -> str:
    return (
        f"Training {s.model} on {s.data} ({s.size}x{s.size}): {s.epochs} epochs, batches of {s.batch_size}, "
        f"{s.optimizer}, learning rate {s.lr:g}, {s.schedule} schedule, seed {s.seed}"
    )


def _ending(settings: Settings, outcome: Outcome) -> str:
    best = outcome.result.best
    run = outcome.run
    wrong = round(outcome.test_error * outcome.test_samples)
    lines = []
    if outcome.result.interrupted:
        kept = f"the best epoch so far ({best.epoch})" if best else "the weights as they were"
        lines.append(f"Interrupted: kept {kept}.")
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
        "checkpoint": str(outcome.run / "model.safetensors"),
        "report": str(outcome.run / "report.html"),
        "history": [record.as_dict() for record in outcome.result.records],
    }
