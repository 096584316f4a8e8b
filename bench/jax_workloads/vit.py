"""The vision transformer in JAX: images (B, H, W, 3)."""

import jax.numpy as jnp

from .layers import cross_entropy


def forward(L, s, images):
    x = L.conv("patches", images, s.patch)
    x = x.reshape(x.shape[0], -1, s.width)  # (B, patches, C)
    token = jnp.broadcast_to(L["token"], (x.shape[0], 1, s.width))
    x = jnp.concatenate([token, x], 1) + L["positions"]
    for i in range(s.layers):
        x = L.transformer_block(f"blocks.{i}", x, s.heads, causal=False)
    return L.linear("head", L.layer_norm("norm", x[:, 0]))


def loss(L, s, x, y):
    return cross_entropy(forward(L, s, x), y)
