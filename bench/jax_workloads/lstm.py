"""The LSTM in JAX: all inputs' products at once, then a scan over the steps."""

import jax
import jax.numpy as jnp
from jax import lax

from .layers import cross_entropy


def layer(L, number, x):
    """(steps, B, width) -> the same; gates in PyTorch's order: input, forget, cell, output."""
    def named(kind):
        return L.cast(L[f"lstm.{kind}_l{number}"])

    given = L.cast(x) @ named("weight_ih").T + named("bias_ih") + named("bias_hh")  # (steps, B, 4 width)
    weights = named("weight_hh").T

    def step(carried, given):
        hidden, cell = carried
        i, f, g, o = jnp.split(given + hidden @ weights, 4, 1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
        hidden = jax.nn.sigmoid(o) * jnp.tanh(cell)
        return (hidden, cell), hidden

    zeros = jnp.zeros(given.shape[1:2] + (weights.shape[0],), given.dtype)
    return lax.scan(step, (zeros, zeros), given)[1]


def forward(L, s, tokens):
    x = L["embedding.weight"][tokens].transpose(1, 0, 2)
    for i in range(s.layers):
        x = layer(L, i, x)
    return L.linear("head", x.transpose(1, 0, 2))


def loss(L, s, tokens, following):
    return cross_entropy(forward(L, s, tokens), following)
