"""Layers as methods of one object that holds the parameters: what a library like flax would give, in a page.

With `bfloat16`, products and convolutions take and give bfloat16 and the rest stays as it comes, as under autocast.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax


class Layers:
    """The layers of one forward pass. `statistics` are batch norm's running ones; the new ones gather in `updated`."""

    def __init__(self, parameters, statistics, bfloat16: bool, training: bool):
        self.parameters = parameters
        self.statistics = statistics
        self.updated = dict(statistics)
        self.dtype = jnp.bfloat16 if bfloat16 else jnp.float32
        self.training = training

    def cast(self, x):
        return x.astype(self.dtype)

    def __getitem__(self, name: str):
        return self.parameters[name]

    def linear(self, name: str, x):
        y = self.cast(x) @ self.cast(self[f"{name}.weight"]).T
        return y + self.cast(self[f"{name}.bias"]) if f"{name}.bias" in self.parameters else y

    def conv(self, name: str, x, stride: int = 1, padding: int = 0):
        """(B, H, W, in) with filters (H, W, in, out)."""
        y = lax.conv_general_dilated(self.cast(x), self.cast(self[f"{name}.weight"]), (stride, stride),
                                     [(padding, padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return y + self.cast(self[f"{name}.bias"]) if f"{name}.bias" in self.parameters else y

    def scaled(self, name: str, x):
        return x * self[f"{name}.weight"] + self[f"{name}.bias"]

    def layer_norm(self, name: str, x):
        wide = x.astype(jnp.float32)
        mean, variance = wide.mean(-1, keepdims=True), wide.var(-1, keepdims=True)
        return self.scaled(name, (wide - mean) * lax.rsqrt(variance + 1e-5)).astype(x.dtype)

    def group_norm(self, name: str, x, groups: int):
        B, H, W, C = x.shape
        wide = x.astype(jnp.float32).reshape(B, H, W, groups, C // groups)
        mean, variance = wide.mean((1, 2, 4), keepdims=True), wide.var((1, 2, 4), keepdims=True)
        return self.scaled(name, ((wide - mean) * lax.rsqrt(variance + 1e-5)).reshape(B, H, W, C)).astype(x.dtype)

    def batch_norm(self, name: str, x):
        wide = x.astype(jnp.float32)
        if self.training:
            mean, variance = wide.mean((0, 1, 2)), wide.var((0, 1, 2))
            self._remember(name, mean, variance, x.size // x.shape[-1])
        else:
            mean, variance = self.statistics[f"{name}.running_mean"], self.statistics[f"{name}.running_var"]
        return self.scaled(name, (wide - mean) * lax.rsqrt(variance + 1e-5)).astype(x.dtype)

    def _remember(self, name: str, mean, variance, count: int):
        for key, value in (("mean", mean), ("var", variance * (count / (count - 1)))):
            old = self.statistics[f"{name}.running_{key}"]
            self.updated[f"{name}.running_{key}"] = 0.9 * old + 0.1 * lax.stop_gradient(value)

    def attention(self, q, k, v, causal: bool = False):
        """(B, L, heads, D) each."""
        return jax.nn.dot_product_attention(self.cast(q), self.cast(k), self.cast(v), is_causal=causal)

    def transformer_block(self, name: str, x, heads: int, causal: bool):
        B, L, C = x.shape
        q, k, v = jnp.split(self.linear(f"{name}.qkv", self.layer_norm(f"{name}.norm1", x)), 3, 2)
        y = self.attention(*(t.reshape(B, L, heads, C // heads) for t in (q, k, v)), causal)
        x = x + self.linear(f"{name}.out", y.reshape(B, L, C))
        y = jax.nn.gelu(self.linear(f"{name}.up", self.layer_norm(f"{name}.norm2", x)), approximate=False)
        return x + self.linear(f"{name}.down", y)


def max_pool(x, size: int, stride: int, padding: int = 0):
    pads = [(0, 0), (padding, padding), (padding, padding), (0, 0)]
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, size, size, 1), (1, stride, stride, 1), pads)


def cross_entropy(logits, targets):
    """The mean over all leading dimensions of -log softmax(logits)[target]."""
    scores = jax.nn.log_softmax(logits.astype(jnp.float32), -1)
    return -jnp.take_along_axis(scores, targets[..., None], -1).mean()
