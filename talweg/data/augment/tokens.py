"""Texts as token numbers: dropping and hiding some."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .annotated import checked_share
from .draws import Draws


@dataclass(frozen=True)
class DropTokens:
    """Each token goes with this probability; at least one stays. With `hidden` it is replaced by that number instead,
    and the length stays."""

    probability: float = 0.1
    hidden: int | None = None

    def __post_init__(self) -> None:
        checked_share("DropTokens", "probability", self.probability)

    def __call__(self, tokens: np.ndarray, draws: Draws) -> np.ndarray:
        tokens = np.asarray(tokens)
        if tokens.ndim != 1:
            raise ValueError(f"DropTokens: tokens must be one text (length,), got {list(tokens.shape)}")
        if not len(tokens):
            return tokens
        chances = draws.units(len(tokens))
        keep = chances >= self.probability
        keep[chances.argmax()] = True
        return tokens[keep] if self.hidden is None else np.where(keep, tokens, self.hidden).astype(tokens.dtype)
