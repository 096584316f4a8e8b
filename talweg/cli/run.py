"""`talweg run SCRIPT [ARGS]`."""

from __future__ import annotations

import click

from ..alias.script import run


@click.command(
    short_help="Run a script written for PyTorch.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(script: str, arguments: tuple[str, ...]) -> int:
    """Run SCRIPT with its ARGS as `python SCRIPT ARGS` does, but that Talweg answers to the name torch in it."""
    return run(script, arguments)
