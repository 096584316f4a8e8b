"""`talweg predict RUN image.png`."""

from __future__ import annotations

import click

from ..recipes.classify import predict
from .output import as_json, percent, print_json


@click.command(short_help="Say what an image file shows.")
@click.argument("run")
@click.argument("image")
@as_json
def command(run: str, image: str, as_json: bool) -> None:
    """The probabilities that RUN, a folder such as runs/lenet-digits, gives to IMAGE, a PNG or JPEG file."""
    probabilities = predict(run, image)
    best = next(iter(probabilities))
    if as_json:
        answer = {"image": image, "class": best, "probability": probabilities[best]}
        print_json(answer | {"probabilities": probabilities})
        return
    click.echo(f"{image}: {best} ({percent(probabilities[best])})")
    for name, probability in probabilities.items():
        click.echo(f"  {name:>8}  {percent(probability):>8}  {'#' * round(40 * probability)}".rstrip())
