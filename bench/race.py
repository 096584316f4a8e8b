"""A task run by several contestants in turns: one process each, rounds of short slices, the median of their medians."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from .contestants import Contestant
from .process import Failed, Process
from .task import Task

TOLERANCE = {"float32": (1e-3, 2e-2), "bfloat16": (2e-2, 2e-1)}
"""Largest relative difference of the first loss, and of the next ones: rounding differs, and training amplifies it."""
REFERENCES = ("PyTorch", "PyTorch, pages kept", "JAX, jit")


@dataclass(frozen=True)
class Pace:
    """Rounds of slices of so many seconds; `cold` starts everything once more with an empty cache; limits in seconds."""

    rounds: int = 7
    seconds: float = 1.0
    cold: bool = False
    start_limit: float = 600
    slice_limit: float = 120


Say = Callable[[str], None]


def race(task: Task, contestants: Sequence[Contestant], pace: Pace, say: Say = print) -> dict[str, Any]:
    """Results by contestant's name: status, ms, losses, first step, peak memory; and how the losses compare."""
    entrants = [c for c in contestants if c.applies(task.table.images)]
    results: dict[str, dict] = {c.name: {} for c in entrants}
    with tempfile.TemporaryDirectory(prefix="bench-cache-") as cache:
        for heat in heats(entrants, task.table.together):
            results.update(_heat(task, heat, pace, Path(cache), say))
    compare_losses(results, TOLERANCE[task.dtype])
    return results


def heats(entrants: Sequence[Contestant], most: int) -> list[Sequence[Contestant]]:
    """As few groups as have at most so many members, frameworks mixed: all processes of a group live at a time."""
    count = math.ceil(len(entrants) / most)
    return [entrants[i::count] for i in range(count)]


def _heat(task: Task, entrants: Sequence[Contestant], pace: Pace, cache: Path, say: Say) -> dict[str, dict]:
    results: dict[str, dict] = {}
    alive: dict[str, Process] = {}
    try:
        for contestant in entrants:
            results[contestant.name] = _start(task, contestant, pace, cache, alive)
            say(f"  {contestant.name}: {_started(results[contestant.name])}")
        _rounds(alive, results, pace, task.slice(pace.seconds, results))
        _end(alive, results, pace)
    finally:
        for process in alive.values():
            process.close()
    return results


def _started(result: dict) -> str:
    if result["status"] != "ok":
        return f"{result['status']}: {result['note']}"
    return f"first step {result['first']:.2f} s"


def _start(task: Task, contestant: Contestant, pace: Pace, cache: Path, alive: dict[str, Process]) -> dict:
    """The first steps; with `cold`, after the very first one in a process before, so that the caches are filled."""
    obstacle = contestant.obstacle()
    if obstacle:
        return {"status": "missing", "note": obstacle}
    cold = None
    try:
        if pace.cold and not contestant.keeps_pages:
            cold = _cold_step(task, contestant, pace, cache)
        process = Process(task, contestant, cache)
        alive[contestant.name] = process
        begun = process.ask("prepare", pace.start_limit)
    except Failed as failure:
        alive.pop(contestant.name, None)
        return {"status": failure.status, "note": str(failure)}
    found = {"status": "ok", "slices": [], **begun}
    return {**found, "first_cold": cold, "first_warm": found["first"]} if cold is not None else found


def _cold_step(task: Task, contestant: Contestant, pace: Pace, cache: Path) -> float:
    process = Process(task, contestant, cache)
    try:
        return process.ask("prepare", pace.start_limit, steps=1)["first"]
    finally:
        process.close()


def _rounds(alive: dict[str, Process], results: dict[str, dict], pace: Pace, slice: dict[str, Any]) -> None:
    """The order turns round from one round to the next, so that nobody always follows the same neighbour."""
    for number in range(pace.rounds):
        for name in list(alive)[:: 1 if number % 2 == 0 else -1]:
            reply = _ask(alive, results, name, "run", pace, **slice)
            if reply:
                results[name]["steps"] = results[name].get("steps", 0) + reply["steps"]
                results[name]["slices"].append(median(reply["times"]))


def _end(alive: dict[str, Process], results: dict[str, dict], pace: Pace) -> None:
    for name in list(alive):
        reply = _ask(alive, results, name, "end", pace)
        slices = results[name].pop("slices", [])
        if reply and slices:
            results[name].update(reply, ms=1e3 * median(slices), best_ms=1e3 * min(slices), spread=_spread(slices))
            results[name]["to_speed"] = to_speed(results[name]["warming"], median(slices))
    for result in results.values():
        result.pop("slices", None)


def _ask(alive, results, name: str, do: str, pace: Pace, **arguments) -> dict | None:
    try:
        return alive[name].ask(do, pace.slice_limit, **arguments)
    except Failed as failure:
        del alive[name]
        results[name] = {"status": failure.status, "note": str(failure)}
        return None


def _spread(slices: list[float]) -> float:
    """How far the middle half of the slices lies apart, relative to their median."""
    ordered = sorted(slices)
    quarter = len(ordered) // 4
    return (ordered[-1 - quarter] - ordered[quarter]) / median(ordered)


def to_speed(warming: list[float], steady: float) -> float:
    """Seconds until the last of the first steps that took more than one and a half times a steady one is over."""
    slow = [i for i, seconds in enumerate(warming) if seconds > 1.5 * steady]
    return sum(warming[: slow[-1] + 1]) if slow else 0.0


def compare_losses(results: dict[str, dict], tolerance: tuple[float, float]) -> None:
    """Notes in each result how far its losses are from the reference's, and whether that is within the tolerances."""
    running = [name for name, r in results.items() if r["status"] == "ok"]
    reference = next((name for name in (*REFERENCES, *running) if name in running), None)
    if reference is None:
        return
    expected = results[reference]["losses"]
    for name in running:
        apart = [_apart(a, b) for a, b in zip(results[name]["losses"], expected)]
        results[name]["loss_difference"] = max(apart, default=0.0)
        results[name]["agrees"] = all(d <= tolerance[i > 0] for i, d in enumerate(apart))
        results[name]["reference"] = reference


def _apart(a: float, b: float) -> float:
    """Relative to the larger of |b| and 1: where a loss is near zero, its absolute difference counts."""
    return abs(a - b) / max(1.0, abs(b)) if math.isfinite(a) and math.isfinite(b) else math.inf
