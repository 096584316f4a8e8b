"""Memory does not grow over 200 epochs: neither the process nor the number of living objects."""

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import talweg
from talweg import nn, optim, training
from talweg.data import DataLoader, TensorDataset
from talweg.graph.node import Node


def resident():
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


class Census(training.Listener):
    def __init__(self):
        self.seen = {}

    def epoch(self, record):
        if record.epoch in (40, 120, 200):
            gc.collect()
            objects = gc.get_objects()
            nodes = sum(type(o) is Node for o in objects)
            tensors = sum(issubclass(type(o), talweg.Tensor) for o in objects)
            self.seen[record.epoch] = (nodes, tensors, len(objects), resident())


def census_of_training(folder):
    """What lives after 40, 120 and 200 epochs."""
    generator = np.random.default_rng(0)
    values = talweg.from_numpy(generator.normal(size=(48, 64)).astype(np.float32))
    labels = talweg.from_numpy(generator.integers(0, 3, 48))
    data = DataLoader(TensorDataset(values, labels), 20, shuffle=True)
    talweg.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 3))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    average = optim.swa_utils.AveragedModel(model, multi_avg_fn=optim.swa_utils.get_ema_multi_avg_fn(0.9))
    census = Census()
    training.fit(
        model, nn.CrossEntropyLoss(), optimizer, data, data, epochs=200, clip_norm=1.0, average=average,
        listeners=[census, training.History(folder), training.LayerNorms(folder, model)],
    )
    return census.seen


def test_two_hundred_epochs_take_no_more_memory_than_forty(tmp_path):
    # In a process of its own: what other tests left, threads that end and caches that fill, counts there as well.
    script = "import json, sys, test_training_memory as t; print(json.dumps(t.census_of_training(sys.argv[1])))"
    ran = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=300,
                         cwd=Path(__file__).parent.parent, env={**os.environ, "PYTHONPATH": f".{os.pathsep}tests"})
    assert ran.returncode == 0, ran.stderr
    early, middle, late = json.loads(ran.stdout).values()
    assert late[0] <= middle[0] <= early[0] + 5, "nodes"
    assert late[1] <= middle[1] <= early[1] + 5, "tensors"
    assert late[2] - early[2] < 160 * 4, "objects: an epoch leaves its record, and not much else"
    assert late[3] - early[3] < 8 * 2**20, "resident memory"
