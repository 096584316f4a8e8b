"""A graph as text: one line a node, in the order of recording."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .node import Node


def ancestors(roots: Iterable[Node], through_values: bool = False) -> list[Node]:
    """The roots and everything they are computed from, inputs first.

    The walk ends at nodes that have a value, unless `through_values`.
    """
    found = set(roots)
    stack = list(found)
    while stack:
        node = stack.pop()
        if node.value is not None and not through_values:
            continue
        for source in node.inputs:
            if source not in found:
                found.add(source)
                stack.append(source)
    return sorted(found, key=lambda n: n.serial)


def to_text(roots: Sequence[Node], through_values: bool = False) -> str:
    """`%2 = add(%0, %1) : float32[3,4]` for each node; the roots are named at the end."""
    nodes = ancestors(roots, through_values)
    names = {node: f"%{i}" for i, node in enumerate(nodes)}
    lines = [_line(node, names) for node in nodes]
    return "\n".join([*lines, "return " + ", ".join(names[r] for r in roots)])


def _line(node: Node, names: dict[Node, str]) -> str:
    sources = [names.get(n, "value") for n in node.inputs] if node.value is None or node.inputs else []
    words = [f"{n}={_word(v)}" for n, v in zip(node.op.attr_names, node.attrs)]
    size = ",".join(map(str, node.shape))
    mark = "  # differentiable" if node.needs_grad else ""
    return f"{names[node]} = {node.op.name}({', '.join(sources + words)}) : {node.dtype.name}[{size}]{mark}"


def _word(attribute) -> str:
    return getattr(attribute, "name", None) or repr(attribute).replace(" ", "")
