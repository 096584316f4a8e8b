"""A graph in DOT, the language of Graphviz: `dot -Tpdf graph.dot -o graph.pdf` draws it."""

from __future__ import annotations

from html import escape

from .graph_style import COLOURS
from .graph_text import local_text
from .graph_view import GraphView, ViewNode, Wire
from .graph_words import gradient_text, value_text

DIGITS = 4


def to_dot(view: GraphView, title: str = "") -> str:
    """Nodes with value and gradient, inputs left and output right; the gradients of the wires where explained."""
    lines = [
        "digraph computation {",
        "  rankdir=LR;",
        f"  label={_quoted(title)}; labelloc=t;",
        '  node [fontname="monospace", shape=box, style="rounded,filled"];',
        f'  edge [fontname="monospace", fontsize=10, color="{COLOURS["wire"][0]}"];',
        *(_node(node) for node in view.nodes),
        *(_edge(view, wire) for wire in view.wires),
        "}",
        "",
    ]
    return "\n".join(lines)


def _node(node: ViewNode) -> str:
    said = node.name if node.formula == node.name else f"{node.name} = {node.formula}"
    rows = [escape(said), _coloured(value_text(node.value, DIGITS), "value")]
    if node.gradient is not None:
        rows.append(_coloured(gradient_text(node.gradient, DIGITS), "gradient"))
    fill = COLOURS["operation" if node.operation else "leaf"][0]
    return f'  n{node.index} [label=<{"<BR/>".join(rows)}>, fillcolor="{fill}"];'


def _edge(view: GraphView, wire: Wire) -> str:
    ends = f"  n{wire.source} -> n{wire.target}"
    if wire.downstream is None:
        return f"{ends};"
    rows = [_coloured(local_text(view, wire, DIGITS), "local"),
            _coloured(gradient_text(wire.downstream, DIGITS), "gradient")]
    return f'{ends} [label=<{"<BR/>".join(rows)}>];'


def _coloured(words: str, colour: str) -> str:
    return f'<FONT COLOR="{COLOURS[colour][0]}">{escape(words)}</FONT>'


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
