"""What a decoder remembers of the tokens it has seen, so that a new token costs one position (L 3.2, 7.1).

The room is fixed from the start: every step has the same shapes, so that one compiled program serves all of them and
the time for a token does not depend on how many came before.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...tensor import Tensor, arange, index_copy, no_grad, zeros
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

    `memory`: for an encoder-decoder, keys and values of the encoder's output, one pair a block. `hidden` hides
    places of each row for good, as padding of prompts (B, room): True where a key may be seen.
    """

    def __init__(
        self, batch: int, blocks: int, heads: int, room: int, head_width: int, memory: Sequence[Pair] = (),
    ) -> None:
        if batch < 1 or room < 1:
            raise ValueError(f"Cache: batch and room must be 1 or more, got {batch} and {room}")
        self.batch = batch
        self.room = room
        self.length = 0
        self.layers = [KeyValues(batch, heads, room, head_width) for _ in range(blocks)]
        self.memory = list(memory)
        self.position = zeros((), dtype=self._integer())

    @staticmethod
    def _integer():
        return arange(1).dtype

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

    def reset(self) -> None:
        """Forget the tokens; the memory of the source stays."""
        self.length = 0
        self.position.zero_()

    def _tensors(self) -> list[Tensor]:
        own = [tensor for layer in self.layers for tensor in (layer.keys, layer.values)]
        return own + [tensor for pair in self.memory for tensor in pair]
