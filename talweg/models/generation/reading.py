"""What a causal model reads when it tells the next token: its attention, and what it holds possible (L 4.8, 7.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...tensor import Tensor, from_numpy
from ..blocks import attention_weights


@dataclass(frozen=True)
class Reading:
    """`weights` float32 (layers, heads, T, T): how much each token's place reads of each one, 0 above the diagonal; `logits`
    (T, vocabulary) of the tokens that follow."""

    weights: np.ndarray
    logits: np.ndarray


def read(model: Any, tokens: Sequence[int]) -> Reading:
    """A language model of blocks (GPT, GPT-2) on one text, in evaluation mode. Raises ValueError for more than its context."""
    given = from_numpy(np.array([tokens], np.int64))
    logits: list[Tensor] = []
    was_training = model.training
    model.eval()
    try:
        weights = attention_weights([block.attention for block in model.blocks], lambda: logits.append(model(given)))
        return Reading(weights[:, 0], logits[0].numpy()[0])
    finally:
        model.train(was_training)
