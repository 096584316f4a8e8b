"""A graph as text: the computation as a tree with values and gradients, and the three gradients of each wire."""

from __future__ import annotations

from .graph_view import GraphView, ViewNode, Wire
from .graph_words import SHOWN_ELEMENTS, gradient_text, number_text, size_text, value_text

DEEPEST = 24
"""Levels to which the text is indented; a longer chain goes on below, under its name."""


def to_text(view: GraphView) -> str:
    """The output on top and what it is computed from below it; with the wires where they are explained."""
    lines = _tree(view)
    if view.explained:
        lines += ["", *_explanation(view)]
    return "\n".join(lines)


# --- the tree
def _tree(view: GraphView) -> list[str]:
    rows = [["", "value", f"gradient d{view.output.name}/d(node)"]]
    waiting = [view.output.index]
    seen: set[int] = set()
    while waiting:
        _branch(view, waiting.pop(0), rows, waiting, seen)
    return _columns(rows)


def _branch(view: GraphView, root: int, rows: list[list[str]], waiting: list[int], seen: set[int]) -> None:
    """The rows of one tree, depth first; branches below the deepest level wait for a tree of their own."""
    stack = [(root, "", "", 0)]
    while stack:
        index, lead, below, depth = stack.pop()
        node = view.nodes[index]
        if index in seen and node.inputs:
            rows.append([f"{lead}{node.name}  (above)", "", ""])
            continue
        deeper = depth == DEEPEST and bool(node.inputs)
        rows.append([lead + (f"{node.name}  (below)" if deeper else _equation(node)), *_numbers(node)])
        if deeper:
            waiting.append(index)
            continue
        seen.add(index)
        inputs = list(dict.fromkeys(node.inputs))
        for i, source in reversed(list(enumerate(inputs))):
            last = i == len(inputs) - 1
            stack.append((source, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "), depth + 1))


def _equation(node: ViewNode) -> str:
    return node.name if node.formula == node.name else f"{node.name} = {node.formula}"


def _numbers(node: ViewNode) -> tuple[str, str]:
    return value_text(node.value), gradient_text(node.gradient)


# --- the wires
def _explanation(view: GraphView) -> list[str]:
    rows = [["wire", "local", "upstream", "downstream"]]
    rows += [_explained(view, wire) for wire in view.wires if wire.downstream is not None]
    silent = [view.nodes[w.source].name for w in view.wires if w.downstream is None]
    product = "element by element, or the matrix product where local is a Jacobian"
    product = f" ({product})" if any(node.shape for node in view.nodes) else ""
    lines = [f"For every wire source -> node: downstream = upstream * local{product}", "", *_columns(rows)]
    if silent:
        lines.append(f"without a gradient: {', '.join(dict.fromkeys(silent))}")
    return lines


def _explained(view: GraphView, wire: Wire) -> list[str]:
    source, target, top = view.nodes[wire.source].name, view.nodes[wire.target].name, view.output.name
    return [
        f"{source} -> {target}",
        f"d{target}/d{source} = {local_text(view, wire)}",
        f"d{top}/d{target} = {gradient_text(wire.upstream)}",
        f"to {source}: {gradient_text(wire.downstream)}",
    ]


def local_text(view: GraphView, wire: Wire, digits: int = 6) -> str:
    """A local gradient: a number, the elements of a small array, or how large it is."""
    out, into = size_text(view.nodes[wire.target].shape), size_text(view.nodes[wire.source].shape)
    if wire.local is None or (wire.local.size > SHOWN_ELEMENTS and not wire.elementwise):
        return f"Jacobian of {out} by {into}"
    if wire.local.size > SHOWN_ELEMENTS:
        return f"{out} elementwise"
    if wire.local.size == 1:
        return number_text(wire.local.reshape(())[()], digits)
    return gradient_text(wire.local, digits)


def _columns(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["   ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows]
