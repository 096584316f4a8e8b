"""`talweg shape conv --in 32 --k 5 --p 2 --s 2`: the size that a layer gives, and how it comes about."""

from __future__ import annotations

import click

from ..nn import AvgPool1d, Conv1d, ConvTranspose1d, MaxPool1d, Module
from ..tensor import no_grad, zeros
from .output import as_json, print_json

KINDS = ("conv", "pool", "average", "transposed")


@click.command(short_help="The size that a convolution or pooling gives.")
@click.argument("kind", metavar="|".join(KINDS), type=click.Choice(KINDS))
@click.option("--in", "sides", required=True, metavar="T|HxW", help="Size of the input: 32, or 28x20, or more sides.")
@click.option("--k", "kernel", type=click.IntRange(1), required=True, help="Size of the kernel.")
@click.option("--s", "stride", type=click.IntRange(1), help="Stride. [default: 1, of pooling the kernel's size]")
@click.option("--p", "padding", type=click.IntRange(0), default=0, show_default=True, help="Padding on each side.")
@click.option("--d", "dilation", type=click.IntRange(1), default=1, show_default=True, help="Distance of the kernel's places.")
@click.option("--ceil", "ceil", is_flag=True, help="Of pooling: round up, where the last window begins inside.")
@click.option("--op", "extra", type=click.IntRange(0), default=0, show_default=True, help="Output padding, transposed only.")
@as_json
def command(kind: str, sides: str, kernel: int, stride: int | None, padding: int, dilation: int, ceil: bool, extra: int,
            as_json: bool) -> None:
    """What a layer makes of inputs of a size (L 4.2, N eq. 5.2.3), from the layer itself; nothing of it is computed.

    \b
    talweg shape conv --in 32 --k 5 --p 2 --s 2
    talweg shape pool --in 112x111 --k 3 --s 2 --p 1 --ceil
    """
    _check(kind, ceil, extra, dilation)
    stride = stride or (kernel if kind in ("pool", "average") else 1)
    layer = _layer(kind, kernel, stride, padding, dilation, ceil, extra)
    before = _sides(sides)
    with no_grad():
        after = [int(layer(zeros(1, 1, side)).shape[-1]) for side in before]
    if as_json:
        print_json({"kind": kind, "in": before, "out": after, "kernel": kernel, "stride": stride, "padding": padding,
                    "dilation": dilation})
        return
    click.echo(f"{' x '.join(map(str, before))} -> {' x '.join(map(str, after))}")
    click.echo(_rule(kind, kernel, stride, padding, dilation, ceil, extra))


def _check(kind: str, ceil: bool, extra: int, dilation: int) -> None:
    """Options that this kind of layer does not have."""
    foreign = [("--ceil", ceil and kind not in ("pool", "average")), ("--op", extra and kind != "transposed"),
               ("--d", dilation > 1 and kind == "average")]
    for option, given in foreign:
        if given:
            raise click.UsageError(f"{option} does not belong to {kind}: leave it out", click.get_current_context())


def _layer(kind: str, kernel: int, stride: int, padding: int, dilation: int, ceil: bool, extra: int) -> Module:
    if kind == "conv":
        return Conv1d(1, 1, kernel, stride, padding, dilation)
    if kind == "transposed":
        return ConvTranspose1d(1, 1, kernel, stride, padding, extra, dilation=dilation)
    if kind == "pool":
        return MaxPool1d(kernel, stride, padding, dilation, ceil_mode=ceil)
    return AvgPool1d(kernel, stride, padding, ceil_mode=ceil)


def _sides(text: str) -> list[int]:
    parts = text.lower().replace(",", "x").split("x")
    if not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise click.BadParameter(f"{text}: expected a size of 1 or more, or several with x between them, such as 28x28",
                                 param_hint="--in")
    return list(map(int, parts))


def _rule(kind: str, kernel: int, stride: int, padding: int, dilation: int, ceil: bool, extra: int) -> str:
    """The formula with this layer's numbers."""
    reach = dilation * (kernel - 1)
    if kind == "transposed":
        return f"(T - 1) S - 2 P + D (K - 1) + 1 + output padding = (T - 1) * {stride} - {2 * padding} + {reach} + 1 + {extra}"
    bracket = "ceil" if ceil else "floor"
    return f"{bracket}((T + 2 P - D (K - 1) - 1) / S) + 1 = {bracket}((T + {2 * padding} - {reach} - 1) / {stride}) + 1"
