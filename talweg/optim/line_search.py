"""A step length along a direction that satisfies the strong Wolfe conditions (Nocedal and Wright 2006, section 3.5)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from ..tensor import Tensor

SUFFICIENT_DECREASE = 1e-4
CURVATURE = 0.9
SMALLEST_CHANGE = 1e-9
MOST_TRIALS = 25


class Point(NamedTuple):
    """The function at one step length: its value, its whole gradient, and the gradient along the direction."""

    length: float
    value: float
    gradient: Tensor
    slope: float


def strong_wolfe(at: Callable[[float], Point], start: Point, first: float, extent: float) -> tuple[Point, int]:
    """A point that is low enough and flat enough, and how many were tried.

    `at` gives the point at a length, `start` is the one at 0, `first` the length tried first, `extent` the largest element
    of the direction.
    """
    bracket, trials, found = _bracketed(at, start, first)
    if found:
        return bracket[0], trials + 1
    low, high = sorted(bracket, key=lambda p: p.value)
    slow = False  # whether the last trial fell close to an end of the bracket
    while trials < MOST_TRIALS and abs(high.length - low.length) * extent >= SMALLEST_CHANGE:
        length, slow = _inside(low, high, slow)
        new = at(length)
        trials += 1
        if _too_high(new, start) or new.value >= low.value:
            low, high = sorted((low, new), key=lambda p: p.value)
            continue
        if _flat_enough(new, start):
            return new, trials + 1
        high = low if new.slope * (high.length - low.length) >= 0 else high
        low = new
    return low, trials + 1


def _bracketed(at: Callable[[float], Point], start: Point, first: float) -> tuple[list[Point], int, bool]:
    """Two points with a good one between them; or one that is good already, and True."""
    before, new = start, at(first)
    for trials in range(MOST_TRIALS):
        if _too_high(new, start) or (trials > 1 and new.value >= before.value):
            return [before, new], trials, False
        if _flat_enough(new, start):
            return [new], trials, True
        if new.slope >= 0:
            return [before, new], trials, False
        least = new.length + 0.01 * (new.length - before.length)
        before, new = new, at(_cubic_minimum(before, new, least, new.length * 10))
    return [start, new], MOST_TRIALS, False


def _too_high(point: Point, start: Point) -> bool:
    return point.value > start.value + SUFFICIENT_DECREASE * point.length * start.slope


def _flat_enough(point: Point, start: Point) -> bool:
    return abs(point.slope) <= -CURVATURE * start.slope


def _inside(low: Point, high: Point, slow: bool) -> tuple[float, bool]:
    """The length to try next; twice in a row close to an end is once too often."""
    left, right = sorted((low.length, high.length))
    length = _cubic_minimum(low, high, left, right)
    margin = 0.1 * (right - left)
    if min(right - length, length - left) >= margin:
        return length, False
    if slow or length >= right or length <= left:
        return (right - margin if abs(length - right) < abs(length - left) else left + margin), False
    return length, True


def _cubic_minimum(a: Point, b: Point, least: float, most: float) -> float:
    """Where the cubic through both values and slopes is lowest, within bounds; their middle where it has no minimum."""
    a, b = sorted((a, b), key=lambda p: p.length)
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.length - b.length)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (least + most) / 2
    d2 = math.sqrt(square)
    lowest = b.length - (b.length - a.length) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2)
    return min(max(lowest, least), most)
