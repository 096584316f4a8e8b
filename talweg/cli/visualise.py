"""`talweg visualise layer conv1 --image x.png`, `talweg visualise filters`."""

from __future__ import annotations

import os
from pathlib import Path

import click
import numpy as np
from PIL import Image

from ..inspection.maps import activation_maps, filters, first_convolution, grid
from ..io import Pretrained
from ..models import MODELS, build, entry
from ..nn import Module, init
from ..recipes.registry import Loaded, load_run
from ..tensor import Tensor

RUNS = Path("runs")

_of = click.option("--of", "what", metavar="RUN|MODEL", help="A run, or a MODEL with --weights. [default: the newest run]")
_weights = click.option("--weights", metavar="PATH", help="Published weights of a MODEL: a file, a folder or a hub id.")


@click.group(short_help="Pictures of what a layer answers to an image, and of its filters.")
def command() -> None:
    """Grids of activation maps and of filters, as PNG files."""


@command.command(short_help="The activation maps of one layer for one image.")
@click.argument("name")
@click.option("--image", required=True, metavar="FILE", help="A PNG or JPEG image.")
@click.option("--out", metavar="FILE.png", help="Write to this file. [default: NAME.png]")
@_of
@_weights
def layer(name: str, image: str, out: str | None, what: str | None, weights: str | None) -> None:
    """Draw what the layer NAME, such as conv1, gives for an image: one picture a channel, each in its own range.

    \b
    talweg visualise layer conv1 --image digit.png --of runs/lenet-digits
    talweg visualise layer layer1 --image cat.jpg --of resnet50 --weights resnet50.safetensors
    """
    model, run = _model(what, weights)
    maps = activation_maps(model, _input(model, run, image), name)
    _write(grid(maps), out or f"{name}.png", f"{len(maps)} maps of {maps.shape[1]} x {maps.shape[2]} of {name}")


@command.command("filters", short_help="The filters of a convolution, by default the first.")
@click.argument("name", required=False)
@click.option("--out", metavar="FILE.png", help="Write to this file. [default: NAME-filters.png]")
@_of
@_weights
def filter_grid(name: str | None, out: str | None, what: str | None, weights: str | None) -> None:
    """Draw the filters of the convolution NAME, in colour where it reads colours; grey is zero."""
    model, _ = _model(what, weights)
    name = name or first_convolution(model)
    found = filters(model, name)
    _write(grid(found, signed=True), out or f"{name}-filters.png",
           f"{len(found)} filters of {found.shape[1]} x {found.shape[2]} of {name}")


def _model(what: str | None, weights: str | None) -> tuple[Module, Loaded | None]:
    what = what or _newest_run()
    if what in MODELS:
        return _published(what, weights), None
    if weights is not None:
        raise click.UsageError(f"--weights belong to a MODEL, and {what} is none: leave them out for a run",
                               click.get_current_context())
    run = load_run(what)
    return run.model, run


def _published(name: str, weights: str | None) -> Pretrained:
    found = entry(name)
    with init.skipped():
        kind = type(build(name, found.input_shape, found.classes))
    if not issubclass(kind, Pretrained):
        raise ValueError(f"{name} has no published weights to look at: train it, and name the run with --of")
    if weights is None:
        raise click.UsageError(f"{name} needs --weights: without training there is nothing to see",
                               click.get_current_context())
    return kind.from_pretrained(weights)


def _newest_run() -> str:
    runs = [p.parent for p in RUNS.glob("*/config.yaml")]
    if not runs:
        raise click.UsageError("there is no run in the folder runs: say which with --of RUN, or --of MODEL --weights PATH",
                               click.get_current_context())
    return str(max(runs, key=os.path.getmtime))


def _input(model: Module, run: Loaded | None, image: str) -> Tensor:
    if run is not None:
        return run.image(image)
    if not isinstance(model, Pretrained) or model.preprocessing is None:
        raise ValueError(f"{type(model).__name__}: its weights do not say how images are prepared")
    if not Path(image).is_file():
        raise FileNotFoundError(f"{image}: there is no such file")
    return model.preprocessing(image).unsqueeze(0)


def _write(picture: np.ndarray, out: str, what: str) -> None:
    if Path(out).suffix.lower() != ".png":
        raise click.UsageError(f"--out {out}: the picture is a PNG, so give a name that ends in .png",
                               click.get_current_context())
    Image.fromarray(picture).save(out)
    click.echo(f"{what} in {out}")
