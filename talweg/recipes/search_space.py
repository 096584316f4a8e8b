"""Which settings a search tries: ranges and choices by name, as a grid or drawn from a seed (L 1.1, L 3.5)."""

from __future__ import annotations

import itertools
import math
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..data.order import uniform
from .settings import converted, unknown

SEARCHES = ("random", "grid", "halving")
DEFAULT_TRIALS = 20
MOST_TRIALS = 10_000
LINEAR_POINTS = 5
REPEATS = 50
"""How often a draw that was made before is drawn again, before the space counts as exhausted."""


@dataclass(frozen=True)
class Choices:
    """One of these values."""

    name: str
    values: list[Any]

    def at(self, share: float) -> Any:
        """The value at a share of the way, between 0 and 1."""
        return self.values[min(int(share * len(self.values)), len(self.values) - 1)]

    def grid(self) -> list[Any]:
        return self.values


@dataclass(frozen=True)
class Range:
    """A number between two bounds, evenly on a logarithmic scale where they are positive and a factor 10 or more apart.

    `points` is how many a grid has, by default one a decade, or five on a linear scale. Numbers have three digits.
    """

    name: str
    low: float
    high: float
    whole: bool
    points: int | None = None

    @property
    def logarithmic(self) -> bool:
        return self.low > 0 and self.high >= 10 * self.low

    def at(self, share: float) -> float | int:
        if self.logarithmic:
            value = self.low * (self.high / self.low) ** share
        else:
            value = self.low + (self.high - self.low) * share
        value = round(value) if self.whole else float(f"{value:.3g}")
        return type(value)(min(max(value, self.low), self.high))

    def grid(self) -> list[Any]:
        points = self.points or (round(math.log10(self.high / self.low)) + 1 if self.logarithmic else LINEAR_POINTS)
        return list(dict.fromkeys(self.at(i / (points - 1)) for i in range(points)))


Dimension = Choices | Range


def dimension(text: str, kind: type) -> Dimension:
    """`lr=1e-4..1e-1` (a range; with `:5` at its end, 5 points of a grid), `batch_size=32,64` or, where a value is a list
    itself, `hidden=64;128,64`. `kind` is the dataclass of settings. Raises ValueError for anything else."""
    name, equals, values = text.partition("=")
    name = name.strip().replace("-", "_")
    hints = typing.get_type_hints(kind)
    if not equals or not values.strip():
        raise ValueError(f"--over takes NAME=LOW..HIGH or NAME=VALUE;VALUE, got {text!r}")
    if name not in hints:
        raise ValueError(f"--over {text}: {unknown(name, list(hints))}")
    try:
        return _range(name, values, hints[name]) if ".." in values else _choices(name, values, hints[name])
    except ValueError as error:
        raise ValueError(f"--over {text}: {error}") from error


def _plain(hint: Any) -> Any:
    """The type without None."""
    return next(t for t in typing.get_args(hint) if t is not types.NoneType) if isinstance(hint, types.UnionType) else hint


def _range(name: str, text: str, hint: Any) -> Range:
    bounds, _, points = text.partition(":")
    if _plain(hint) not in (int, float):
        raise ValueError(f"{name} is no number: separate its values by ;")
    low, high = (converted(name, bound.strip(), _plain(hint)) for bound in bounds.split("..", 1))
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"the first bound must be below the second, got {low} and {high}")
    if points and not (points.strip().isdigit() and int(points) >= 2):
        raise ValueError(f"the number of points must be 2 or more, got {points}")
    return Range(name, low, high, _plain(hint) is int, int(points) if points else None)


def _choices(name: str, text: str, hint: Any) -> Choices:
    is_list = typing.get_origin(_plain(hint)) is list
    parts = text.split(";") if ";" in text or is_list else text.split(",")
    values = [converted(name, part.strip(), hint) for part in parts if part.strip()]
    if len({repr(value) for value in values}) < 2:
        raise ValueError(f"has one value only: give two or more, separated by {';' if is_list else ','}")
    return Choices(name, list({repr(value): value for value in values}.values()))


def trials_of(search: str, space: Sequence[Dimension], trials: int | None, seed: int) -> list[dict[str, Any]]:
    """The settings of every trial: a function of the arguments alone. Random draws are all different; where there are not
    as many, there are fewer. Raises ValueError for a grid larger than `trials`, and for what is no search."""
    names = [d.name for d in space]
    if search not in SEARCHES:
        raise ValueError(f"--search must be one of {', '.join(SEARCHES)}, got {search!r}")
    if not names:
        raise ValueError("nothing to search over: name a setting and its values, such as --over lr=1e-4..1e-1")
    if len(set(names)) < len(names):
        raise ValueError(f"--over names {next(n for n in names if names.count(n) > 1)} twice: put all its values into one")
    if trials is not None and not 1 <= trials <= MOST_TRIALS:
        raise ValueError(f"--trials must be between 1 and {MOST_TRIALS}, got {trials}")
    if search == "grid":
        return _grid(space, trials)
    return _drawn(space, trials or DEFAULT_TRIALS, seed)


def _grid(space: Sequence[Dimension], trials: int | None) -> list[dict[str, Any]]:
    sides = [d.grid() for d in space]
    count = math.prod(map(len, sides))
    most = trials or MOST_TRIALS
    if count > most:
        raise ValueError(f"the grid has {count} points, more than {most} trials: name fewer values (LOW..HIGH:POINTS says how "
                         "many a range has), allow more --trials, or use --search random")
    return [dict(zip([d.name for d in space], values)) for values in itertools.product(*sides)]


def _drawn(space: Sequence[Dimension], trials: int, seed: int) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for number in range(REPEATS * trials):
        shares = uniform(len(space), seed, "tune", number).tolist()
        drawn = {d.name: d.at(share) for d, share in zip(space, shares)}
        found.setdefault(repr(drawn), drawn)
        if len(found) == trials:
            break
    return list(found.values())


def rungs_of(search: str, trials: int, epochs: int | None, keep: int = 3) -> list[int | None]:
    """After how many epochs trials are compared and a third of them goes on, the last with the whole training (None).

    Successive halving (Jamieson and Talwalkar 2016) with thirds. Raises ValueError for halving without epochs.
    """
    if search != "halving":
        return [None]
    if epochs is None:
        raise ValueError("--search halving compares trials after epochs: give --epochs instead of --steps")
    rungs: list[int | None] = [None]
    left = epochs // keep
    while left >= 1 and keep ** len(rungs) <= trials:
        rungs.insert(0, left)
        left //= keep
    return rungs


def going_on(count: int, keep: int = 3) -> int:
    """How many of so many trials reach the next rung."""
    return math.ceil(count / keep)
