"""A vision transformer (Dosovitskiy et al. 2020; L 5.3), the small one: patches, a class token, learned positions."""

from __future__ import annotations

import numpy as np

from .gpt import transformer_block
from .training import Optimizer

OPTIMIZER = Optimizer("AdamW", {"lr": 1e-4, "betas": (0.9, 0.999), "weight_decay": 0.05})
INPUTS = 1


def model(T, s):
    nn = T.nn
    patches = (s.image // s.patch) ** 2

    class ViT(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, s.width, s.patch, s.patch)
            self.token = nn.Parameter(T.zeros(1, 1, s.width))
            self.positions = nn.Parameter(T.zeros(1, patches + 1, s.width))
            self.blocks = nn.ModuleList([transformer_block(T, s.width, s.heads, causal=False) for _ in range(s.layers)])
            self.norm = nn.LayerNorm(s.width)
            self.head = nn.Linear(s.width, s.classes)

        def forward(self, images):
            x = self.patches(images).flatten(2).transpose(1, 2)  # (B, patches, C)
            x = T.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x[:, 0]))  # (B, classes)

    return ViT()


def batch(rng, s):
    x = rng.standard_normal((s.batch, 3, s.image, s.image), np.float32)
    return x, rng.integers(0, s.classes, s.batch)


def loss(T, model, x, y):
    return T.nn.functional.cross_entropy(model(x), y)
