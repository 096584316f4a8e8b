"""`talweg info MODEL` or `talweg info RUN`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ..models import MODELS, build, entry
from ..recipes.classify import load_run
from ..training import LayerRow, parameter_count, summarise
from .output import as_json, print_json, table


@click.command(short_help="Layers, output shapes and parameters.")
@click.argument("what", metavar="MODEL|RUN")
@click.option("--classes", type=click.IntRange(1), default=10, show_default=True, help="Outputs of a MODEL.")
@as_json
def command(what: str, classes: int, as_json: bool) -> None:
    """What MODEL (a name such as lenet) or RUN (a folder) is made of, as it runs on one input."""
    if what not in MODELS and Path(what).exists():
        settings, model, prepared = load_run(what)
        name, shape = settings.model, tuple(prepared.shape)
    else:
        name, shape = what, entry(what).input_shape
        model = build(name, shape, classes)
    layers = summarise(model, *entry(name).example(shape))
    total = parameter_count(model)
    if as_json:
        rows = [asdict(row) for row in layers]
        print_json({"model": name, "input": shape, "parameters": total, "layers": rows})
        return
    click.echo(f"{name}, input {_shape((1, *shape))}\n")
    click.echo(_table(layers))
    click.echo(f"\n{total:,} parameters, {4 * total / 2**20:.2f} MiB in float32")


def _table(layers: list[LayerRow]) -> str:
    rows: list[list] = [["layer", "kind", "output", "parameters"]]
    rows += [[r.name, r.kind, _shape(r.output_shape), f"{r.parameters:,}"] for r in layers]
    return table(rows, right=(3,))


def _shape(shape: tuple[int, ...] | None) -> str:
    return "did not run" if shape is None else " x ".join(["N", *map(str, shape[1:])])
