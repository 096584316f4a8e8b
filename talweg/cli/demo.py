"""`talweg demo diff`: the demonstrations of talweg/demos, their keyword arguments as options."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import click

from .. import demos
from ..demos.figures import save
from .output import as_json, plain, print_json, table


class Demonstrations(click.Group):
    """Commands made from a registry of demonstrations, each imported when it is asked for."""

    def __init__(self, *args: Any, registry: dict[str, tuple[str, str]], **extra: Any):
        super().__init__(*args, **extra)
        self.registry = registry

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.registry)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.registry:
            return None
        module, line = self.registry[name]
        return _command(name, line, importlib.import_module(f".{module}", demos.__name__).run)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.registry.items()])


def _command(name: str, line: str, run: Callable[..., demos.Shown]) -> click.Command:
    @as_json
    @click.option("--out", metavar="FOLDER", help="Write the figures (SVG, PNG) and the numbers (JSON) into this folder.")
    def show(as_json: bool, out: str | None, **options: Any) -> None:
        _show(name, run(**options), as_json, out)

    hints = get_type_hints(run, include_extras=True)
    for parameter in reversed(list(inspect.signature(run).parameters.values())):
        show = _option(parameter, hints[parameter.name])(show)
    return click.command(name, short_help=line, help=f"{line}\n\n{_about(run)}")(show)


def _about(run: Callable) -> str:
    """The docstring without what it raises, which is for readers of the code."""
    return inspect.cleandoc(run.__doc__ or "").split("\n\nRaises")[0]


def _option(parameter: inspect.Parameter, hint: Any) -> Callable:
    """--name VALUE from a keyword argument `name: Annotated[type, help] = default`."""
    kind, text = get_args(hint) if get_origin(hint) is not None else (hint, "")
    name = f"--{parameter.name.replace('_', '-')}"
    return click.option(name, type=kind, default=parameter.default, show_default=True, help=text)


def _show(name: str, shown: demos.Shown, as_json: bool, out: str | None) -> None:
    files = [] if out is None else _written(name, shown, Path(out))
    if as_json:
        print_json({"demo": name, **_facts(shown), **({"files": files} if files else {})})
    else:
        _print(shown, files)
    if not shown.holds:
        raise SystemExit(1)


def _facts(shown: demos.Shown) -> dict[str, Any]:
    claims = {"claims": [claim.facts for claim in shown.claims]} if shown.claims else {}
    return shown.facts | claims


def _print(shown: demos.Shown, files: list[str]) -> None:
    click.echo(shown.title)
    for part in shown.tables:
        flush_right = tuple(range(1, len(part.rows[0])))
        click.echo(f"\n{part.heading}\n\n{table(part.rows, flush_right)}")
    if shown.claims:
        click.echo("\n" + table([["claim", "measured", "bound", ""], *(claim.row for claim in shown.claims)], (1,)))
    for line in [*shown.notes, *([f"written: {', '.join(files)}"] if files else [])]:
        click.echo(f"\n{line}")


def _written(name: str, shown: demos.Shown, folder: Path) -> list[str]:
    figures = {title: draw() for title, draw in shown.figures.items()}  # before the folder is made: drawing may be refused
    folder.mkdir(parents=True, exist_ok=True)
    paths = [path for title, figure in figures.items() for path in save(figure, folder, title)]
    numbers = folder / f"{name}.json"
    numbers.write_text(json.dumps(plain(_facts(shown)), indent=2) + "\n", encoding="utf-8")
    return [str(path) for path in [*paths, numbers]]


@click.command(cls=Demonstrations, registry=demos.DEMOS, invoke_without_command=True,
               short_help="Demonstrations of the books' ideas.")
@click.pass_context
def command(context: click.Context) -> None:
    """One idea of the books each, run in seconds: a table, and with --out a figure."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
