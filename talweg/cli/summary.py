"""`talweg summary MODEL` or `talweg summary RUN`; `talweg info` is the same."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import click

from ..inspection import ModuleRow, Summary, inspect, training_flops
from ..models import MODELS, build, entry
from ..nn import Module, init
from ..recipes.registry import load_run
from ..tensor import Tensor
from .output import as_json, print_json, table

MIB = 2**20


@click.command(short_help="Layers, output shapes, parameters, operations, memory and receptive fields.")
@click.argument("what", metavar="MODEL|RUN")
@click.option("--classes", type=click.IntRange(1), help="Outputs of a MODEL. [default: as published, else 10]")
@click.option("--input", "shape", metavar="CxHxW", help="Input of a MODEL, such as 3x256x256. [default: as published]")
@click.option("--depth", type=click.IntRange(1), help="Show so many levels of the tree.")
@click.option("--all", "unfolded", is_flag=True, help="Show equal neighbours one by one, not once with a count.")
@click.option("--flops", is_flag=True, help="Print the operations of one input only.")
@click.option("--train-flops", type=click.FloatRange(0), metavar="SAMPLES",
              help="Add the operations of training on so many samples or tokens: 6 N D for N parameters.")
@as_json
def command(what: str, classes: int | None, shape: str | None, depth: int | None, unfolded: bool, flops: bool,
            train_flops: float | None, as_json: bool) -> None:
    """What MODEL (a name such as lenet) or RUN (a folder) is made of, for one input. Nothing of it is computed.

    MMAC: millions of multiply-accumulates of a forward pass, which papers call FLOPs. kept: what training keeps of one
    input from the forward for the backward pass. sees: the side of the input region that one output can depend on.

    \b
    talweg summary resnet50
    talweg summary vgg16 --flops
    talweg summary runs/lenet-digits --train-flops 60000
    """
    name, example, model = _model(what, classes, shape)
    input_shape = tuple(example[0].shape[1:])
    found = inspect(model, *example)
    if as_json:
        print_json(_facts(name, input_shape, found, train_flops))
        return
    if flops:
        click.echo(f"{name}: {_operations(found.macs)} for one input {_shape((1, *input_shape))}")
    else:
        click.echo(f"{name}, input {_shape((1, *input_shape))}\n\n{_table(found, depth, unfolded)}\n\n{_totals(found)}")
    if train_flops is not None:
        click.echo(_training(found, train_flops))


def _model(what: str, classes: int | None, shape: str | None) -> tuple[str, tuple[Tensor, ...], Module]:
    if what not in MODELS and Path(what).exists():
        if classes is not None or shape is not None:
            raise click.UsageError(f"{what} is a run: its classes and input are those it was trained with, so leave out "
                                   "--classes and --input", click.get_current_context())
        run = load_run(what)
        return run.settings.model, run.example, run.model
    found = entry(what)
    input_shape = found.input_shape if shape is None else _sizes(shape)
    with init.skipped():  # nobody looks at the weights
        return what, found.example(input_shape), build(what, input_shape, classes or found.classes)


def _sizes(text: str) -> tuple[int, ...]:
    parts = text.lower().replace(",", "x").split("x")
    if not all(p.strip().isdigit() and int(p) > 0 for p in parts):
        raise click.BadParameter(f"{text}: expected sizes of 1 or more with x between them, such as 3x224x224",
                                 param_hint="--input")
    return tuple(map(int, parts))


# --- for programs
def _facts(name: str, input_shape: tuple[int, ...], found: Summary, samples: float | None) -> dict:
    facts = {
        "model": name, "input": input_shape, "parameters": found.parameters, "macs": found.macs, "flops": 2 * found.macs,
        "activation_bytes": found.activations, "layers": [asdict(row) for row in found.rows],
    }
    if samples is not None:
        facts["training_flops"] = training_flops(found.parameters, samples)
        facts["training_flops_by_operations"] = 6 * found.macs * samples
    return facts


# --- for people
def _table(found: Summary, depth: int | None, unfolded: bool) -> str:
    rows = found.rows if unfolded else folded(found.rows)
    lines: list[list] = [["layer", "kind", "output", "parameters", "MMAC", "kept MiB", "sees"]]
    lines += [_line(row) for row in rows if depth is None or row.depth <= depth]
    return table(lines, right=(3, 4, 5, 6))


def _line(row: ModuleRow) -> list[str]:
    name = "  " * max(row.depth - 1, 0) + (row.name.rpartition(".")[2] or "(model)")
    parameters = f"{row.parameters:,}" if row.parameters else ""
    macs = f"{row.macs / 1e6:,.2f}" if row.macs else ""
    kept = f"{row.activations / MIB:,.2f}" if row.activations else ""
    return [name, row.kind, _output(row), parameters, macs, kept, _seen(row.field)]


def folded(rows: list[ModuleRow]) -> list[ModuleRow]:
    """The rows with runs of equal neighbours shown once, under a name such as 0-11 (x12)."""
    kept: list[ModuleRow] = []
    i = 0
    while i < len(rows):
        end = _end(rows, i)
        last, copies = i, 1
        while end < len(rows) and rows[end].depth == rows[i].depth and _alike(rows, i, end):
            last, copies = end, copies + 1
            end = _end(rows, end)
        first = rows[i]
        if copies > 1:
            name = f"{first.name}-{rows[last].name.rpartition('.')[2]} (x{copies})"
            first = replace(first, name=name, field=rows[last].field)
        kept += [first, *folded(rows[i + 1 : _end(rows, i)])]
        i = end
    return kept


def _end(rows: list[ModuleRow], start: int) -> int:
    """Where the subtree of a row ends."""
    return next((i for i in range(start + 1, len(rows)) if rows[i].depth <= rows[start].depth), len(rows))


def _alike(rows: list[ModuleRow], a: int, b: int) -> bool:
    def signature(start: int) -> list[tuple]:
        part = rows[start : _end(rows, start)]
        return [(r.name.removeprefix(rows[start].name), r.kind, r.output_shape, r.parameters, r.macs, r.calls) for r in part]

    return signature(a) == signature(b)


def _totals(found: Summary) -> str:
    trainable = found.rows[0].trainable
    frozen = "" if trainable == found.parameters else f", {trainable:,} of them trainable"
    return (
        f"{found.parameters:,} parameters{frozen}, {4 * found.parameters / MIB:.2f} MiB in float32\n"
        f"{_operations(found.macs)} for one input\n"
        f"{found.activations / MIB:.2f} MiB of activations kept for one input in training"
    )


def _operations(macs: int) -> str:
    if macs >= 10**7:
        return f"{macs / 1e9:.3f} GMAC ({2 * macs / 1e9:.3f} GFLOP)"
    return f"{macs / 1e6:.3f} MMAC ({2 * macs / 1e6:.3f} MFLOP)"


def _training(found: Summary, samples: float) -> str:
    by_rule = training_flops(found.parameters, samples)
    by_count = 6 * found.macs * samples
    return (
        f"training on {samples:.4g} samples: 6 N D = {by_rule:.3g} FLOP; "
        f"three times the operations of their forward passes = {by_count:.3g} FLOP"
    )


def _output(row: ModuleRow) -> str:
    if row.output_shape is None:
        return "" if row.calls or row.kind in ("ModuleList", "ModuleDict") else "did not run"
    return _shape(row.output_shape)


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(["N", *map(str, shape[1:])])


def _seen(field: tuple[int | None, ...]) -> str:
    if not field:
        return ""
    if all(size is None for size in field):
        return "all"
    sizes = ["all" if size is None else str(size) for size in field]
    return sizes[0] if len(set(sizes)) == 1 else " x ".join(sizes)
