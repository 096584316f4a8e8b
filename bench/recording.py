"""What recording one operation costs, beside PyTorch's eager dispatch of the same operation on 2 x 2 tensors.

    python -m bench.recording

Talweg only records here: the evaluation of what was recorded is left out of the time. PyTorch computes.
"""

from __future__ import annotations

import json
import sys
import time
from statistics import median

import torch

import talweg

NODES = 1000
ROUNDS = 30
OPERATIONS = {
    "x + y": lambda x, y: x + y,
    "x * 0.5": lambda x, y: x * 0.5,
    "x @ y": lambda x, y: x @ y,
    "x.tanh()": lambda x, y: x.tanh(),
    "x.sum(0)": lambda x, y: x.sum(0),
    "x.T": lambda x, y: x.T,
}


def seconds_an_operation(T, operation, needs_grad: bool) -> float:
    """Of one round: NODES operations on the same two tensors."""
    x = T.ones(2, 2, requires_grad=needs_grad)
    y = T.ones(2, 2)
    (x + y).tolist()
    kept = [None] * NODES
    start = time.perf_counter()
    for i in range(NODES):
        kept[i] = operation(x, y)
    elapsed = time.perf_counter() - start
    kept.clear()
    return elapsed / NODES


def costs(rounds: int = ROUNDS) -> list[dict]:
    """A row for each operation, with and without a gradient: microseconds in each framework, in turns, medians."""
    torch.set_num_threads(1)
    rows = []
    for name, operation in OPERATIONS.items():
        for needs_grad in (False, True):
            times = [(seconds_an_operation(talweg, operation, needs_grad), seconds_an_operation(torch, operation, needs_grad))
                     for _ in range(rounds)]
            ours, theirs = (median(column) * 1e6 for column in zip(*times))
            rows.append({"operation": name, "gradient": needs_grad, "talweg_us": ours, "torch_us": theirs})
    return rows


def main() -> None:
    if "--json" in sys.argv[1:]:
        print(json.dumps(costs()))
        return
    print(f"{'operation':12} {'gradient':9} {'Talweg records':>15} {'PyTorch computes':>17}   ratio")
    for row in costs():
        ours, theirs = row["talweg_us"], row["torch_us"]
        head = f"{row['operation']:12} {'yes' if row['gradient'] else 'no':9}"
        print(f"{head} {ours:12.2f} us {theirs:14.2f} us {ours / theirs:7.2f}")


if __name__ == "__main__":
    main()
