"""The recipes beside themselves over PyTorch: seconds of a training step, as a user's training makes it.

    python -m bench.recipes                     all of them at their default settings
    python -m bench.recipes gpt dcgan           some
    python -m bench.recipes --quick gpt         small forms: does it run, do the losses agree
    python -m bench.recipes --show bench/results/recipes.json --write-docs
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path

import click
from rich.console import Console

from .. import output
from ..__main__ import WIDTH
from ..contestants import KEEP_PAGES, KEPT, Contestant
from ..race import Pace, race
from ..suite import origin
from .entries import ENTRIES, find
from .report import OURS
from .task import RecipeTask

LATEST = output.LATEST.with_name("recipes.json")
CONTESTANTS = (
    Contestant(OURS, "talweg", "recipe"),
    Contestant("PyTorch" + KEPT, "torch", "eager", KEEP_PAGES),
    Contestant("PyTorch, channels-last" + KEPT, "torch", "channels-last", KEEP_PAGES),
)
NAMES = [entry.name for entry in ENTRIES]


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Rounds of slices.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True,
              help="Length of the slowest's slice.")
@click.option("--limit", type=click.FloatRange(1), default=600, show_default=True,
              help="Seconds for a contestant to read its data and start.")
@click.option("--threads", type=click.IntRange(0), default=0, help="Threads of each. [default: one a core]")
@click.option("--processor-time", is_flag=True,
              help="Others compute on this machine: one thread each, and what it computes is timed, not what it waits for.")
@click.option("--quick", is_flag=True, help="Small forms of the recipes.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=LATEST, help="Where the JSON goes.")
@click.option("--show", "shown", type=click.Path(dir_okay=False, path_type=Path), help="Print this report instead of running.")
@click.option("--write-docs", is_flag=True, help="Put the figures into docs/performance.md and .json.")
def main(names, rounds, seconds, limit, threads, processor_time, quick, out, shown, write_docs):
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    if write_docs and (quick or processor_time):
        raise click.UsageError("--write-docs takes figures of whole runs: leave out --quick and --processor-time")
    pace = Pace(rounds, seconds, start_limit=limit)
    threads = 1 if processor_time else threads
    tasks = [RecipeTask(name, threads=threads, quick=quick, processor_time=processor_time) for name in names or NAMES]
    report = output.load(shown) if shown else run(console, tasks, pace, out)
    output.show(report, console)
    if write_docs:
        output.write_docs(report)
        console.print("written: docs/performance.json, docs/performance.md")


def run(console: Console, tasks: list[RecipeTask], pace: Pace, out: Path) -> dict:
    """The report, saved after every recipe, so that a run that is cut off has not been for nothing."""
    where = origin("python -m bench.recipes " + shlex.join(sys.argv[1:]))
    report: dict = {"races": {}, "recipes": {}}
    for number, task in enumerate(tasks, 1):
        console.print(f"[{number}/{len(tasks)}] {task.key}", highlight=False, markup=False)
        report["recipes"][task.key] = record(task, pace, where, console)
        output.save(report, out)
    console.print(f"written to {os.path.relpath(out)}")
    return report


def record(task: RecipeTask, pace: Pace, where: dict, console: Console) -> dict:
    began = time.perf_counter()
    results = race(task, CONTESTANTS, pace, lambda text: console.print(text, highlight=False, markup=False))
    return {"workload": task.workload, "step": find(task.workload).step, "detail": task.detail, "quick": task.quick,
            "threads": task.threads, "results": results, "rounds": pace.rounds, "seconds": time.perf_counter() - began,
            "origin": where}


if __name__ == "__main__":
    main(prog_name="python -m bench.recipes")
