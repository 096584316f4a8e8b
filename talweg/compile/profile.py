"""Where the time of compiled programs goes: every command timed, beside the bytes it moves and the arithmetic it does."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backends.cpu.peaks import Peaks, measured_peaks
from ..graph.node import Node
from .costs import copied_bytes, step_bytes, step_flops
from .steps import Step

if TYPE_CHECKING:
    from .program import Program


@dataclass
class Line:
    """Commands that do the same to values of one shape, taken together."""

    what: str
    shape: str
    calls: int = 0
    seconds: float = 0.0
    bytes: int = 0
    flops: int = 0


@dataclass
class Profile:
    """Times every command of every compiled program that runs inside the block.

        with talweg.profile() as profile:
            for batch in batches: step(*batch)
        print(profile)

    Timing from Python costs each command about 2 us. What is interpreted is not seen.

    moved     bytes written by commands that only copy: to another layout, or out of a part of a value
    crossed   bytes copied at the border: arrays taken from the user and given out, and values that a program would update
              in place while somebody else still holds them. Between devices nothing is copied: there is one
    """

    runs: int = 0
    seconds: float = 0.0
    moved: int = 0
    crossed: int = 0
    lines: dict[tuple[str, str], Line] = field(default_factory=dict)

    def __enter__(self) -> Profile:
        Active.profile = self
        return self

    def __exit__(self, *_) -> None:
        Active.profile = None

    def run(self, program: Program, begin: int, end: int) -> None:
        """The program's commands from begin to end, each timed."""
        for number in range(begin, end):
            started = time.perf_counter()
            program.commands.run(number, number + 1)
            seconds = time.perf_counter() - started
            self.note(program.work[number], program.describe(number), seconds, program.leads(number), program.begins(number))

    def note(self, step: Step, what: str, seconds: float, counted: bool = True, first: bool = True) -> None:
        """counted: whether it is the first command of its step; first: whether it is the first of its kind there."""
        shape = text_of_shape(step.outputs[-1])
        line = self.lines.setdefault((what, shape), Line(what, shape))
        line.seconds += seconds
        self.seconds += seconds
        line.calls += first
        if counted:  # a step of several commands moves its bytes once
            line.bytes += step_bytes(step)
            line.flops += step_flops(step)
            self.moved += copied_bytes(step)

    def table(self, limit: int = 40, peaks: Peaks | None = None) -> str:
        """The commands by time, dearest first, with the share of the machine's measured peaks that each reaches."""
        peaks = peaks or measured_peaks()
        found = sorted(self.lines.values(), key=lambda line: -line.seconds)
        rows = [f"{'share':>6} {'calls':>6} {'us each':>9} {'GB/s':>6} {'GFLOP/s':>8} {'of peak':>8}  what"]
        for line in found[:limit]:
            rows.append(_row(line, self.seconds, peaks))
        if len(found) > limit:
            rest = sum(line.seconds for line in found[limit:])
            rows.append(f"{rest / max(self.seconds, 1e-12):6.1%} in {len(found) - limit} more")
        rows.append(f"{self.runs} runs, {self.seconds * 1e3:.2f} ms in commands; peaks {peaks.flops / 1e9:.0f} GFLOP/s, "
                    f"{peaks.bandwidth / 1e9:.1f} GB/s")
        rows.append(f"copied: {self.moved / 1e6:.3f} MB by commands, {self.crossed / 1e6:.3f} MB at the border, "
                    "0 MB between devices")
        return "\n".join(rows)

    def __str__(self) -> str:
        return self.table()


class Active:
    """The profile that programs report to, if one is wanted."""

    profile: Profile | None = None


def copy_of(array: np.ndarray, order: Any = "K") -> np.ndarray:
    """A copy that the profile of the moment hears of."""
    if Active.profile is not None:
        Active.profile.crossed += array.nbytes
    return array.copy(order)


def reached(line: Line, peaks: Peaks) -> float:
    """The share of the machine's peak that a kind of command reaches: of bandwidth or of arithmetic, whichever is more.
    What fits into the caches may go beyond 1."""
    seconds = max(line.seconds, 1e-12)
    return max(line.bytes / seconds / peaks.bandwidth, line.flops / seconds / peaks.flops)


def _row(line: Line, total: float, peaks: Peaks) -> str:
    seconds = max(line.seconds, 1e-12)
    of_peak = reached(line, peaks)
    return (f"{line.seconds / max(total, 1e-12):6.1%} {line.calls:6d} {line.seconds / max(line.calls, 1) * 1e6:9.1f} "
            f"{line.bytes / seconds / 1e9:6.1f} {line.flops / seconds / 1e9:8.1f} {of_peak:8.0%}  {line.what} {line.shape}")


def text_of_shape(node: Node) -> str:
    return f"{node.dtype.name}[{','.join(map(str, node.shape))}]" if math.prod(node.shape) >= 0 else ""
