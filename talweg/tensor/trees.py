"""Nests of tuples, lists and dicts, as arguments and results of functions are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .box import Box


def mapped(change: Callable[[Any], Any], tree: Any) -> Any:
    """The same nest with every leaf (anything that is no tuple, list or dict) replaced."""
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*[mapped(change, v) for v in tree])
    if isinstance(tree, (tuple, list)):
        return type(tree)([mapped(change, v) for v in tree])
    if isinstance(tree, dict):
        return type(tree)((k, mapped(change, v)) for k, v in tree.items())
    return change(tree)


def leaves(tree: Any) -> list[Any]:
    """The leaves in order."""
    found: list[Any] = []
    mapped(found.append, tree)
    return found


def filled(tree: Any, values: list[Any]) -> Any:
    """The same nest with other leaves, in order."""
    rest: Iterator[Any] = iter(values)
    return mapped(lambda _: next(rest), tree)


def tensors(tree: Any, call: str) -> list[Box]:
    """The leaves, all of which must be tensors. Raises TypeError with the caller's name."""
    found = leaves(tree)
    for x in found:
        if not isinstance(x, Box):
            raise TypeError(f"{call}: expected tensors, or tuples, lists and dicts of them, got {type(x).__name__}")
    return found


def spread(prefix: Any, tree: Any) -> list[Any]:
    """One value a leaf of `tree`, from a nest that may stop higher up. Raises ValueError where the two do not fit."""
    if isinstance(tree, dict) and isinstance(prefix, dict):
        if prefix.keys() != tree.keys():
            raise ValueError(f"keys {sorted(prefix)} do not fit {sorted(tree)}")
        return [v for k in tree for v in spread(prefix[k], tree[k])]
    if isinstance(tree, (tuple, list)) and isinstance(prefix, (tuple, list)):
        if len(prefix) != len(tree):
            raise ValueError(f"{len(prefix)} entries do not fit {len(tree)}")
        return [v for p, t in zip(prefix, tree) for v in spread(p, t)]
    if isinstance(prefix, (tuple, list, dict)):
        raise ValueError(f"{prefix!r} does not fit a single {type(tree).__name__}")
    return [prefix] * len(leaves(tree))
