"""One contestant's process: does what its parent asks, a line of JSON for each line of JSON.

    python -m bench.worker TASK FRAMEWORK MODE      (started by process.py)

`prepare` imports, builds and does the first steps; `run` times steps for a while; `end` tells the peak memory. All
contestants of a task live at the same time and are asked in turns, so that what else the machine does falls on all alike.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
import traceback
from pathlib import Path

from .jax_runner import JaxRunner
from .runners import Missing, TensorRunner
from .task import Task

FIRST_STEPS = 6  # their losses are compared, and whatever compiles has done so by then
WARM_SECONDS = 0.3
MOST_STEPS = 1000  # in one `run`


def memory_mb(field: str) -> float:
    """VmHWM, the largest size so far, or VmRSS, the size now, of this process; elsewhere than on Linux only the largest.

    Not ru_maxrss where it can be helped: that is inherited from the process that started this one.
    """
    try:
        return int(re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024  # type: ignore[index]
    except (OSError, TypeError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)


class Worker:
    def __init__(self, task: Task, framework: str, mode: str):
        self.task, self.framework, self.mode = task, framework, mode

    def prepare(self, steps: int = FIRST_STEPS) -> dict:
        """Losses of the first steps and how long each took; nothing is warmed up after a single one."""
        task = self.task
        runner = JaxRunner(task) if self.framework == "jax" else TensorRunner(task, self.framework, self.mode)
        self.imported = memory_mb("VmRSS")
        runner.prepare()
        self.runner = runner
        losses, times = [], []
        while len(times) < steps or (steps > 1 and sum(times) < WARM_SECONDS):
            seconds, loss = self._timed()
            times.append(seconds)
            losses.append(loss)
        if task.kind == "forward":
            losses = [runner.check()]
        return {"losses": losses[:FIRST_STEPS], "first": times[0], "warming": times[:50]}

    def run(self, seconds: float) -> dict:
        times: list[float] = []
        while not times or (sum(times) < seconds and len(times) < MOST_STEPS):
            times.append(self._timed()[0])
        return {"times": times, "steps": len(times)}

    def _timed(self) -> tuple[float, float | None]:
        start = time.perf_counter()
        loss = self.runner.step()
        return time.perf_counter() - start, loss

    def end(self) -> dict:
        return {"peak_mb": memory_mb("VmHWM") - self.imported, "imported_mb": self.imported}


def describe(error: BaseException) -> dict:
    """What went wrong, as a reply: missing where the framework lacks a name, else failed."""
    last = (str(error).strip().splitlines() or [""])[0]
    lacks = isinstance(error, AttributeError) and re.search(r"module '(?:talweg|torch)[\w.]*' has no attribute", last)
    if isinstance(error, Missing) or lacks:
        return {"error": last, "status": "missing"}
    traceback.print_exc()
    return {"error": f"{type(error).__name__}: {last}"[:300], "status": "failed"}


def confine(threads: int) -> None:
    """Keep this process to as many cores: JAX has no other setting. All of them for 0, or where it cannot be said."""
    if threads and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def serve(worker) -> None:
    """Answer the parent's questions by the worker's methods until there are no more."""
    replies = os.fdopen(os.dup(1), "w")  # what libraries print goes to the error stream instead
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = getattr(worker, request.pop("do"))(**request)
        except Exception as error:  # the parent reports it and goes on with the others
            reply = describe(error)
        print(json.dumps(reply), file=replies, flush=True)


def main() -> None:
    worker = Worker(Task.loads(sys.argv[1]), *sys.argv[2:4])
    confine(worker.task.threads)
    serve(worker)


if __name__ == "__main__":
    main()
