"""One training step of the book's LeNet (L fig. 5.2), batch 64, SGD with momentum, beside PyTorch.

    python -m bench.lenet_step

Each framework runs in a process of its own, in turns, from the same weights and data; the losses are compared, and the
median of the medians is printed. PyTorch runs as it comes, and in channels-last, each also with glibc told to keep its
pages (Talweg tells it so itself); the fastest counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from statistics import median

import numpy as np

ROUNDS = 3
STEPS = 60
KEEP_PAGES = {"MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "2000000000", "MALLOC_TOP_PAD_": "67108864"}
CONTESTANTS = {
    "Talweg": ("talweg", False, {}),
    "PyTorch": ("torch", False, {}),
    "PyTorch, pages kept": ("torch", False, KEEP_PAGES),
    "PyTorch, channels-last": ("torch", True, {}),
    "PyTorch, channels-last, pages kept": ("torch", True, KEEP_PAGES),
}


def lenet(nn):
    """conv 1 -> 32 of 5x5, pool 3, relu, conv 32 -> 64 of 5x5, pool 2, relu, 256 -> 200 -> 10."""
    return nn.Sequential(nn.Conv2d(1, 32, 5), nn.MaxPool2d(3), nn.ReLU(), nn.Conv2d(32, 64, 5), nn.MaxPool2d(2), nn.ReLU(),
                         nn.Flatten(), nn.Linear(256, 200), nn.ReLU(), nn.Linear(200, 10))


def run(name: str, channels_last: bool) -> dict:
    """Losses of the first steps and the median time of the rest."""
    if name == "torch":
        import torch as T

        T.set_num_threads(len(os.sched_getaffinity(0)))
    else:
        import talweg as T
    rng = np.random.default_rng(0)
    model = lenet(T.nn)
    with T.no_grad():
        for p in model.parameters():
            p.copy_(T.tensor(rng.uniform(-0.1, 0.1, tuple(p.shape)).astype(np.float32)))
    if channels_last:
        model = model.to(memory_format=T.channels_last)
    x = T.tensor(rng.normal(size=(64, 1, 28, 28)).astype(np.float32))
    y = T.tensor(rng.integers(0, 10, 64))
    optimizer = T.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step():
        optimizer.zero_grad()
        loss = T.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    losses = [step().item() for _ in range(10)]
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        step().item()
        times.append(time.perf_counter() - start)
    return {"losses": losses, "ms": median(times) * 1e3}


def measure(contestant: str) -> dict:
    name, channels_last, environment = CONTESTANTS[contestant]
    command = [sys.executable, "-m", "bench.lenet_step", name, str(int(channels_last))]
    found = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    return json.loads(found.stdout)


def main() -> None:
    rounds = [{c: measure(c) for c in CONTESTANTS} for _ in range(ROUNDS)]
    ms = {c: median(r[c]["ms"] for r in rounds) for c in CONTESTANTS}
    gap = max(np.abs(np.subtract(r[c]["losses"], r["Talweg"]["losses"])).max() for r in rounds for c in CONTESTANTS)
    best = min(v for c, v in ms.items() if c != "Talweg")
    for contestant, value in ms.items():
        print(f"{contestant:36} {value:7.2f} ms")
    print(f"largest difference of a loss over 10 steps: {gap:.1e}")
    print(f"Talweg, interpreted, takes {ms['Talweg'] / best:.2f} times the best of PyTorch's")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(run(sys.argv[1], sys.argv[2] == "1")))
    else:
        main()
