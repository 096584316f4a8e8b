"""Masked tokens, which BERT learns to fill in (Devlin et al., 2019, section 3.1; L 5.3)."""

from __future__ import annotations

import numpy as np

from ..augment.draws import Draws

IGNORED = -100
"""The target of a token that is not to be guessed: what cross_entropy leaves out by default."""
MASKED, REPLACED = 0.8, 0.1


def masked_tokens(tokens: np.ndarray, mask: int, vocabulary: int, draws: Draws, share: float = 0.15,
                  kept: tuple[int, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Tokens with some of them hidden, and targets: the tokens that were chosen, IGNORED elsewhere. Both as `tokens` (...).

    Each token is chosen with probability `share`. Of the chosen ones 80 % become the token `mask`, 10 % a token drawn from
    the whole vocabulary, 10 % stay, so that the network cannot trust what it reads. Tokens in `kept`, such as [CLS], are
    never chosen. Raises ValueError for ids outside the vocabulary or a share outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"masked_tokens: share must be between 0 and 1, got {share}")
    if not np.issubdtype(tokens.dtype, np.integer):
        raise ValueError(f"masked_tokens: tokens must be whole numbers, got {tokens.dtype}")
    if not 0 <= mask < vocabulary or (tokens.size and not 0 <= tokens.min() <= tokens.max() < vocabulary):
        raise ValueError(f"masked_tokens: ids and the mask, {mask}, must lie between 0 and the vocabulary's {vocabulary} - 1")
    chosen, fate, other = draws.units(3, *tokens.shape)
    hidden = (chosen < share) & ~np.isin(tokens, kept)
    shown = np.where(hidden & (fate < MASKED), mask, tokens)
    random = hidden & (fate >= MASKED) & (fate < MASKED + REPLACED)
    shown = np.where(random, np.minimum((other * vocabulary).astype(tokens.dtype), vocabulary - 1), shown)
    return shown.astype(tokens.dtype), np.where(hidden, tokens, IGNORED)
