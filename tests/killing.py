"""Real processes that train and are killed at a step: for the tests of resuming."""

import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import safetensors.numpy

from talweg.recipes.classify import RECIPE
from talweg.recipes.classify_settings import Settings
from talweg.recipes.tune import carry_out, read_plan
from talweg.training import Listener, report

ROOT = Path(__file__).parent.parent


PAID_ONCE = ("sklearn.datasets",)


class Killer(Listener):
    """Ends the process at once, by signal `number`, after `steps` steps; 0 means never."""

    def __init__(self, steps, number=signal.SIGKILL):
        self.left = steps
        self.number = number

    def step(self):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)


def serve():
    """One order a line: JSON of run, how, steps, signal and settings. Each is carried out in a fork, which may be killed;
    the answer is its exit code. Imports are paid for once. Nothing is computed before the fork, so that each child begins as
    a new process would."""
    for module in PAID_ONCE:
        importlib.import_module(module)
    report.matplotlib_is_here = lambda: False  # the curves of the reports take half the time, and nobody looks at them here
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _carry_out(order)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _carry_out(order):
    killer = Killer(order["steps"], order["signal"])
    try:
        if order["how"] == "tune":
            carry_out(read_plan(order["run"]), Path(order["run"]), listeners=[killer])
            os._exit(0)
        if order["how"] == "train":
            outcome = RECIPE.train(Settings(**order["settings"]), order["run"], [killer])
        else:
            outcome = RECIPE.resume(order["run"], order["settings"], [killer])
        os._exit(outcome.result.signal or 0)
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
        os._exit(99)


class Trainer:
    """A process that carries out orders in forks of itself."""

    def __init__(self, log):
        self.log = Path(log).open("w+")  # noqa: SIM115
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import killing; killing.serve()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.log, text=True, env=environment,
        )

    def order(self, run, how, steps=0, number=signal.SIGKILL, **settings):
        """Train, resume or carry a search out; the exit code, negative for the signal that killed it."""
        order = {"run": str(run), "how": how, "steps": steps, "signal": int(number), "settings": settings}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.errors()
        return int(answer)

    def errors(self):
        self.log.seek(0)
        return self.log.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()
        self.log.close()


def differences(one, other):
    """The tensors in which two runs' files differ in any bit, and epochs whose figures (but for times) differ."""
    found = []
    for name in ("model.safetensors", "last.safetensors"):
        ours, theirs = (safetensors.numpy.load_file(Path(run) / name) for run in (one, other))
        found += sorted(ours.keys() ^ theirs.keys())
        found += [key for key in ours.keys() & theirs.keys() if ours[key].tobytes() != theirs[key].tobytes()]
    ours, theirs = (figures(run) for run in (one, other))
    return found + ([] if ours == theirs else ["history"])


def figures(run):
    lines = (Path(run) / "history.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in ("seconds", "samples_per_second")} for line in lines]


