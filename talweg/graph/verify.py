"""Checks that a graph keeps its own rules; run in tests after every pass that rewrites one."""

from __future__ import annotations

from collections.abc import Sequence

from .node import VARIADIC, Node
from .text import ancestors


def verify(roots: Sequence[Node]) -> None:
    """Raise AssertionError for a node whose recorded shape or dtype is not what its operation's rule gives,
    whose inputs were recorded after it, or whose input count is not its operation's arity."""
    for node in ancestors(roots, through_values=True):
        for source in node.inputs:
            assert source.serial < node.serial, f"{node!r} was recorded before its input {source!r}"
        if node.op.kind == "leaf":
            assert not node.inputs, f"{node!r} is a leaf and has inputs"
            assert node.value is not None, f"{node!r} is a leaf without a value"
            assert tuple(node.value.shape) == node.shape, f"{node!r} holds an array of shape {node.value.shape}"
            assert node.value.dtype == node.dtype.numpy, f"{node!r} holds an array of dtype {node.value.dtype}"
            continue
        assert node.op.arity in (VARIADIC, len(node.inputs)), f"{node!r} has {len(node.inputs)} inputs"
        shape, dtype = node.op.infer(*node.op.arguments(node))
        assert (tuple(shape), dtype) == (node.shape, node.dtype), f"{node!r}: its rule gives {dtype.name}{list(shape)}"
