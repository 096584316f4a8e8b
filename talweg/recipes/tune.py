"""Searching settings: every trial is a run of its own, told apart by the validation split (L 3.5).

A tune's folder holds tune.yaml (the plan), trials.jsonl (what came out so far) and a run folder for each trial. Killed at
any moment, it goes on where it was: trials that were being trained are resumed, which is exact.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..io import read_settings, write_settings
from ..training import FitResult, Listener
from .recipe import Recipe
from .registry import recipe
from .runs import new_run
from .search_space import dimension, going_on, rungs_of, trials_of
from .settings import from_mapping

PLAN = "tune.yaml"
RESULTS = "trials.jsonl"


@dataclass(frozen=True)
class Plan:
    """What is tried: `settings` as given, before defaults; `trials` what each has instead; `rungs` after how many epochs
    trials are compared, None for the whole training."""

    recipe: str
    settings: dict[str, Any]
    search: str
    over: list[str]
    trials: list[dict[str, Any]]
    rungs: list[int | None]

    def settings_of(self, trial: int) -> Any:
        """Raises ValueError, naming the trial, for settings that contradict each other."""
        values = self.settings | self.trials[trial]
        try:
            return from_mapping(recipe(self.recipe).settings, values)
        except ValueError as error:
            raise ValueError(f"trial {trial + 1} ({shown(self.trials[trial])}): {error}") from error


@dataclass(frozen=True)
class Result:
    """A trial at the end of a rung: the best epoch's figures, infinite where there is none, and what ended it early."""

    trial: int
    rung: int
    epochs: int
    loss: float
    error: float | None
    ended: str = ""

    def rank(self, monitor: str) -> tuple:
        """Lower is better; the trial's number decides between equals."""
        error = math.inf if self.error is None else self.error
        return ((error, self.loss) if monitor == "error" else (self.loss,)) + (self.trial,)


def planned(
    name: str, settings: Mapping[str, Any], over: Sequence[str], search: str = "random", trials: int | None = None,
) -> Plan:
    """The plan of a search, the same for the same arguments; its seed is the setting `seed`. Every trial's settings are
    checked here. Raises ValueError for what cannot be."""
    kind = recipe(name).settings
    space = [dimension(text, kind) for text in over]
    given = dict(settings)
    clash = [d.name for d in space if d.name in given]
    if clash:
        raise ValueError(f"setting {clash[0]} is given and searched over: give it once")
    probe = Plan(name, given, search, list(over), trials_of(search, space, trials, _seed(given)), [])
    first = [probe.settings_of(i) for i in range(len(probe.trials))][0]
    if search == "halving" and {"epochs", "steps"} & {d.name for d in space}:
        raise ValueError("--search halving divides the epochs among the trials, so they cannot be searched over")
    if search == "halving" and (first.epochs, first.steps) == (None, None):
        given["epochs"] = first.DEFAULT_EPOCHS
    rungs = rungs_of(search, len(probe.trials), probe.settings_of(0).epochs)
    return Plan(name, given, search, list(over), probe.trials, rungs)


def _seed(given: Mapping[str, Any]) -> int:
    try:
        return int(given.get("seed", 0))
    except (TypeError, ValueError):
        return 0  # what is wrong with it is told when the first trial's settings are read


def begin(plan: Plan, out: str | Path) -> Path:
    """Make the tune's folder (with a number added when it exists) and write the plan into it. Raises OSError."""
    folder = new_run(out)
    write_settings(folder / PLAN, asdict(plan))
    return folder


def read_plan(folder: str | Path) -> Plan:
    """Raises FileNotFoundError or ValueError for a folder that is no tune."""
    path = Path(folder) / PLAN
    if not path.exists():
        raise FileNotFoundError(f"{folder}: holds no {PLAN}, so it is no search of `talweg tune` that could go on")
    try:
        return from_plain(read_settings(path))
    except (TypeError, KeyError) as error:
        raise ValueError(f"{path}: is not the plan of a search ({error})") from error


def from_plain(values: Mapping[str, Any]) -> Plan:
    """What asdict gave. Raises TypeError or KeyError for anything else."""
    plan = Plan(**values)
    if not plan.trials or not all(isinstance(trial, dict) for trial in plan.trials) or not isinstance(plan.settings, dict):
        raise TypeError("its trials must be a list of settings")
    return plan


