"""The transformer block: attention, then a perceptron, each added to its input (L 5.3, fig. 5.6).

One block serves every transformer here: normalised before each part (GPT-2, ViT, CLIP, Whisper) or after each sum (the
first Transformer, GPT, BERT), and with attention to an encoder's output between the two parts in decoders.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ... import nn
from ...tensor import Tensor
from .attention import Attention, Pair
from .cache import Cache
from .perceptron import Perceptron


class Block(nn.Module):
    """x + attention(norm(x)), [x + cross(norm(x), memory),] x + mlp(norm(x)); the norm after each sum if not norm_first.

    (B, T, width) to the same. `cross` adds attention to a memory; `key_bias` False leaves out the keys' bias, which
    the softmax cancels (Whisper).
    """

    def __init__(
        self, width: int, heads: int, hidden: int | None = None, *, activation: str = "gelu", norm_first: bool = True,
        cross: bool = False, dropout: float = 0.0, eps: float = 1e-5, key_bias: bool = True,
    ) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.attention = Attention(width, heads, dropout, key_bias=key_bias)
        self.norm1 = nn.LayerNorm(width, eps=eps)
        self.cross = Attention(width, heads, dropout, key_bias=key_bias) if cross else None
        self.norm_cross = nn.LayerNorm(width, eps=eps) if cross else None
        self.mlp = Perceptron(width, hidden or 4 * width, activation)
        self.norm2 = nn.LayerNorm(width, eps=eps)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, mask: Tensor | None = None, causal: bool = False, memory: Pair | None = None,
        memory_mask: Tensor | None = None, cache: Cache | None = None, number: int = 0, places: Tensor | None = None,
    ) -> Tensor:
        """`memory` is what `self.cross.keys_values` makes of the encoder's output; with a cache the keys and values
        of block `number` are kept there, at `places`, and `mask` says which of them each query sees."""

        def attend(y: Tensor) -> Tensor:
            pair = self.attention.keys_values(y)
            if cache is not None and places is not None:
                pair = cache.layers[number].put(pair, places)
            return self.attention(y, pair, mask, causal)

        x = self._add(x, self.norm1, attend)
        if self.cross is not None:
            cross = self.cross
            x = self._add(x, self.norm_cross, lambda y: cross(y, memory, memory_mask))
        return self._add(x, self.norm2, self.mlp)

    def _add(self, x: Tensor, norm, part) -> Tensor:
        if self.norm_first:
            return x + self.dropout(part(norm(x)))
        return norm(x + self.dropout(part(x)))


def run_blocks(
    blocks: Iterable[Any], x: Tensor, cache: Cache | None, memory: Tensor | None = None,
    memory_mask: Tensor | None = None,
) -> Tensor:
    """A causal decoder's blocks on x (B, T, C): on whole sequences, or on the next T tokens of a cache."""
    places = None if cache is None else cache.places(x.shape[1])
    mask = None if cache is None or places is None else cache.mask(places)  # (T, room)
    for number, block in enumerate(blocks):
        if cache is not None and cache.memory:
            pair: Pair | None = cache.memory[number]
            memory_mask = cache.memory_mask
        else:
            pair = None if memory is None or block.cross is None else block.cross.keys_values(memory)
        x = block(x, mask, cache is None, pair, memory_mask, cache, number, places)
    if cache is not None:
        cache.advance(x.shape[1])
    return x
