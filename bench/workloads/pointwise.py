"""A chain of 20 cheap pointwise operations: what is read and written, not the arithmetic, sets its time."""

from __future__ import annotations

import numpy as np

OPTIMIZER = None  # there is nothing to train: only the forward pass is timed
INPUTS = 1
REPEATS = 5


def model(T, s):
    class Chain(T.nn.Module):
        def forward(self, x):
            return chain(T, x)

    return Chain()


def chain(T, x):
    """Four operations, five times: (N,) -> (N,). T may be jax.numpy as well."""
    for i in range(REPEATS):
        x = T.abs(x * (1.0 + 0.1 * i) - 0.5) + 0.25
    return x


def batch(rng, s):
    return (rng.standard_normal(s.batch * s.elements, np.float32),)
