"""One recipe to measure, as bench/race.py takes it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from .entries import find


@dataclass(frozen=True)
class Table:
    """What a race asks of a workload: whether channels-last may help, and how many processes live at a time."""

    images: bool
    together: int = 3


@dataclass(frozen=True)
class RecipeTask:
    """`workload` is a name of entries.py, `sizes` settings other than the default; `quick` takes its small form."""

    workload: str
    sizes: dict[str, Any] = field(default_factory=dict, hash=False)
    threads: int = 0
    quick: bool = False
    dtype: ClassVar[str] = "float32"
    worker: ClassVar[str] = "bench.recipes.worker"

    def __post_init__(self) -> None:
        find(self.workload)

    @property
    def table(self) -> Table:
        return Table(find(self.workload).images)

    @property
    def key(self) -> str:
        return " / ".join(part for part in ("recipe", self.workload, "quick" if self.quick else "") if part)

    def dumps(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def loads(text: str) -> RecipeTask:
        return RecipeTask(**json.loads(text))
