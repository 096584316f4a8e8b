"""What a run consists of: the tasks of each section, and the measurements that are not races."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from . import machine
from .contestants import Contestant
from .flops import flops
from .footprint import import_seconds
from .process import ROOT
from .race import Pace, race
from .task import Task
from .workloads import WORKLOADS

SECTIONS = ("train", "forward", "pointwise", "scaling", "startup", "recording")
FORWARD_BATCHES = (1, 16)
SCALING: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("mlp", "hidden", (2, 8, 32)), ("mlp", "batch", (16, 256, 1024)), ("gpt", "layers", (2, 6, 12)),
    ("gpt", "batch", (1, 4, 16)), ("resnet18", "batch", (1, 4, 16)), ("gpt", "threads", (1, 2)), ("resnet18", "threads", (1, 2)),
)
IMPORTS = {"talweg": "talweg.facade", "torch": "torch", "jax": "jax", "numpy": "numpy"}


def tasks(section: str, workloads: Sequence[str], dtypes: Sequence[str], quick: bool = False) -> list[Task]:
    """The races of one section, for these workloads; none for the sections that are not races."""
    trained = [w.name for w in WORKLOADS if w.trains and w.name in workloads]
    if section == "train":
        return [Task(name, "train", dtype, quick=quick, group="train") for dtype in dtypes for name in trained]
    if section == "forward":
        return [Task(name, "forward", dtype, {"batch": batch}, quick=quick, group="forward")
                for dtype in dtypes for name in trained for batch in FORWARD_BATCHES]
    if section == "pointwise" and "pointwise" in workloads and "float32" in dtypes:
        return [Task("pointwise", "forward", quick=quick, group="pointwise")]
    if section == "scaling" and "float32" in dtypes:
        return [_scaled(name, size, value, quick) for name, size, values in SCALING if name in trained for value in values]
    return []


def _scaled(name: str, size: str, value, quick: bool) -> Task:
    if size == "threads":
        return Task(name, threads=value, quick=quick, group="scaling")
    return Task(name, sizes={size: value}, quick=quick, group="scaling")


def seconds_expected(planned: Sequence[Task], contestants: Sequence[Contestant], pace: Pace) -> float:
    """A rough estimate: starting a process and its first steps, then the slices."""
    total = 10.0
    for task in planned:
        entrants = [c for c in contestants if c.applies(task.table.images)]
        start = sum(90 if c.mode == "compile" and c.framework == "torch" and not c.keeps_pages else 8 for c in entrants)
        total += (start * (2 if pace.cold else 1) * (0.3 if task.quick else 1)) + len(entrants) * pace.rounds * pace.seconds * 1.3
    return total


def run_races(planned: Sequence[Task], contestants: Sequence[Contestant], pace: Pace, origin: dict,
              say: Callable[[str], None]) -> dict[str, dict]:
    """Each task's record by its key: results, operations counted, and where the figures come from."""
    records = {}
    for number, task in enumerate(planned, 1):
        say(f"[{number}/{len(planned)}] {task.key}")
        started = time.perf_counter()
        results = race(task, contestants, pace, say)
        sizes = vars(task.resolved())
        records[task.key] = {
            "workload": task.workload, "title": task.table.title, "group": task.group, "kind": task.kind, "dtype": task.dtype,
            "detail": task.detail, "quick": task.quick, "threads": task.threads, "sizes": sizes, "results": results,
            "flops": flops(task) if task.table.trains else None, "bytes": 8 * sizes["elements"] if "elements" in sizes else None,
            "rounds": pace.rounds, "seconds": time.perf_counter() - started, "origin": origin,
        }
    return records


def origin(command: str) -> dict:
    """Where and when figures come from: the command, the commit, the machine."""
    return {"command": command, "commit": _commit(), "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
            "machine": machine.describe(), "versions": versions()}


def _commit() -> str:
    found = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return found.stdout.strip() or "unknown"


def versions() -> dict[str, str]:
    """Of what competes, without importing it."""
    script = "import importlib.metadata as m, sys\nfor n in sys.argv[1:]:\n try: print(n, m.version(n))\n except Exception: pass"
    command = [sys.executable, "-c", script, "torch", "jax", "numpy", "llvmlite", "onednn-cpu-gomp"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return dict(line.split(" ", 1) for line in found.stdout.splitlines())


def import_times() -> dict[str, float]:
    """Median seconds of an import, for what is installed."""
    times = {}
    for name, module in IMPORTS.items():
        try:
            times[name] = import_seconds(sys.executable, module, ROOT)
        except subprocess.CalledProcessError:
            continue
    return times


def recording_costs() -> list[dict]:
    """Microseconds to record an operation, beside PyTorch's to compute it."""
    found = subprocess.run([sys.executable, "-m", "bench.recording", "--json"], cwd=ROOT, capture_output=True, text=True)
    return json.loads(found.stdout) if found.returncode == 0 else []
