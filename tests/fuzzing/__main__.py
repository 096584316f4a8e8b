"""Fuzz for some minutes, or run one seed."""

from __future__ import annotations

import argparse
import sys
import time

from .families import draw
from .shrinking import _fails, shrunk


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzzing")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this one only")
    parser.add_argument("--shrink", type=int, default=400, help="tries to make a failure smaller")
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    seed, failures = options.first if options.seed is None else options.seed, 0
    while time.monotonic() < until:
        failures += not passes(seed, options.shrink)
        seed += 1
        if options.seed is not None:
            break
    print(f"seeds up to {seed - 1}: {failures} failures")
    return min(failures, 1)


def passes(seed: int, shrink: int) -> bool:
    program = draw(seed).program()
    if not program.outputs or _fails(program) is None:
        return True
    program, message = shrunk(program, shrink)
    print(f"\n{program.text()}\n{message}", flush=True)
    return False


if __name__ == "__main__":
    sys.exit(main())
