"""`talweg bench linear`: small measurements on this machine, shown as demonstrations are."""

from __future__ import annotations

import click

from .. import demos
from .demo import Demonstrations


@click.command(cls=Demonstrations, registry=demos.BENCHES, invoke_without_command=True,
               short_help="Small measurements on this machine.")
@click.pass_context
def command(context: click.Context) -> None:
    """What this machine makes of one idea each. Comparisons with other frameworks are `make bench`."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
