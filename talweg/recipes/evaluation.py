"""What recipes answer with: the figures of a split, a finished training, and the answer to a new input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..training import FitResult, Symptom


@dataclass(frozen=True)
class Evaluation:
    """A model's figures on one split.

    `figures` are numbers by their names, as programs read them; `summary` says the same in a line for people, `tiles` in
    pairs (value, name) for the report; `lines` are the rows of a table for the terminal, the first its head, `facts` what
    else JSON holds.
    """

    split: str
    samples: int
    figures: dict[str, float]
    summary: str
    tiles: list[tuple[str, str]] = field(default_factory=list)
    lines: list[list[str]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {"split": self.split, "samples": self.samples, **self.figures, **self.facts}


@dataclass(frozen=True)
class Outcome:
    """A finished training: where it is kept, how it went, and the best weights' figures on the test split."""

    run: Path
    settings: Any
    result: FitResult
    test: Evaluation
    missing: str | None
    diagnosis: Sequence[Symptom] = ()


@dataclass(frozen=True)
class Answer:
    """What a trained model says or makes: `text` for people, `facts` for programs; `save` writes what can be looked at or
    listened to, if there is something, to a path. `pieces`, where there are any, go on from `text` as they are made; `facts`
    are whole after the last."""

    text: str
    facts: dict[str, Any]
    save: Callable[[Path], None] | None = None
    pieces: Iterator[str] | None = None

    def whole(self) -> str:
        """All of the text, with the pieces that have not been taken yet."""
        return self.text + "".join(self.pieces or ())
