"""One contestant's process in a race of recipes; what it is asked is told in bench/worker.py.

    python -m bench.recipes.worker TASK FRAMEWORK MODE      (started by bench/process.py)
"""

from __future__ import annotations

import importlib
import sys
import time

from ..worker import FIRST_STEPS, WARM_SECONDS, confine, memory_mb, serve
from .begun import begun, carried_out
from .entries import find
from .pace import Pacer
from .task import RecipeTask


class Worker:
    """A recipe's training in slices. Runs that end begin anew, so that a short one is timed as long as the others."""

    def __init__(self, task: RecipeTask, framework: str, mode: str) -> None:
        self.task, self.framework, self.mode = task, framework, mode
        self.pacer = Pacer(time.process_time if task.processor_time else time.perf_counter)

    def prepare(self, steps: int = FIRST_STEPS) -> dict:
        """Losses of the first steps and how long each took. They are made with the same random numbers everywhere."""
        importlib.import_module("torch" if self.framework == "torch" else "talweg.facade")
        self.imported = memory_mb("VmRSS")
        shared = importlib.import_module("bench.recipes.shared_random").sharing() if self.framework == "torch" else None
        self.pacer.carry(self._run)
        times = self.pacer.advance(lambda t: len(t) >= steps - 1 and (steps == 1 or sum(t) >= WARM_SECONDS))
        if shared is not None:
            shared.close()
        assert self.pacer.first is not None
        return {"losses": self.pacer.losses[:FIRST_STEPS], "first": self.pacer.first,
                "warming": [self.pacer.first, *times[:50]]}

    def _run(self) -> None:
        training = begun(self.framework, self.task.workload, self.task.quick, **self.task.sizes)
        carried_out(training, self.pacer, self.mode == "channels-last")

    def run(self, steps: int) -> dict:
        """The mean of a slice's steps: what is done once an epoch is spread over its steps."""
        times = self.pacer.advance(lambda t: len(t) >= steps)
        return {"times": [sum(times) / len(times)], "steps": len(times)}

    def end(self) -> dict:
        return {"peak_mb": memory_mb("VmHWM") - self.imported, "imported_mb": self.imported}


def main() -> None:
    task = RecipeTask.loads(sys.argv[1])
    find(task.workload)
    confine(task.threads)
    serve(Worker(task, *sys.argv[2:4]))


if __name__ == "__main__":
    main()
