"""`talweg profile MODEL`."""

from __future__ import annotations

import time
from typing import Any

import click

from .. import nn
from ..backends.cpu.peaks import Peaks, measured_peaks
from ..compile.profile import Line, Profile, reached
from ..models import build, entry
from ..optim import SGD
from ..tensor import Tensor, cat, manual_seed, no_grad, randn
from ..tensor import compile as compiled
from ..tensor.recording import tensors_in
from .output import as_json, print_json, table

WARM_UP = 3  # calls: the first runs as it is, the second is traced
SHOWN = 40


@click.command(short_help="Where the time of a model goes.")
@click.argument("model", metavar="MODEL")
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="Inputs in a batch.")
@click.option("--train", is_flag=True, help="A training step (forward, backward, SGD) instead of a forward pass.")
@click.option("--runs", type=click.IntRange(1), default=5, show_default=True, help="Runs that are timed.")
@click.option("--classes", type=click.IntRange(1), default=10, show_default=True, help="Outputs of the model.")
@as_json
def command(model: str, batch: int, train: bool, runs: int, classes: int, as_json: bool) -> None:
    """Compile MODEL, a name such as lenet, run it on random inputs, and time each of its kernels beside the bytes it moves
    and the arithmetic it does, as shares of what this machine can do at best, which is measured.

    \b
    talweg profile lenet --batch 64 --train
    """
    manual_seed(0)
    network = build(model, entry(model).input_shape, classes)
    inputs = _inputs(model, batch)
    step = compiled(_training_step(network) if train else _forward_pass(network))
    for _ in range(WARM_UP):
        step(*inputs)
    whole = _best_time(step, inputs, runs)
    with Profile() as profile:
        for _ in range(runs):
            step(*inputs)
    if not profile.lines:
        raise RuntimeError(f"profile: {model} cannot be compiled as one step, so that there is nothing to time")
    what = f"{'a training step' if train else 'a forward pass'} of {model}, batch of {batch}"
    facts = _facts(profile, whole, measured_peaks()) | {"model": model, "batch": batch, "train": train}
    if as_json:
        print_json(facts)
        return
    click.echo(f"{what}: {1e3 * whole:.3f} ms at best\n\n{_table(profile, facts)}\n\n{_totals(facts)}")


# --- what runs
def _inputs(model: str, batch: int) -> list[Tensor]:
    """A batch of random numbers for floating-point inputs, the example repeated for others (ids)."""
    example = entry(model).example(entry(model).input_shape)
    return [randn(batch, *x.shape[1:]) if x.dtype.is_floating_point else cat([x] * batch) for x in example]


def _forward_pass(network: nn.Module):
    network.eval()

    def forward(*inputs: Tensor) -> Any:
        with no_grad():
            return network(*inputs)

    return forward


def _training_step(network: nn.Module):
    """One step down the mean square of all outputs: a stand-in for any loss, which costs next to nothing."""
    network.train()
    optimizer = SGD(network.parameters(), lr=1e-3, momentum=0.9)

    def step(*inputs: Tensor) -> Tensor:
        optimizer.zero_grad()
        outputs = [y for y in tensors_in(network(*inputs)) if y.requires_grad]
        loss = sum(y.square().mean() for y in outputs)
        loss.backward()
        optimizer.step()
        return loss

    return step


def _best_time(step, inputs: list[Tensor], runs: int) -> float:
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        step(*inputs)
        times.append(time.perf_counter() - begun)
    return min(times)


# --- what is shown
def _facts(profile: Profile, whole: float, peaks: Peaks) -> dict[str, Any]:
    lines = sorted(profile.lines.values(), key=lambda line: -line.seconds)
    return {
        "seconds": whole, "runs": profile.runs, "seconds_in_commands": profile.seconds / max(profile.runs, 1),
        "flops": sum(line.flops for line in lines) // max(profile.runs, 1),
        "bytes": sum(line.bytes for line in lines) // max(profile.runs, 1),
        "copied": {"by_commands": profile.moved // max(profile.runs, 1), "at_the_border": profile.crossed // max(profile.runs, 1),
                   "between_devices": 0},
        "peaks": {"flops_per_second": peaks.flops, "bytes_per_second": peaks.bandwidth},
        "kernels": [_line_facts(line, profile, peaks) for line in lines],
    }


def _line_facts(line: Line, profile: Profile, peaks: Peaks) -> dict[str, Any]:
    return {
        "what": line.what, "shape": line.shape, "calls": line.calls, "seconds": line.seconds,
        "share": line.seconds / max(profile.seconds, 1e-12), "bytes": line.bytes, "flops": line.flops,
        "of_peak": reached(line, peaks),
    }


def _table(profile: Profile, facts: dict[str, Any]) -> str:
    rows = [["kernel", "value", "calls", "share", "us each", "GB/s", "GFLOP/s", "of peak"]]
    for k in facts["kernels"][:SHOWN]:
        seconds = max(k["seconds"], 1e-12)
        rows.append([k["what"], k["shape"], k["calls"], f"{k['share']:.1%}", f"{1e6 * k['seconds'] / max(k['calls'], 1):.1f}",
                     f"{k['bytes'] / seconds / 1e9:.1f}", f"{k['flops'] / seconds / 1e9:.1f}", f"{k['of_peak']:.0%}"])
    return table(rows, right=(2, 3, 4, 5, 6, 7))


def _totals(facts: dict[str, Any]) -> str:
    peaks, copied, left = facts["peaks"], facts["copied"], facts["kernels"][SHOWN:]
    rest = f"{sum(k['share'] for k in left):.1%} of the time in {len(left)} more kernels\n" if left else ""
    return (
        f"{rest}a run: {1e3 * facts['seconds_in_commands']:.3f} ms in kernels, {facts['flops'] / 1e9:.3f} GFLOP in products, "
        f"{facts['bytes'] / 1e6:.2f} MB moved\n"
        f"copied: {copied['by_commands'] / 1e6:.3f} MB by kernels, {copied['at_the_border'] / 1e6:.3f} MB at the border, "
        f"{copied['between_devices']} MB between devices\n"
        f"peaks measured here: {peaks['flops_per_second'] / 1e9:.0f} GFLOP/s, {peaks['bytes_per_second'] / 1e9:.1f} GB/s"
    )
