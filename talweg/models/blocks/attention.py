"""Multi-head attention with its four projections (L 4.8, fig. 4.12; Vaswani et al., 2017, section 3.2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import nn
from ...nn import functional as F
from ...tensor import Tensor, no_grad, ones

Pair = tuple[Tensor, Tensor]


class Attention(nn.Module):
    """softmax(Q Kᵀ / sqrt(D)) V in `heads` heads of width D = width / heads, then a projection.

    Queries come from `x` (B, T, width); keys and values from the pair that `keys_values` makes of any source
    (B, S, width), of `x` itself where none is given. Outputs (B, T, width). Raises ValueError where the heads
    do not divide the width.
    """

    def __init__(
        self, width: int, heads: int, dropout: float = 0.0, bias: bool = True, key_bias: bool | None = None
    ) -> None:
        super().__init__()
        if heads < 1 or width < 1 or width % heads:
            raise ValueError(f"Attention: heads must divide the width, got width {width} and {heads} heads")
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(width, width, bias=bias)
        self.key = nn.Linear(width, width, bias=bias if key_bias is None else key_bias)
        self.value = nn.Linear(width, width, bias=bias)
        self.out = nn.Linear(width, width, bias=bias)

    def keys_values(self, source: Tensor) -> Pair:
        """Keys and values of (B, S, width), each (B, heads, S, D)."""
        return self._in_heads(self.key(source)), self._in_heads(self.value(source))

    def forward(
        self, x: Tensor, keys_values: Pair | None = None, mask: Tensor | None = None, causal: bool = False
    ) -> Tensor:
        """`mask` as in scaled_dot_product_attention, broadcast to (B, heads, T, S); not together with `causal`."""
        keys, values = self.keys_values(x) if keys_values is None else keys_values
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(self._in_heads(self.query(x)), keys, values, mask, dropout, causal)
        return self.out(y.transpose(1, 2).flatten(2))  # (B, heads, T, D) -> (B, T, width)

    def weights(
        self, x: Tensor, keys_values: Pair | None = None, mask: Tensor | None = None, causal: bool = False
    ) -> Tensor:
        """A = softmax(Q Kᵀ / sqrt(D)), (B, heads, T, S), of what `forward` is given: which positions each one reads."""
        keys, _ = self.keys_values(x) if keys_values is None else keys_values
        scores = self._in_heads(self.query(x)) @ keys.transpose(-2, -1) / math.sqrt(keys.shape[-1])
        seen = ones(*scores.shape[-2:]).tril().bool() if causal else mask
        return (scores if seen is None else scores.masked_fill(seen.logical_not(), -math.inf)).softmax(-1)

    def _in_heads(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        return x.reshape(B, T, self.heads, C // self.heads).transpose(1, 2)  # (B, heads, T, D)


def attention_weights(attentions: Sequence[Attention], called: Callable[[], Any]) -> np.ndarray:
    """The weights (layers, B, heads, T, S) of these attentions, all of one size, while `called` runs a model in evaluation
    mode, without gradients. Rows add up to 1."""
    found: dict[Attention, np.ndarray] = {}

    def look(attention: Any, arguments: tuple) -> None:
        found[attention] = attention.weights(*arguments).numpy()

    hooks = [attention.register_forward_pre_hook(look) for attention in attentions]
    try:
        with no_grad():
            called()
    finally:
        for hook in hooks:
            hook.remove()
    return np.stack([found[attention] for attention in attentions])
