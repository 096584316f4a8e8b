"""The table of operations that the compiler takes apart: from an operation to a function of its arguments.

A rule gives an equal piece of graph, or None to leave the operation as it is.
"""

from __future__ import annotations

from collections.abc import Callable

from ..graph.node import Node, Op

RULES: dict[Op, Callable[..., Node | None]] = {}


def rule(op: Op):
    def register(function):
        RULES[op] = function
        return function

    return register
