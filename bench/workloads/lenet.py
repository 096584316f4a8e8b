"""The book's LeNet (L 5.2, fig. 5.2) on images of 28 x 28."""

from __future__ import annotations

import numpy as np

from .training import Optimizer

OPTIMIZER = Optimizer("SGD", {"lr": 0.001, "momentum": 0.9})
INPUTS = 1


def model(T, s):
    nn = T.nn
    return nn.Sequential(
        nn.Conv2d(1, 32, 5), nn.MaxPool2d(3), nn.ReLU(),  # (B, 1, 28, 28) -> (B, 32, 8, 8)
        nn.Conv2d(32, 64, 5), nn.MaxPool2d(2), nn.ReLU(),  # (B, 64, 2, 2)
        nn.Flatten(), nn.Linear(256, 200), nn.ReLU(), nn.Linear(200, 10),
    )


def batch(rng, s):
    return rng.standard_normal((s.batch, 1, 28, 28), np.float32), rng.integers(0, 10, s.batch)


def loss(T, model, x, y):
    return T.nn.functional.cross_entropy(model(x), y)
