"""LeNet in JAX: images (B, 28, 28, 1)."""

import jax

from .layers import cross_entropy, max_pool


def forward(L, s, x):
    x = jax.nn.relu(max_pool(L.conv("0", x), 3, 3))  # (B, 8, 8, 32)
    x = jax.nn.relu(max_pool(L.conv("3", x), 2, 2))  # (B, 2, 2, 64)
    x = x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)  # PyTorch's order, for the same weights
    return L.linear("9", jax.nn.relu(L.linear("7", x)))


def loss(L, s, x, y):
    return cross_entropy(forward(L, s, x), y)
