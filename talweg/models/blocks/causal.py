"""A language model that reads from left to right: the body that GPT and GPT-2 share (L 5.3, fig. 5.8)."""

from __future__ import annotations

import math

from ... import nn
from ...io.pretrained import Pretrained
from ...nn import functional as F
from ...nn import init
from ...tensor import Tensor, arange
from .cache import Cache
from .transformer import Block, run_blocks


class CausalLM(Pretrained):
    """Tokens (B, T) to logits (B, T, vocabulary) of each following token; the head is the table of tokens, transposed.

    Raises ValueError for settings below 1 and, when called, for more tokens than the context.
    """

    def __init__(
        self, vocabulary: int, context: int, width: int, layers: int, heads: int, *, norm_first: bool, hidden: int | None,
        activation: str, dropout: float, eps: float,
    ) -> None:
        super().__init__()
        for name, value in (("vocabulary", vocabulary), ("context", context), ("layers", layers)):
            if value < 1:
                raise ValueError(f"{type(self).__name__}: {name} must be 1 or more, got {value}")
        self.vocabulary, self.context, self.width, self.heads = vocabulary, context, width, heads
        self.activation, self.eps, self.dropout_rate = activation, eps, dropout
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList([
            Block(width, heads, hidden, activation=activation, norm_first=norm_first, dropout=dropout, eps=eps)
            for _ in range(layers)
        ])
        self.norm = nn.LayerNorm(width, eps=eps) if norm_first else None
        self._first_values()

    def _first_values(self) -> None:
        """N(0, 0.02), and on the paths into the sum less, so that its variance does not grow with the depth.

        Radford et al., 2019, section 2.3. Position vectors must be as small as the tokens', or nothing is learnt for
        hundreds of steps.
        """
        into_sum = 0.02 / math.sqrt(2 * len(self.blocks))
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                init.normal_(parameter, std=into_sum if name.endswith(("out.weight", "down.weight")) else 0.02)
            elif name.endswith("bias"):
                init.zeros_(parameter)

    def features(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """What the head reads: (B, T) to (B, T, width)."""
        T = tokens.shape[1]
        if cache is None and self.context < T:
            raise ValueError(f"{type(self).__name__}: {T} tokens are more than the context of {self.context}")
        places = arange(T) if cache is None else cache.places(T)
        x = self.dropout(self.tokens(tokens) + self.positions(places))  # (B, T, C)
        x = run_blocks(self.blocks, x, cache)
        return x if self.norm is None else self.norm(x)

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        return F.linear(self.features(tokens, cache), self.tokens.weight)  # (B, T, vocabulary)

    def decode(self, tokens: Tensor, cache: Cache) -> Tensor:
        """Logits of the next T tokens (B, T, vocabulary); they are remembered."""
        return self.forward(tokens, cache)

    def make_cache(self, batch: int, room: int) -> Cache:
        """An empty cache for `batch` sequences of up to `room` tokens."""
        return Cache(batch, len(self.blocks), self.heads, min(room, self.context), self.width // self.heads)
