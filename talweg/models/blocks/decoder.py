"""The two halves of an encoder-decoder: stacks of blocks between token vectors and features (L 5.3, fig. 5.7)."""

from __future__ import annotations

import math

from ... import nn
from ...nn import functional as F
from ...tensor import Tensor, arange
from .cache import Cache
from .transformer import Block, run_blocks


class TextEncoder(nn.Module):
    """Tokens (B, S) to features (B, S, width); every token sees every other.

    `positions` (context, width) is added to the tokens' vectors, which are multiplied by `scale` before.
    """

    def __init__(
        self, tokens: nn.Embedding, positions: Tensor, blocks: list[Block], norm: nn.Module | None, scale: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.register_buffer("positions", positions, persistent=False)
        self.scale = scale
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(blocks)
        self.norm = norm

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """`mask` (B, 1, 1, S): True for tokens that are read."""
        count, context = tokens.shape[1], self.positions.shape[0]
        if count > context:
            raise ValueError(f"TextEncoder: {count} tokens are more than the context of {context}")
        x = self.dropout(self.tokens(tokens) * self.scale + self.positions[:count])  # (B, S, C)
        for block in self.blocks:
            x = block(x, mask)
        return x if self.norm is None else self.norm(x)


class Decoder(nn.Module):
    """Tokens (B, T) and an encoder's features (B, S, width) to logits (B, T, vocabulary).

    The head is the tokens' table. `positions` (context, width) is a parameter, or a table that is computed.
    """

    def __init__(
        self, tokens: nn.Embedding, positions: Tensor, blocks: list[Block], norm: nn.Module | None, scale: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.tokens = tokens
        if isinstance(positions, nn.Parameter):
            self.positions = positions
        else:
            self.register_buffer("positions", positions, persistent=False)
        self.scale = scale
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(blocks)
        self.norm = norm

    @property
    def context(self) -> int:
        """The most tokens it can decode."""
        return self.positions.shape[0]

    def forward(
        self, tokens: Tensor, memory: Tensor | None = None, memory_mask: Tensor | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Of whole sequences with their `memory`, or of the next tokens of a `cache` that holds it."""
        T = tokens.shape[1]
        if cache is None and self.context < T:
            raise ValueError(f"Decoder: {T} tokens are more than the context of {self.context}")
        places = arange(T) if cache is None else cache.places(T)
        x = self.dropout(self.tokens(tokens) * self.scale + self.positions[places])  # (B, T, C)
        x = run_blocks(self.blocks, x, cache, memory, memory_mask)
        x = x if self.norm is None else self.norm(x)
        return F.linear(x, self.tokens.weight)

    def make_cache(self, memory: Tensor, room: int, memory_mask: Tensor | None = None) -> Cache:
        """A cache for sequences of up to `room` tokens, with each block's keys and values of the memory."""
        attention = self.blocks[0].attention
        width = self.tokens.embedding_dim
        pairs = [block.cross.keys_values(memory) for block in self.blocks]
        return Cache(memory.shape[0], len(self.blocks), attention.heads, min(room, self.context),
                     width // attention.heads, pairs, memory_mask)


def root_scale(width: int, scaled: bool) -> float:
    """sqrt(width) where token vectors are enlarged to the size of sinusoids (Vaswani et al., 2017, section 3.4)."""
    return math.sqrt(width) if scaled else 1.0
