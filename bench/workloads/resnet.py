"""Residual networks (He et al. 2015; L 5.2): 18 layers of basic blocks, or 50 of bottlenecks with the stride in the 3x3."""

from __future__ import annotations

import numpy as np

from .training import Optimizer

OPTIMIZER = Optimizer("SGD", {"lr": 1e-5, "momentum": 0.9, "weight_decay": 1e-4})
INPUTS = 1
STAGES = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}


def model(T, s):
    nn, relu = T.nn, T.nn.functional.relu

    def conv(inputs, outputs, kernel, stride=1):
        return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)

    class Block(nn.Module):
        """x + branch(x): two 3x3 convolutions, or a 3x3 between two 1x1."""

        def __init__(self, inputs, width, stride):
            super().__init__()
            outputs = width if s.depth == 18 else 4 * width
            plan = [(inputs, width, 3, stride), (width, width, 3, 1)]
            if s.depth != 18:
                plan = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
            self.convs = nn.ModuleList([conv(*arguments) for arguments in plan])
            self.norms = nn.ModuleList([nn.BatchNorm2d(arguments[1]) for arguments in plan])
            self.shortcut = None
            if stride != 1 or inputs != outputs:
                self.shortcut = nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

        def forward(self, x):
            y = x
            for i, (layer, norm) in enumerate(zip(self.convs, self.norms)):
                y = norm(layer(y if i == 0 else relu(y)))
            return relu(y + (x if self.shortcut is None else self.shortcut(x)))

    stem = [conv(s.channels, s.width, 7, 2), nn.BatchNorm2d(s.width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    blocks, inputs = [], s.width
    for stage, count in enumerate(STAGES[s.depth]):
        for i in range(count):
            blocks.append(Block(inputs, s.width << stage, 2 if stage and i == 0 else 1))
            inputs = (s.width << stage) * (1 if s.depth == 18 else 4)
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, s.classes)]
    return nn.Sequential(*stem, *blocks, *head)


def batch(rng, s):
    x = rng.standard_normal((s.batch, s.channels, s.image, s.image), np.float32)
    return x, rng.integers(0, s.classes, s.batch)


def loss(T, model, x, y):
    return T.nn.functional.cross_entropy(model(x), y)
