"""Where in the sound each token was found: attention of the decoder to the encoder's features (L 4.8, 6.5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tensor import Tensor
from ..blocks import attention_weights


def cross_attention(model: Any, source: Tensor, tokens: Tensor) -> np.ndarray:
    """Attention weights, float32 (layers, B, heads, T, S), of an encoder-decoder that is given its source and tokens (B, T).

    Of a Whisper, S counts 20 ms each. Rows add up to 1.
    """
    was_training = model.training
    model.eval()
    try:
        return attention_weights([block.cross for block in model.decoder.blocks], lambda: model(source, tokens))
    finally:
        model.train(was_training)
