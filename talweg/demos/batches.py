"""Why computation goes in batches (L 2.1): a layer's parameters are moved to the processor once for all samples."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

from .. import nn
from ..tensor import Tensor, compile, no_grad, randn
from .figures import COLOURS, new_figure
from .shown import Shown, Table

LARGEST = 64
SECONDS = 0.02  # a timing is of so many calls that it takes about this long


def run(width: Annotated[int, "Inputs and outputs of the layer."] = 2048,
        repeats: Annotated[int, "Rounds over all batch sizes; the fastest counts."] = 7) -> Shown:
    """Samples a second through a compiled linear layer of width x width parameters, in batches of 1, 2, 4, ... 64. One
    sample alone needs every parameter for a single multiplication and waits for memory; 64 use each of them 64 times.

    Raises ValueError for a width or a number of rounds below 1.
    """
    if width < 1 or repeats < 1:
        raise ValueError(f"linear: --width and --repeats must be at least 1, got {width} and {repeats}")
    found = measure(width, repeats)
    gain = found[-1].throughput / found[0].throughput
    rows = [["batch", "us a call", "samples/s", "against 1", "GB/s of parameters", "GFLOP/s"]]
    rows += [_row(m, found[0], width) for m in found]
    return Shown(
        title=f"linear layer, {width} to {width}: {gain:.1f} times as many samples a second in batches of {LARGEST} as alone",
        tables=[Table(f"{4 * width * width / 2**20:.1f} MiB of parameters", rows)],
        facts={"width": width, "gain": gain, "batches": [asdict(m) | {"throughput": m.throughput} for m in found]},
        figures={"batches": partial(figure, found, width)},
    )


@dataclass(frozen=True)
class Timed:
    """The fastest call at one batch size, in seconds."""

    batch: int
    seconds: float

    @property
    def throughput(self) -> float:
        """Samples a second."""
        return self.batch / self.seconds


def measure(width: int, repeats: int) -> list[Timed]:
    """The batch sizes in turns, `repeats` times: what else the machine does then disturbs all of them alike."""
    layer = nn.Linear(width, width).requires_grad_(False)
    call = compile(lambda x: layer(x))
    batches = [1 << k for k in range(int(math.log2(LARGEST)) + 1)]
    inputs = {batch: randn(batch, width) for batch in batches}
    best = dict.fromkeys(batches, math.inf)
    with no_grad():
        calls = {batch: _calls(call, x) for batch, x in inputs.items()}
        for _ in range(repeats):
            for batch, x in inputs.items():
                best[batch] = min(best[batch], _time(call, x, calls[batch]))
    return [Timed(batch, seconds) for batch, seconds in best.items()]


def _calls(call: Any, x: Tensor) -> int:
    """How many calls fill a timing; the first ones record and compile."""
    for _ in range(3):
        call(x)
    return max(1, round(SECONDS / _time(call, x, 1)))


def _time(call: Any, x: Tensor, calls: int) -> float:
    begun = time.perf_counter()
    for _ in range(calls):
        call(x)
    return (time.perf_counter() - begun) / calls


def _row(m: Timed, one: Timed, width: int) -> list[str]:
    parameters = width * width
    return [str(m.batch), f"{1e6 * m.seconds:.1f}", f"{m.throughput:.0f}", f"{m.throughput / one.throughput:.1f}",
            f"{4 * parameters / m.seconds / 1e9:.1f}", f"{2 * parameters * m.batch / m.seconds / 1e9:.1f}"]


def figure(found: list[Timed], width: int) -> Any:
    """Throughput by batch size, beside what it would be if a batch took as long as one sample."""
    figure, axes = new_figure()
    batches = [m.batch for m in found]
    axes.loglog(batches, [m.throughput for m in found], "o-", color=COLOURS[0], label="measured")
    ideal = [b * found[0].throughput for b in batches]
    axes.loglog(batches, ideal, ":", color=COLOURS[1], label="a batch in the time of one sample")
    axes.set_xticks(batches, [str(b) for b in batches])
    axes.minorticks_off()
    axes.set_xlabel("batch")
    axes.set_ylabel("samples a second")
    axes.set_title(f"linear layer, {width} to {width}", fontsize=11)
    axes.legend(frameon=False, fontsize=9)
    return figure
