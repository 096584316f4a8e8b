"""Fuzz for some minutes, or run one seed: of random graphs, or of single calls at other sizes and in other layouts."""

from __future__ import annotations

import argparse
import sys
import time

from . import against_torch, calls
from .families import draw
from .shrinking import _fails, shrunk


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzzing")
    parser.add_argument("--calls", action="store_true", help="every sample at other sizes, against PyTorch")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this one only")
    parser.add_argument("--shrink", type=int, default=400, help="tries to make a failure smaller")
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    seed, failures = options.first if options.seed is None else options.seed, 0
    while time.monotonic() < until:
        failures += not (call_passes(seed) if options.calls else passes(seed, options.shrink))
        seed += 1
        if options.seed is not None:
            break
    print(f"seeds up to {seed - 1}: {failures} failures")
    return min(failures, 1)


def call_passes(seed: int) -> bool:
    call = calls.draw(seed)
    found = against_torch.disagreement(call)
    if found is not None:
        print(f"\n{call}\n{found}", flush=True)
    return found is None


def passes(seed: int, shrink: int) -> bool:
    program = draw(seed).program()
    if not program.outputs or _fails(program) is None:
        return True
    program, message = shrunk(program, shrink)
    print(f"\n{program.text()}\n{message}", flush=True)
    return False


if __name__ == "__main__":
    sys.exit(main())
