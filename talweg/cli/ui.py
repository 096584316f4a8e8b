"""`talweg ui`."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

EXTRA = "the page needs FastAPI and uvicorn: run `pip install 'talweg[ui]'`"


@click.command(short_help="A local page on which runs are used.")
@click.option("--runs", default="runs", show_default=True, type=click.Path(), help="The folder that holds the runs.")
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Address to listen at; another than this machine's own opens the page to a network.")
@click.option("--port", default=8210, show_default=True, type=click.IntRange(0, 65535), help="Port to listen at.")
@click.option("--limit", default=32, show_default=True, type=click.IntRange(1), help="Largest upload, in MiB.")
def command(runs: str, host: str, port: int, limit: int) -> None:
    """Show the runs of a folder on a local page: give them a picture, a drawing, a sound or a text, see what they answer and
    what their layers make of it. Only this machine can reach it, unless --host says otherwise."""
    try:
        import uvicorn

        app = importlib.import_module("..ui.app", __package__)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{EXTRA} ({error})") from error
    if not Path(runs).is_dir():
        raise FileNotFoundError(f"{runs}: there is no such folder; train something first, such as `talweg train lenet`, or name "
                                "the folder of your runs with --runs")
    shown = host if ":" not in host else f"[{host}]"
    click.echo(f"Talweg's page: http://{shown}:{port}  (Ctrl-C ends it)")
    own = host in app.LOCAL or host == "::1" or host.startswith("127.")
    page = app.create_app(runs, limit * app.MIB, (*app.LOCAL, shown) if own else None)
    uvicorn.run(page, host=host, port=port, log_level="warning")
