"""How an operand lies in memory: the same values as a transposed, reversed, stepped, cut, shifted or repeated view.

A layout is drawn once and applied in both libraries: an array of the whole memory, and the steps that lead from it to
the view. Repeating takes the values along, so an operand that must hold different numbers is never repeated.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

KINDS = ("permuted", "flipped", "stepped", "cut", "shifted", "repeated")


@dataclass(frozen=True)
class Layout:
    """Steps from the view back to the memory: the last one is the first to be undone by `view`."""

    steps: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def memory(self, values: np.ndarray) -> tuple[np.ndarray, list[Callable]]:
        """(the array that is laid out, how to get the view of it: functions of a tensor, in order)"""
        views: list[Callable] = []
        for kind, how in self.steps:
            values, view = MEMORY[kind](values, *how)
            views.insert(0, view)
        return np.array(values, order="C"), views

    def __str__(self) -> str:
        return " of ".join(f"{kind}{list(how)}" for kind, how in self.steps) or "plain"


def drawn(rng: random.Random, shape: tuple[int, ...], distinct: bool, writable: bool = False) -> Layout:
    """Up to two steps that fit the shape. What is repeated is one of the values, not what lies between them."""
    steps = []
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        kind = rng.choice(KINDS)
        repeats = kind == "repeated" and (distinct or writable or steps or 0 in shape)
        if not shape or repeats or (kind == "flipped" and writable):
            continue
        axis = rng.randrange(len(shape))
        how = {"permuted": tuple(rng.sample(range(len(shape)), len(shape))), "flipped": (axis,),
               "stepped": (axis, rng.choice((2, 3)), rng.randrange(2)), "cut": (axis, rng.randrange(3), rng.randrange(3)),
               "shifted": (rng.randrange(1, 4),), "repeated": (axis,)}[kind]
        steps.append((kind, how))
        shape = MEMORY[kind](np.empty(shape, np.int8), *how)[0].shape
    return Layout(tuple(steps))


def _permuted(x, *order):
    back = tuple(np.argsort(order).tolist())
    return x.transpose(order), lambda t: t.permute(back)


def _flipped(x, axis):
    return np.flip(x, axis), lambda t: t.flip(axis)


def _stepped(x, axis, step, start):
    """Every step-th place along the axis; between them lie others' values."""
    size = x.shape[axis]
    whole = _junk(x, axis, size * step + 1)
    key = (slice(None),) * axis + (slice(start, start + size * step, step),)
    whole[key] = x
    return whole, lambda t: t[key]


def _cut(x, axis, before, after):
    whole = _junk(x, axis, before + x.shape[axis] + after)
    key = (slice(None),) * axis + (slice(before, before + x.shape[axis]),)
    whole[key] = x
    return whole, lambda t: t.narrow(axis, before, x.shape[axis])


def _shifted(x, by):
    whole = np.concatenate([np.full(by, 1, x.dtype), x.reshape(-1)])
    return whole, lambda t: t[by:].reshape(x.shape)


def _repeated(x, axis):
    """One place along the axis stands for all."""
    return x.take([0], axis), lambda t: t.expand(x.shape)


def _junk(x: np.ndarray, axis: int, size: int) -> np.ndarray:
    shape = (*x.shape[:axis], size, *x.shape[axis + 1:])
    return (np.arange(np.prod(shape, dtype=int)).reshape(shape) % 5 - 2).astype(x.dtype)


MEMORY = {"permuted": _permuted, "flipped": _flipped, "stepped": _stepped, "cut": _cut, "shifted": _shifted,
          "repeated": _repeated}
