"""Finding a learning rate and a batch size before training."""

from __future__ import annotations

import csv
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import nn
from ..compile.engine import compile_at_first_sight
from ..data import short_name
from ..training import LOSS, find_rate
from ..training.report_figures import matplotlib_is_here, rate_curve
from ..training.update import samples as sample_count
from .recipe import Recipe
from .runs import new_run

LARGEST_BATCH = 4096
WORTH_IT = 1.1  # a batch twice as large must bring this much more throughput


def search_rate(recipe: Recipe, settings: Any, out: str | Path | None = None) -> dict[str, Any]:
    """The learning-rate range test; the curve as lr-finder.csv and, with matplotlib, as lr-finder.svg in a new folder."""
    task = recipe.begun(settings, recipe.material(settings))
    if recipe.figure is not LOSS:
        raise ValueError(f"--find-lr: a {recipe.name} run has no loss that a learning rate could be found by")

    def make(model: nn.Module, rate: float):
        return recipe.optimizer(replace(settings, lr=rate), model)

    curve = find_rate(task.model, task.goal.loss, make, task.goal.train)
    folder = new_run(out or Path("runs") / f"{settings.model}-{short_name(settings.data)}-lr")
    with (folder / "lr-finder.csv").open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["learning_rate", "smoothed_loss"])
        rows.writerows(zip(curve.rates, curve.losses))
    if matplotlib_is_here():
        (folder / "lr-finder.svg").write_text(rate_curve(curve.rates, curve.losses, curve.suggestion), encoding="utf-8")
    return {"learning_rate": curve.suggestion, "curve": str(folder)}


def search_batch_size(recipe: Recipe, settings: Any) -> dict[str, Any]:
    """Samples a second for batches of 8, 16, 32, ...; the suggestion is the smallest after which doubling brings less than
    a tenth."""
    if recipe.figure is not LOSS:
        raise ValueError(f"--find-batch-size: a {recipe.name} run makes its own samples")
    material = recipe.material(settings)
    samples = len(recipe.begun(settings, material).goal.train.dataset)
    speeds: dict[int, float] = {}
    size = 8
    while size <= min(LARGEST_BATCH, samples):
        try:
            speeds[size] = _speed(recipe, replace(settings, batch_size=size), material)
        except MemoryError:
            break
        size *= 2
    if not speeds:
        raise ValueError(f"{settings.data}: has {samples} training samples, too few to compare batch sizes")
    return {"batch_size": _suggested(speeds), "samples_per_second": speeds}


def _suggested(speeds: dict[int, float]) -> int:
    sizes = sorted(speeds)
    best = sizes[0]
    for size in sizes[1:]:
        if speeds[size] > WORTH_IT * speeds[best]:
            best = size
    return best


def _speed(recipe: Recipe, settings: Any, material: Any, repeats: int = 4) -> float:
    """Samples a second of the fastest step; the first ones, which compile, do not count."""
    task = recipe.begun(settings, material)
    update = task.goal.update(task.model, task.goal.loss, task.optimizer, None, precision=settings.precision)
    batch = next(iter(task.goal.train))
    fastest = math.inf
    with compile_at_first_sight():
        for number in range(2 + repeats):
            began = time.perf_counter()
            update([batch])
            if number >= 2:
                fastest = min(fastest, time.perf_counter() - began)
    return sample_count(batch[1]) / fastest


def told(found: dict[str, Any]) -> list[str]:
    """The findings in words."""
    lines = []
    if "learning_rate" in found:
        lines.append(f"Suggested learning rate: {found['learning_rate']:.2g}; the curve is in {found['curve']}")
    if "batch_size" in found:
        lines += [f"batch {size:>5}  {speed:>10,.0f} samples/s" for size, speed in found["samples_per_second"].items()]
        lines.append(f"Suggested batch size: {found['batch_size']}")
    return lines
