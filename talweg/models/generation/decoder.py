"""A model and its cache as one thing to step: tokens in, logits of the following token out."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tensor import compiled, from_numpy, no_grad
from ..blocks import Cache

GRAIN = 64
"""Rooms are multiples of it, so that texts of about one length share a compiled program."""


class CachedDecoder:
    """Feeds tokens to `model.decode` and keeps count of the room.

    The first call reads a prompt of any length; later ones, of one token a row, are compiled and replayed: all of
    them have the same shapes, since the cache has its full size from the start.
    """

    def __init__(self, model: Any, cache: Cache) -> None:
        self.model = model
        self.cache = cache
        self.length = 0
        self._step = compiled.compile(self._logits)

    @classmethod
    def start(cls, model: Any, rows: int, room: int, source: Any = None) -> CachedDecoder:
        """For `rows` texts of up to `room` tokens; `source` is what an encoder-decoder reads, one row for all or each.

        Raises ValueError for more tokens than the model's context.
        """
        if room > model.context:
            raise ValueError(f"generate: {room} tokens, prompt and new ones, are more than the model's context of "
                             f"{model.context}")
        rounded = min(-(-room // GRAIN) * GRAIN, model.context)
        with no_grad():
            if source is None:
                return cls(model, model.make_cache(rows, rounded))
            cache = model.make_cache(source, rounded)
        return cls(model, cache if cache.batch == rows else cache.repeated(rows // cache.batch))

    def __call__(self, tokens: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Logits (B, vocabulary) after the next tokens (B, T); with `rows`, row i first becomes what rows[i] was.

        Raises ValueError when there is no room left.
        """
        if self.length + tokens.shape[1] > self.cache.room:
            raise ValueError(f"CachedDecoder: no room for {tokens.shape[1]} more tokens, {self.length} of "
                             f"{self.cache.room} are taken")
        self.length += tokens.shape[1]
        with no_grad():
            given = from_numpy(np.ascontiguousarray(tokens, np.int64))
            order = None if rows is None else from_numpy(np.ascontiguousarray(rows, np.int64))
            return self._step(given, order).numpy()

    def restart(self) -> None:
        """Forget the tokens, so that there is room again; what an encoder gave stays."""
        self.cache.reset()
        self.length = 0

    def _logits(self, tokens, rows):
        if rows is not None:
            self.cache.reorder(rows)
        return self.model.decode(tokens, self.cache)[:, -1]
