"""Trainings of models without a recipe of their own, for tools/book_rows.py: BERT on masked text, graph networks."""

from __future__ import annotations

import numpy as np

from talweg import compile as compiled
from talweg import from_numpy, manual_seed, no_grad, optim
from talweg.data.augment.draws import Draws
from talweg.data.named.karate import karate
from talweg.data.named.topics import topics
from talweg.data.order import uniform
from talweg.data.text import masked_tokens, train_bpe
from talweg.data.text.masking import IGNORED
from talweg.models import BERT
from talweg.models.graph_networks import GraphNetwork
from talweg.nn import functional as F
from talweg.nn.utils import clip_grad_norm_

# --- masked language model (row 90)
LENGTH = 64
MASK = "[MASK]"


def masked_language_ratio(steps: int = 600, batch: int = 32, vocabulary: int = 1024, seed: int = 0) -> float:
    """How many times as often as the most frequent token a small BERT is right about masked tokens of the held-out text."""
    text = topics()
    tokenizer = train_bpe([text.train], vocabulary, special=(MASK,))
    train, test = (np.array(tokenizer.encode(part)) for part in (text.train, text.test))
    mask = tokenizer.special[MASK]
    manual_seed(seed)
    model = BERT(len(tokenizer), LENGTH, 128, 3, 4, head="masked", padding=None)
    optimizer = optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)

    @compiled
    def step(inputs, targets):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        loss.backward()
        clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    for i in range(steps):
        starts = (uniform(batch, seed, "masked text", i) * (len(train) - LENGTH)).astype(int)
        windows = train[starts[:, None] + np.arange(LENGTH)]  # (B, T)
        loss = step(*map(from_numpy, masked_tokens(windows, mask, len(tokenizer), Draws(seed, 0, i))))
        schedule.step()
    ours, unigram = _masked_accuracy(model.eval(), test, train, mask, len(tokenizer))
    print(f"  masked tokens: {ours:.3f} right, the most frequent token {unigram:.3f}, last loss {loss.item():.2f}", flush=True)
    return ours / unigram


def _masked_accuracy(model: BERT, test: np.ndarray, train: np.ndarray, mask: int, vocabulary: int) -> tuple[float, float]:
    """Shares of right guesses, the model's and those of the token that is most frequent in the training text."""
    windows = test[: len(test) // LENGTH * LENGTH].reshape(-1, LENGTH)
    shown, targets = masked_tokens(windows, mask, vocabulary, Draws(0, 1, 0))
    asked = targets != IGNORED
    with no_grad():
        guesses = np.concatenate([model(from_numpy(part)).argmax(-1).numpy() for part in np.array_split(shown, 8)])
    frequent = np.bincount(train, minlength=vocabulary).argmax()
    return float((guesses == targets)[asked].mean()), float((targets[asked] == frequent).mean())


# --- the karate club with two labels (row 123)
def karate_accuracy(kind: str, seeds: int = 20, steps: int = 150) -> float:
    """The lowest share of right sides over the seeds, each network knowing only the sides of the two leaders."""
    return min(karate_run(kind, seed, steps) for seed in range(seeds))


def karate_run(kind: str, seed: int, steps: int) -> float:
    graph = karate()
    nodes = len(graph.labels)
    edges = from_numpy(np.concatenate([graph.edges, graph.edges[:, ::-1]]).T.copy())  # both directions, (2, 156)
    features, known = from_numpy(np.eye(nodes, dtype=np.float32)), [0, nodes - 1]
    wanted = from_numpy(graph.labels[known])
    manual_seed(seed)
    model = GraphNetwork(nodes, 16, 2, kind=kind)
    optimizer = optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)

    @compiled
    def step():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(features, edges)[known], wanted)
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(steps):
        step()
    with no_grad():
        return float((model(features, edges).argmax(-1).numpy() == graph.labels).mean())
