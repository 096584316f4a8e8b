"""One recipe to measure, as bench/race.py takes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, ClassVar

from .entries import find


@dataclass(frozen=True)
class Table:
    """What a race asks of a workload: whether channels-last may help, and how many processes live at a time."""

    images: bool
    together: int = 3


@dataclass(frozen=True)
class RecipeTask:
    """`workload` is a name of entries.py, `sizes` settings other than the default; `quick` takes its small form,
    `processor_time` counts what the process computes and not what it waits for."""

    workload: str
    sizes: dict[str, Any] = field(default_factory=dict, hash=False)
    threads: int = 0
    quick: bool = False
    processor_time: bool = False
    dtype: ClassVar[str] = "float32"
    worker: ClassVar[str] = "bench.recipes.worker"

    def __post_init__(self) -> None:
        find(self.workload)

    @property
    def table(self) -> Table:
        return Table(find(self.workload).images)

    @property
    def key(self) -> str:
        return " / ".join(part for part in ("recipe", self.workload, self.detail, "quick" if self.quick else "") if part)

    def slice(self, seconds: float, results: Mapping[str, dict]) -> dict[str, Any]:
        """As many steps for everyone as the slowest makes in so many seconds: rounds of an agent grow longer as it learns."""
        slowest = max((median(r["warming"][len(r["warming"]) // 2:]) for r in results.values() if r["status"] == "ok"),
                      default=seconds)
        return {"steps": max(1, int(seconds / slowest))}

    @property
    def detail(self) -> str:
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}" if self.threads else ""
        parts = [*(f"{name} {value}" for name, value in self.sizes.items()), threads,
                 "processor time" if self.processor_time else ""]
        return ", ".join(part for part in parts if part)

    def dumps(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def loads(text: str) -> RecipeTask:
        return RecipeTask(**json.loads(text))
