"""`talweg graph "(x + y) * z" x=-2 y=5 z=-4`, `talweg graph --model lenet`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from ..io.graph_dot import to_dot
from ..io.graph_error import ExpressionError
from ..io.graph_expression import record
from ..io.graph_svg import to_svg
from ..io.graph_text import to_text
from ..io.graph_values import read_values
from ..io.graph_view import GraphView, ViewNode, Wire, view_of
from ..io.graph_words import gradient_norm, is_small, number_text
from ..models import build, entry
from ..tensor import log_softmax, manual_seed, randn
from .output import as_json, print_json

WRITERS = {"text": lambda view, title: f"{title}\n\n{to_text(view)}\n", "dot": to_dot, "svg": to_svg}
ENDINGS = {".txt": "text", ".dot": "dot", ".gv": "dot", ".svg": "svg"}
CLASSES = 10


class ExpressionCommand(click.Command):
    """A command whose expression may begin with a minus, as `-x * y`, without being taken for an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        single = [a for a in args if a[:1] == "-" and a[:2] != "--" and a not in ("-", "-h")]
        return super().parse_args(ctx, [f" {a}" if a in single else a for a in args])


@click.command(cls=ExpressionCommand, short_help="Draw a computational graph with its values and gradients.")
@click.argument("expression", required=False)
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--model", help="Draw this model's graph, such as lenet, on one random input, instead of an expression.")
@click.option("--explain", is_flag=True, help="On every wire the local, upstream and downstream gradient.")
@click.option("--fused", is_flag=True, help="Each sigmoid(...) as one block, not as 1 / (1 + exp(-u)).")
@click.option("--format", "form", type=click.Choice(list(WRITERS)), help="What to print or write. [default: text]")
@click.option("--out", metavar="FILE", help="Write to this .svg, .dot or .txt file.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of a model's weights and input.")
@as_json
def command(expression: str | None, values: tuple[str, ...], model: str | None, explain: bool, fused: bool,
            form: str | None, out: str | None, seed: int, as_json: bool) -> None:
    """Draw the graph of EXPRESSION with the value of every node and the gradient of the result with respect to it.

    Values are numbers or lists: x=-2, w=[1,2], A=[[1,2],[3,4]]. Operations: + - * / ** @, exp log sin cos tan tanh
    sqrt sigmoid relu abs maximum minimum sum mean. The result must be one number.

    \b
    talweg graph "(x + y) * z" x=-2 y=5 z=-4 --explain
    talweg graph "sigmoid(w*x + b)" w=2 x=-1 b=1 --out neuron.svg
    talweg graph --model lenet --out lenet.svg
    """
    form = _form(form, out)
    if model is not None:
        if expression is not None or fused:
            raise _misuse("--model draws a model: leave out " + ("the expression" if expression is not None else "--fused"))
        title, view = _model_view(model, seed, explain)
    elif expression is None:
        raise _misuse('give an expression, such as "(x + y) * z" x=-2 y=5 z=-4, or --model NAME')
    else:
        title, view = _expression_view(expression, values, fused, explain)
    _show(title, view, form, out, as_json)


def _misuse(message: str) -> click.UsageError:
    return click.UsageError(message, click.get_current_context())


def _form(form: str | None, out: str | None) -> str:
    """The format asked for, by its name or by the file's ending."""
    if out is None:
        return form or "text"
    ending = Path(out).suffix.lower()
    by_ending = ENDINGS.get(ending)
    if by_ending is None and form is None:
        raise _misuse(f"--out {out}: the ending says the format: {', '.join(ENDINGS)}; or add --format")
    if form is not None and by_ending is not None and form != by_ending:
        raise _misuse(f"--out {out} is {by_ending} by its ending, but --format says {form}")
    return form or by_ending or "text"


# --- what is drawn
def _expression_view(expression: str, values: tuple[str, ...], fused: bool, explain: bool) -> tuple[str, GraphView]:
    try:
        recorded = record(expression, read_values(values), fused)
    except ExpressionError as error:
        click.echo(error.pointer(), err=True)  # the caret needs a line of its own, above the message
        raise
    view = view_of(recorded.output, recorded.names, explain)
    return f"{recorded.text} = {number_text(view.output.value.reshape(())[()])}", view


def _model_view(name: str, seed: int, explain: bool) -> tuple[str, GraphView]:
    """The graph of the cross-entropy -log softmax(model(x))[0] of one random input x."""
    shape = entry(name).input_shape
    manual_seed(seed)
    model = build(name, shape, CLASSES).eval()
    x = randn(1, *shape)
    outputs = model(x, *entry(name).example(shape)[1:])
    logits = outputs[0] if isinstance(outputs, tuple) else outputs
    loss = -log_softmax(logits.flatten(), 0)[0]
    size = "x".join(map(str, shape))
    title = f"{name}: cross-entropy of one random input ({size}) with class 0"
    return title, view_of(loss, [("input", x), *model.named_parameters()], explain, "loss")


# --- how it is shown
def _show(title: str, view: GraphView, form: str, out: str | None, as_json: bool) -> None:
    drawing = WRITERS[form](view, title)
    if out is not None:
        Path(out).write_text(drawing, encoding="utf-8")
    if as_json:
        print_json(_facts(title, view, out))
    elif out is None:
        click.echo(drawing, nl=False)
    else:
        click.echo(f"{title}\nwritten to {out} ({len(view.nodes)} nodes)")


def _facts(title: str, view: GraphView, out: str | None) -> dict[str, Any]:
    return {
        "title": title,
        "output": view.output.name,
        "value": _plain(view.output.value),
        "nodes": [_node_facts(view, node) for node in view.nodes],
        "wires": [_wire_facts(view, wire) for wire in view.wires],
        **({"file": out} if out is not None else {}),
    }


def _node_facts(view: GraphView, node: ViewNode) -> dict[str, Any]:
    facts = {
        "index": node.index, "name": node.name, "kind": node.kind, "operation": node.operation, "formula": node.formula,
        "inputs": list(node.inputs), "shape": list(node.shape), "dtype": node.dtype,
        "value": _plain(node.value), "gradient": _plain(node.gradient),
    }
    if node.gradient is not None and not is_small(node.shape):
        facts["gradient_norm"] = gradient_norm(node.gradient)
    return facts


def _wire_facts(view: GraphView, wire: Wire) -> dict[str, Any]:
    facts: dict[str, Any] = {"source": wire.source, "target": wire.target, "position": wire.position}
    if view.explained:
        facts |= {"local": _plain(wire.local), "upstream": _plain(wire.upstream), "downstream": _plain(wire.downstream),
                  "elementwise": wire.elementwise}
    return facts


def _plain(array: np.ndarray | None) -> Any:
    """Numbers as nested lists; null for what is missing or larger than a reader wants."""
    return None if array is None or array.size > 64 else array.tolist()
