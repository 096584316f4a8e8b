"""Prints, as JSON, the names and shapes of a task's parameters and running statistics.

    python -m bench.shapes TASK

From PyTorch's meta device, which allocates nothing, or from Talweg where PyTorch is not installed.
"""

from __future__ import annotations

import json
import sys

from .runners import Missing, imported
from .task import Task


def shapes(task: Task) -> dict:
    try:
        T = imported("torch")
        with T.device("meta"):
            model = task.table.load().model(T, task.resolved())
    except Missing:
        model = task.table.load().model(imported("talweg"), task.resolved())
    statistics = [(name, tuple(b.shape)) for name, b in model.named_buffers() if "running" in name]
    return {"parameters": [(name, tuple(p.shape)) for name, p in model.named_parameters()], "statistics": statistics}


if __name__ == "__main__":
    print(json.dumps(shapes(Task.loads(sys.argv[1]))))
