"""`talweg draw MODEL --out model.svg`."""

from __future__ import annotations

from pathlib import Path

import click

from ..inspection import draw
from ..models import MODELS, build, entry
from ..nn import init
from ..recipes.registry import load_run


@click.command(short_help="Draw a model's layers as an SVG picture.")
@click.argument("what", metavar="MODEL|RUN")
@click.option("--out", metavar="FILE.svg", help="Write to this file. [default: print it]")
@click.option("--classes", type=click.IntRange(1), help="Outputs of a MODEL. [default: as published, else 10]")
@click.option("--depth", type=click.IntRange(1), help="Take only so many levels of modules apart.")
@click.option("--down", is_flag=True, help="Let the data flow downwards; in the book it flows upwards.")
@click.option("--svg", is_flag=True, help="The format, which is the only one.")
def command(what: str, out: str | None, classes: int | None, depth: int | None, down: bool, svg: bool) -> None:
    """Draw MODEL (a name such as gpt2) or RUN (a folder) as the Little Book draws models.

    Boxes are darker where they hold trainable parameters, and have their meta-parameters in them; shapes, without the
    batch, stand on the right of the wires where they change; what is repeated stands once in a dashed frame with its
    number.

    \b
    talweg draw lenet --out lenet.svg
    talweg draw resnet50 --depth 2 --out resnet50.svg
    """
    if out is not None and Path(out).suffix.lower() != ".svg":
        raise click.UsageError(f"--out {out}: the drawing is an SVG, so give a name that ends in .svg",
                               click.get_current_context())
    if what not in MODELS and Path(what).exists():
        run = load_run(what)
        name, model, example = run.settings.model, run.model, run.example
    else:
        name, found = what, entry(what)
        example = found.example(found.input_shape)
        with init.skipped():
            model = build(name, found.input_shape, classes or found.classes)
    drawing = draw(model, *example, title=name, depth=depth, down=down)
    if out is None:
        click.echo(drawing, nl=False)
        return
    Path(out).write_text(drawing, encoding="utf-8")
    click.echo(f"{name} drawn in {out}")
