"""`talweg evaluate RUN`."""

from __future__ import annotations

from dataclasses import asdict

import click

from ..recipes.classify import Evaluation, evaluate
from ..training import class_scores
from .output import as_json, percent, print_json, table


@click.command(short_help="Measure a trained model.")
@click.argument("run")
@click.option("--split", default="test", show_default=True, help="train, validation or test.")
@as_json
def command(run: str, split: str, as_json: bool) -> None:
    """Measure the best weights of RUN, a folder such as runs/lenet-digits, on a split of its dataset."""
    found = evaluate(run, split)
    if as_json:
        print_json(_facts(found))
        return
    wrong = round(found.error * found.samples)
    click.echo(
        f"{run} on the {split} split: accuracy {percent(1 - found.error)} "
        f"({wrong} of {found.samples} wrong), loss {found.loss:.4f}\n"
    )
    click.echo(_by_class(found))


def _by_class(found: Evaluation) -> str:
    rows: list[list] = [["class", "samples", "precision", "recall", "most taken for"]]
    for i, (name, score) in enumerate(zip(found.classes, class_scores(found.confusion))):
        others = found.confusion[i].copy()
        others[i] = 0
        taken = f"{found.classes[others.argmax()]} ({others.max()})" if others.any() else ""
        rows.append([name, score.support, percent(score.precision), percent(score.recall), taken])
    return table(rows, right=(1, 2, 3))


def _facts(found: Evaluation) -> dict:
    scores = class_scores(found.confusion)
    return {
        "split": found.split,
        "samples": found.samples,
        "loss": found.loss,
        "accuracy": 1 - found.error,
        "classes": {name: asdict(score) for name, score in zip(found.classes, scores)},
        "confusion": found.confusion.tolist(),
    }
