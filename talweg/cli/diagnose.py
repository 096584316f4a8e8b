"""`talweg diagnose RUN`."""

from __future__ import annotations

from dataclasses import asdict

import click

from ..recipes.registry import recipe_of
from .output import as_json, print_json


@click.command(short_help="What ails a training.")
@click.argument("run")
@as_json
def command(run: str, as_json: bool) -> None:
    """Look at RUN, a folder such as runs/lenet-digits, for gradients that vanish or explode, ReLUs that never fire,
    parameters that take no part, and over-fitting; each with its layer and numbers."""
    found = recipe_of(run).diagnose(run)
    if as_json:
        print_json({"run": run, "healthy": not found, "symptoms": [asdict(symptom) for symptom in found]})
        return
    click.echo("\n".join(f"{symptom.text}." for symptom in found) or f"{run}: nothing found: gradients reach every layer, ReLUs "
               "fire, all parameters take part, and the validation loss has not turned up")
