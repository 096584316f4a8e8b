"""One thing to measure: a workload, trained or only run forward, in one dtype, with given sizes and threads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

from .workloads import Workload, find

KINDS = ("train", "forward")
DTYPES = ("float32", "bfloat16")


@dataclass(frozen=True)
class Task:
    """`sizes` overrides the workload's own; `threads` of 0 means all cores; `group` is the table it belongs to."""

    workload: str
    kind: str = "train"
    dtype: str = "float32"
    sizes: dict[str, Any] = field(default_factory=dict, hash=False)
    threads: int = 0
    quick: bool = False
    group: str = "train"
    worker: ClassVar[str] = "bench.worker"

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"a task's kind is one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.dtype not in DTYPES:
            raise ValueError(f"a task's dtype is one of {', '.join(DTYPES)}, not {self.dtype!r}")
        if self.kind == "train" and not self.table.trains:
            raise ValueError(f"{self.workload} has nothing to train: its kind is forward")
        self.resolved()

    @property
    def table(self) -> Workload:
        return find(self.workload)

    def resolved(self) -> SimpleNamespace:
        return self.table.sizes(self.quick, **self.sizes)

    @property
    def detail(self) -> str:
        """What sets it apart from its workload's ordinary run: `batch 16, 1 thread`."""
        parts = [f"{name} {value}" for name, value in self.sizes.items()]
        if self.threads:
            parts.append(f"{self.threads} thread{'s' * (self.threads > 1)}")
        return ", ".join(parts)

    @property
    def key(self) -> str:
        parts = [self.group, self.workload, self.dtype, self.detail, "quick" if self.quick else ""]
        return " / ".join(part for part in parts if part)

    def slice(self, seconds: float, results: Mapping[str, dict]) -> dict[str, Any]:
        """What contestants are asked for in a round, by how they began."""
        return {"seconds": seconds}

    def dumps(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def loads(text: str) -> Task:
        return Task(**json.loads(text))
