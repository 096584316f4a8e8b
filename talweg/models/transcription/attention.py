"""Where in the sound each token was found: attention of the decoder to the encoder's features (L 4.8, 6.5)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...tensor import Tensor, no_grad


def cross_attention(model: Any, source: Tensor, tokens: Tensor) -> np.ndarray:
    """Attention weights, float32 (layers, B, heads, T, S), of an encoder-decoder that is given its source and tokens (B, T).

    Of a Whisper, S counts 20 ms each. Rows add up to 1.
    """
    found: list[np.ndarray] = []

    def look(attention: Any, arguments: tuple) -> None:
        x, pair, mask = (*arguments, None, None)[:3]
        keys, _ = pair
        scores = attention._in_heads(attention.query(x)) @ keys.transpose(-2, -1) / math.sqrt(keys.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(mask.logical_not(), -math.inf)
        found.append(scores.softmax(-1).numpy())

    hooks = [block.cross.register_forward_pre_hook(look) for block in model.decoder.blocks]
    was_training = model.training
    model.eval()
    try:
        with no_grad():
            model(source, tokens).numpy()
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    return np.stack(found)
