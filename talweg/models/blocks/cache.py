"""What a decoder remembers of the tokens it has seen, so that a new token costs one position (L 3.2, 7.1).

The room is fixed from the start: every step has the same shapes, so that one compiled program serves all of them and
the time for a token does not depend on how many came before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.dtypes import int64
from ...tensor import Tensor, arange, from_numpy, index_copy, no_grad, zeros
from .attention import Pair


class KeyValues:
    """Keys and values of one self-attention, (B, heads, room, D) each; places not yet written hold zeros."""

    def __init__(self, batch: int, heads: int, room: int, head_width: int) -> None:
        self.keys = zeros(batch, heads, room, head_width)
        self.values = zeros(batch, heads, room, head_width)

    def put(self, new: Pair, places: Tensor) -> Pair:
        """All keys and values, the new ones (B, heads, T, D) written at `places` (T,)."""
        self.keys.copy_(index_copy(self.keys, 2, places, new[0]))
        self.values.copy_(index_copy(self.values, 2, places, new[1]))
        return self.keys, self.values


class Cache:
    """The state of a decoder: one KeyValues a block, the next position, and what it knows of the source.

    `memory`: for an encoder-decoder, keys and values of the encoder's output, one pair a block; `memory_mask` says
    which of them are read, (B, 1, 1, S). Raises ValueError for a batch or a room below 1.
    """

    def __init__(
        self, batch: int, blocks: int, heads: int, room: int, head_width: int, memory: Sequence[Pair] = (),
        memory_mask: Tensor | None = None,
    ) -> None:
        if batch < 1 or room < 1:
            raise ValueError(f"Cache: batch and room must be 1 or more, got {batch} and {room}")
        self.batch = batch
        self.room = room
        self.layers = [KeyValues(batch, heads, room, head_width) for _ in range(blocks)]
        self.memory = list(memory)
        self.memory_mask = memory_mask
        self.position = zeros((), dtype=int64)

    def places(self, count: int) -> Tensor:
        """Where the next `count` tokens go, (count,)."""
        return self.position + arange(count)

    def mask(self, places: Tensor) -> Tensor:
        """(T, room): the query at each place sees the places up to its own."""
        return arange(self.room) <= places.unsqueeze(1)

    def advance(self, count: int) -> None:
        """The next tokens come `count` places further."""
        self.position.add_(count)

    def reorder(self, rows: Tensor) -> None:
        """Row i becomes what row rows[i] was: how beam search drops and doubles its hypotheses."""
        with no_grad():
            for tensor in self._tensors():
                tensor.copy_(tensor.index_select(0, rows))

    def repeated(self, times: int) -> Cache:
        """An empty cache of `times` rows for each of ours, with the same memory."""
        rows = from_numpy(np.repeat(np.arange(self.batch), times))
        pairs = [(keys.index_select(0, rows), values.index_select(0, rows)) for keys, values in self.memory]
        mask = None if self.memory_mask is None else self.memory_mask.index_select(0, rows)
        _, heads, room, width = self.layers[0].keys.shape
        return Cache(self.batch * times, len(self.layers), heads, room, width, pairs, mask)

    def reset(self) -> None:
        """Forget the tokens; the memory of the source stays."""
        self.position.zero_()

    def _tensors(self) -> list[Tensor]:
        own = [tensor for layer in self.layers for tensor in (layer.keys, layer.values)]
        mask = [] if self.memory_mask is None else [self.memory_mask]
        return own + [tensor for pair in self.memory for tensor in pair] + mask
