"""One number for every dimension, as a tuple."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple]:
    """A function that repeats a number n times and leaves a sequence as a tuple."""

    def repeated(x: Any) -> tuple:
        return tuple(x) if isinstance(x, Iterable) else tuple(itertools.repeat(x, n))

    repeated.__name__ = name
    return repeated


_single, _pair, _triple, _quadruple = (_ntuple(n) for n in (1, 2, 3, 4))


def _reverse_repeat_tuple(t: tuple, n: int) -> tuple:
    """(1, 2) -> (2, 2, 1, 1) for n = 2: the order in which pad takes sizes."""
    return tuple(x for x in reversed(t) for _ in range(n))
