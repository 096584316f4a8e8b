"""The benchmark: Talweg beside PyTorch and JAX.

    python -m bench                              everything (hours)
    python -m bench --quick                      a look at reduced sizes (about three minutes)
    python -m bench -w gpt -c talweg -c torch    some of it
    python -m bench --show bench/results/latest.json --write-docs
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path

import click
from rich.console import Console

from . import machine, output, suite
from .contestants import CONTESTANTS, QUICK, Contestant, chosen
from .race import Pace
from .task import DTYPES
from .workloads import WORKLOADS

NAMES = [w.name for w in WORKLOADS]
QUICK_WORKLOADS = ("mlp", "lenet", "resnet18", "gpt", "lstm", "pointwise")
QUICK_SECTIONS = ("train", "pointwise", "startup")
QUICK_PACE = Pace(rounds=3, seconds=0.3, start_limit=60, slice_limit=30)
FULL_PACE = Pace(cold=True)
WIDTH = 180  # of what is printed into a file or a pipe
SCALING_CONTESTANTS = ("Talweg, automatic", "Talweg, @compile", "PyTorch, pages kept", "JAX, jit")
# Where other processes compute too, a thread that spins while it waits takes the core from the one it waits for.
WITHOUT_SPINNING = {"GOMP_SPINCOUNT": "1000", "OMP_WAIT_POLICY": "passive"}


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.option("-w", "--workload", "workloads", multiple=True, type=click.Choice(NAMES), help="Only this one; may be repeated.")
@click.option("-c", "--contestant", "contestants", multiple=True, help="Only those whose name contains this; may be repeated.")
@click.option("-d", "--dtype", "dtypes", multiple=True, type=click.Choice(DTYPES), 
              help="Only this one. [default: both; quick: float32]")
@click.option("-s", "--section", "sections", multiple=True, type=click.Choice(suite.SECTIONS),
              help="Only this one; may be repeated.")
@click.option("--rounds", type=click.IntRange(1), help="Rounds of slices. [default: 7; quick: 3]")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Length of a slice. [default: 1; quick: 0.3]")
@click.option("--limit", type=click.FloatRange(1), help="Seconds for a contestant to start. [default: 600; quick: 60]")
@click.option("--quick", is_flag=True, help="Reduced sizes and fewer contestants: about three minutes.")
@click.option("--busy", is_flag=True, help="Others compute on this machine: no contestant's threads spin while they wait.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=output.LATEST, help="Where the JSON goes.")
@click.option("--show", "shown", type=click.Path(dir_okay=False, path_type=Path), help="Print this report instead of running.")
@click.option("--write-docs", is_flag=True, help="Put the figures into docs/performance.md, .json and .svg.")
@click.option("--list", "listed", is_flag=True, help="Print workloads and contestants.")
def main(workloads, contestants, dtypes, sections, rounds, seconds, limit, quick, busy, out, shown, write_docs, listed):
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    if listed:
        _list(console)
        return
    if write_docs and quick:
        raise click.UsageError("--write-docs takes no figures of a quick run: leave out --quick")
    if shown:
        report = output.load(shown)
    else:
        pace = _pace(QUICK_PACE if quick else FULL_PACE, rounds, seconds, limit)
        if busy:
            os.environ.update(WITHOUT_SPINNING)
        report = run(console, workloads or (QUICK_WORKLOADS if quick else NAMES), _contestants(contestants, quick),
                     dtypes or (DTYPES[:1] if quick else DTYPES), sections or (QUICK_SECTIONS if quick else suite.SECTIONS),
                     pace, quick, out)
    output.show(report, console)
    if write_docs:
        _write(report, console)


def run(console: Console, workloads, contestants: tuple[Contestant, ...], dtypes, sections, pace: Pace, quick: bool,
        out: Path) -> dict:
    """The report, saved after every section, so that a run that is cut off has not been for nothing."""
    started = time.perf_counter()
    origin = suite.origin("python -m bench " + shlex.join(sys.argv[1:]))
    planned = {s: suite.tasks(s, workloads, dtypes, quick) for s in sections}
    expected = suite.seconds_expected([t for ts in planned.values() for t in ts], contestants, pace)
    console.print(f"{origin['machine']['processor']}, {origin['machine']['cores']} cores; about {expected / 60:.0f} min")
    report: dict = {"races": {}, "origin": origin, "quick": quick}
    peaks = machine.measured(quick)
    for section in sections:
        entrants = contestants if section != "scaling" else _scaling(contestants)
        records = suite.run_races(planned[section], entrants, _section_pace(section, pace), origin,
                                  lambda text: console.print(text, highlight=False, markup=False))
        report["races"].update({key: {**record, "peaks": peaks} for key, record in records.items()})
        if section == "startup":
            report["imports"] = suite.import_times()
        if section == "recording":
            report["recording"] = suite.recording_costs()
        report["seconds"] = time.perf_counter() - started
        output.save(report, out)
    console.print(f"took {report['seconds'] / 60:.1f} min; written to {os.path.relpath(out)}")
    return report


def _pace(pace: Pace, rounds, seconds, limit) -> Pace:
    return Pace(rounds or pace.rounds, seconds or pace.seconds, pace.cold, limit or pace.start_limit, pace.slice_limit)


def _section_pace(section: str, pace: Pace) -> Pace:
    """Only training steps are started cold as well."""
    return Pace(pace.rounds, pace.seconds, pace.cold and section == "train", pace.start_limit, pace.slice_limit)


def _contestants(words: tuple[str, ...], quick: bool) -> tuple[Contestant, ...]:
    try:
        return chosen(words or (QUICK if quick else tuple(c.name for c in CONTESTANTS)))
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _scaling(contestants: tuple[Contestant, ...]) -> tuple[Contestant, ...]:
    """A few tell how it scales; all those asked for, if these are not among them."""
    return tuple(c for c in contestants if c.name in SCALING_CONTESTANTS) or contestants


def _write(report: dict, console: Console) -> None:
    output.write_docs(report)
    console.print("written: docs/performance.json, docs/performance.md, docs/performance.svg")


def _list(console: Console) -> None:
    for workload in WORKLOADS:
        console.print(f"{workload.name:14} {workload.title}", highlight=False)
    for contestant in CONTESTANTS:
        console.print(f"{contestant.name}", highlight=False)


if __name__ == "__main__":
    main(prog_name="python -m bench")
