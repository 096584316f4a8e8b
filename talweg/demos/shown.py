"""What a demonstration gives back: tables for people, facts for programs, figures for files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

WORDS = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}


@dataclass(frozen=True)
class Table:
    """Rows of words under a heading; the first row names the columns. Numbers stand flush right."""

    heading: str
    rows: list[list[str]]


@dataclass(frozen=True)
class Claim:
    """What a demonstration says of its numbers: `measured` stands in `relation` to `bound`. A nan stands in none."""

    what: str
    measured: float
    relation: Literal["<=", ">=", "<", ">"]
    bound: float

    @property
    def holds(self) -> bool:
        measured, bound = float(self.measured), float(self.bound)
        return {"<=": measured <= bound, ">=": measured >= bound, "<": measured < bound, ">": measured > bound}[self.relation]

    @property
    def row(self) -> list[str]:
        """Words of a table: the claim, the figure, its bound, the verdict."""
        return [self.what, f"{self.measured:.6g}", f"{WORDS[self.relation]} {self.bound:.6g}", "holds" if self.holds else "FAILS"]

    @property
    def facts(self) -> dict[str, Any]:
        return {"what": self.what, "measured": float(self.measured), "relation": self.relation, "bound": float(self.bound),
                "holds": self.holds}


@dataclass(frozen=True)
class Shown:
    """One demonstration's outcome.

    title      a line that says what was compared
    tables     what is printed
    facts      the same numbers, as JSON has them
    figures    file name without ending -> a function that draws the figure, which needs matplotlib
    notes      lines printed at the end
    claims     what the idea says of the numbers; the command ends with 1 where one fails
    """

    title: str
    tables: list[Table]
    facts: dict[str, Any]
    figures: dict[str, Callable[[], Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return all(claim.holds for claim in self.claims)
