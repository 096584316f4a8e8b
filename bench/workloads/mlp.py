"""The multi-layer perceptron (L 5.1): linear layers with rectifiers between them."""

from __future__ import annotations

import numpy as np

from .training import Optimizer

OPTIMIZER = Optimizer("SGD", {"lr": 0.01, "momentum": 0.9})
INPUTS = 1


def model(T, s):
    widths = [s.inputs, *[s.width] * s.hidden]
    layers = [layer for pair in zip(widths, widths[1:]) for layer in (T.nn.Linear(*pair), T.nn.ReLU())]
    return T.nn.Sequential(*layers, T.nn.Linear(s.width, s.classes))


def batch(rng, s):
    x = rng.standard_normal((s.batch, s.inputs), np.float32)  # (B, inputs)
    return x, rng.integers(0, s.classes, s.batch)


def loss(T, model, x, y):
    return T.nn.functional.cross_entropy(model(x), y)
