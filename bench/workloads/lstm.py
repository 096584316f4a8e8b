"""A language model of characters: embedding, two layers of LSTM (Hochreiter and Schmidhuber 1997), a linear layer."""

from __future__ import annotations

from .training import Optimizer

OPTIMIZER = Optimizer("Adam", {"lr": 1e-3})
INPUTS = 1


def model(T, s):
    nn = T.nn

    class Characters(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(s.vocabulary, s.width)
            self.lstm = nn.LSTM(s.width, s.width, s.layers, batch_first=True)
            self.head = nn.Linear(s.width, s.vocabulary)

        def forward(self, tokens):
            hidden, _ = self.lstm(self.embedding(tokens))  # (B, L, width)
            return self.head(hidden)

    return Characters()


def batch(rng, s):
    text = rng.integers(0, s.vocabulary, (s.batch, s.steps + 1))
    return text[:, :-1].copy(), text[:, 1:].copy()


def loss(T, model, tokens, following):
    return T.nn.functional.cross_entropy(model(tokens).flatten(0, 1), following.flatten())
