"""--weights and --model: published weights where a command otherwise takes a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ..recipes.published import Weights, named_weights

_weights: Callable = click.option(
    "--weights", metavar="PATH", help="Published weights instead of a run: a folder, a file, or a name of the hub.")
_model: Callable = click.option(
    "--model", metavar="NAME", help="The model that the weights are of, such as resnet50, where the files do not say.")


def takes_weights(command: Any) -> Any:
    """A command with both options."""
    return _weights(_model(command))


def run_or_weights(
    ctx: click.Context, given: tuple[str, ...], weights: str | None, model: str | None,
) -> tuple[str | Weights, tuple[str, ...]]:
    """What is used, and what else was given. Raises UsageError where there is nothing to use, and as `named_weights` does."""
    if weights is not None:
        return named_weights(weights, model), given
    if model is not None:
        raise click.UsageError(f"--model {model} says what published weights are of: give their place with --weights, or a run "
                               "alone", ctx)
    if not given:
        raise click.UsageError("needs a run, or --weights with published ones", ctx)
    return given[0], given[1:]
