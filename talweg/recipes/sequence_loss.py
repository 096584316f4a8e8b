"""The loss of what writes token by token: cross-entropy over the targets that count."""

from __future__ import annotations

from ..nn import functional as F
from ..tensor import Tensor

IGNORED = -100  # targets that do not count


def token_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats of logits (B, T, vocabulary) against targets (B, T); those that are IGNORED do not count."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


def smoothed_token_loss(smoothing: float):
    """The same with label smoothing (Szegedy et al., 2016), to learn with."""
    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, label_smoothing=smoothing)

    return loss
