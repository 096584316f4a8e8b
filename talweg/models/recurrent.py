"""Recurrent networks: a state that is carried from step to step (L "missing bits", N 6; Elman, 1990; Hochreiter and
Schmidhuber, 1997; Cho et al., 2014)."""

from __future__ import annotations

from typing import Any

from .. import nn
from ..tensor import Tensor

KINDS: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
State = Any  # (layers, B, hidden), for an LSTM a pair of them


def _recurrence(kind: str, *sizes: int, **settings: Any) -> nn.Module:
    if kind not in KINDS:
        raise ValueError(f"recurrent model: the kind must be one of {', '.join(KINDS)}, got {kind!r}")
    return KINDS[kind](*sizes, batch_first=True, **settings)


class RecurrentClassifier(nn.Module):
    """Sequences (B, T, features) to logits (B, classes), from the last state, of both directions if there are two.

    Images (B, 1, T, features) are read row by row.
    """

    def __init__(
        self, features: int, hidden: int, classes: int, *, kind: str = "lstm", layers: int = 1, both_ways: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        settings = {"num_layers": layers, "bidirectional": both_ways, "dropout": dropout}
        self.features = features
        self.recurrence = _recurrence(kind, features, hidden, **settings)
        self.head = nn.Linear(hidden * (1 + both_ways), classes)

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 4 and x.shape[1] == 1:
            x = x[:, 0]
        if x.dim() != 3 or x.shape[-1] != self.features:
            raise ValueError(f"RecurrentClassifier: expected (B, T, {self.features}), got {list(x.shape)}")
        _, state = self.recurrence(x)
        last = state[0] if isinstance(state, tuple) else state  # (layers * directions, B, hidden)
        ways = 2 if self.recurrence.bidirectional else 1
        return self.head(last[-ways:].transpose(0, 1).flatten(1))  # (B, ways * hidden) -> (B, classes)


class RecurrentLM(nn.Module):
    """Tokens (B, T), and the state after what came before, to logits (B, T, vocabulary) and the new state.

    For truncated backpropagation through time, a long text is given piece by piece, each with `detached(state)` of the
    piece before: gradients then end at the piece's border (N 6).
    """

    def __init__(
        self, vocabulary: int, width: int, hidden: int, *, kind: str = "lstm", layers: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.recurrence = _recurrence(kind, width, hidden, num_layers=layers, dropout=dropout)
        self.head = nn.Linear(hidden, vocabulary)

    def forward(self, tokens: Tensor, state: State = None) -> tuple[Tensor, State]:
        y, state = self.recurrence(self.tokens(tokens), state)  # (B, T, hidden)
        return self.head(y), state


def detached(state: State) -> State:
    """The state without its history."""
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