def carry_out(
    plan: Plan, folder: Path, tell: Callable[[Result, int], Any] = lambda result, of: None, listeners: Sequence[Listener] = (),
) -> list[Result]:
    """Train what is not trained yet, rung by rung; the last result of each trial, the best first.

    `tell` hears of each result and of how many there are in its rung. A trial that diverges comes last. Raises
    KeyboardInterrupt when a trial was interrupted; calling again goes on.
    """
    found = {(r.trial, r.rung): r for r in read_results(folder)}
    monitor = getattr(plan.settings_of(0), "monitor", "loss")
    alive = list(range(len(plan.trials)))
    for rung, epochs in enumerate(plan.rungs):
        for trial in alive:
            if (trial, rung) not in found:
                result = _trial(plan, folder, trial, rung, epochs, listeners)
                _note(folder, result)
                found[trial, rung] = result
                tell(result, len(alive))
        ranked = sorted(alive, key=lambda trial: found[trial, rung].rank(monitor))
        alive = [t for t in ranked[: going_on(len(ranked))] if math.isfinite(found[t, rung].loss)]
    last = {trial: result for (trial, rung), result in sorted(found.items())}
    return sorted(last.values(), key=lambda r: (-r.rung, r.rank(monitor)))


def run_of(folder: Path, trial: int) -> Path:
    return folder / f"trial-{trial + 1:03}"


def _trial(
    plan: Plan, folder: Path, trial: int, rung: int, epochs: int | None, listeners: Sequence[Listener],
) -> Result:
    """Train a trial up to the end of a rung; the run that is there goes on."""
    task, run, pause = recipe(plan.recipe), run_of(folder, trial), Pause(epochs)
    try:
        outcome = _outcome(task, plan, trial, run, [pause, *listeners])
    except FloatingPointError as error:
        return Result(trial, rung, 0, math.inf, None, f"diverged: {error}")
    if outcome.result.interrupted and not pause.over:
        raise KeyboardInterrupt
    return _result(trial, rung, outcome.result)


def _outcome(task: Recipe, plan: Plan, trial: int, run: Path, listeners: Sequence[Listener]) -> Any:
    if (run / "config.yaml").exists():
        return task.resume(run, listeners=listeners)
    if run.exists():  # killed before it had settings
        shutil.rmtree(run)
    return task.train(plan.settings_of(trial), run, listeners)


def _result(trial: int, rung: int, result: FitResult) -> Result:
    best = result.best
    ended = "stopped early" if result.stopped_early else ""
    if best is None:
        return Result(trial, rung, len(result.records), math.inf, None, ended or "no epoch with a finite validation loss")
    return Result(trial, rung, len(result.records), best.validation_loss, best.validation_error, ended)


class Pause(Listener):
    """Leaves a run once so many epochs are over: in the first step of the next, when all is saved that belongs to them."""

    def __init__(self, epochs: int | None) -> None:
        self.epochs = epochs
        self.done = 0
        self.over = False

    def begin(self, epochs: int, first_epoch: int, batches: int) -> None:
        self.done = first_epoch - 1

    def epoch(self, record: Any) -> None:
        self.done = record.epoch

    def step(self) -> None:
        if self.epochs is not None and self.done >= self.epochs:
            self.over = True
            raise KeyboardInterrupt


def _note(folder: Path, result: Result) -> None:
    values = asdict(result) | {"loss": result.loss if math.isfinite(result.loss) else None}
    with (folder / RESULTS).open("a") as file:
        file.write(json.dumps(values) + "\n")


def read_results(folder: Path) -> list[Result]:
    """What came out so far. A last line that a kill cut short is left out. Raises ValueError for a line that is none."""
    path = folder / RESULTS
    text = path.read_text() if path.exists() else ""
    whole, _, rest = text.rpartition("\n")
    if rest:
        path.write_text(whole + "\n" if whole else "")
    found = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            values = json.loads(line)
            found.append(Result(**values | {"loss": math.inf if values["loss"] is None else values["loss"]}))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path}: line {number} is not a trial's result ({error})") from error
    return found


def shown(settings: Mapping[str, Any]) -> str:
    """`lr 0.01, hidden 128,64`."""
    return ", ".join(f"{name} {','.join(map(str, v)) if isinstance(v, list) else v}" for name, v in settings.items())
