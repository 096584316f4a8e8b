"""What a demonstration gives back: tables for people, facts for programs, figures for files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Table:
    """Rows of words under a heading; the first row names the columns. Numbers stand flush right."""

    heading: str
    rows: list[list[str]]


@dataclass(frozen=True)
class Shown:
    """One demonstration's outcome.

    title      a line that says what was compared
    tables     what is printed
    facts      the same numbers, as JSON has them
    figures    file name without ending -> a function that draws the figure, which needs matplotlib
    notes      lines printed at the end
    """

    title: str
    tables: list[Table]
    facts: dict[str, Any]
    figures: dict[str, Callable[[], Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
