"""Rows 46 and 126 of docs/book.md: the learning-rate finder against a grid, and fine-tuning against training from nothing."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np

from talweg import manual_seed, nn, optim
from talweg.data import DataLoader, TensorDataset, digits
from talweg.data.order import permutation
from talweg.models import build
from talweg.recipes.classify import RECIPE, Settings
from talweg.recipes.search import search_rate
from talweg.training import evaluate, fit, parameter_groups

GRID = [10 ** (exponent / 2) for exponent in range(-9, 2)]  # 3e-5 to 3, half decades
TASKS = [
    {"model": "lenet", "data": "digits", "optimizer": "adam", "epochs": 3},
    {"model": "mlp", "data": "digits", "size": 8, "optimizer": "sgd", "momentum": 0.9, "epochs": 6},
    {"model": "gru", "data": "digits", "size": 8, "optimizer": "adam", "epochs": 6, "clip_norm": 1.0},
]
"""Each with a best rate. The wine table has none: every rate from 0.003 to 3 separates it, and the validation loss of the
largest ones is 0.0000 because the logits are huge."""


def finder_ratio(task: dict) -> float:
    """The suggested rate by the best one of the grid, which has the lowest validation loss."""
    with tempfile.TemporaryDirectory() as folder:
        suggestion = search_rate(RECIPE, Settings(**task), Path(folder) / "find")["learning_rate"]
        losses = {}
        for rate in GRID:
            try:
                best = RECIPE.train(Settings(**task, lr=rate, schedule="constant"), Path(folder) / "run").result.best
            except FloatingPointError:
                best = None
            losses[rate] = best.validation_loss if best else math.inf
    best_rate = min(losses, key=losses.__getitem__)
    print(f"  {task['model']} on {task['data']}: suggested {suggestion:.2g}, best of the grid {best_rate:.2g}", flush=True)
    return suggestion / best_rate


def finder_within() -> float:
    """The share of the tasks whose suggestion lies between 0.1 and 3 times the best rate."""
    return float(np.mean([0.1 <= finder_ratio(task) <= 3 for task in TASKS]))


def gain_by_fine_tuning(seeds: int = 10, shots: int = 10) -> float:
    """By how much a GRU over rows of digits, trained on the digits 0 to 4 before, is better on 5 to 9 than one that begins
    there: accuracy on the test digits 5 to 9, after the same steps on `shots` samples a class; the mean over seeds.

    LeNet has nothing to gain: from nothing it reaches 94 % with ten samples a class, and as much after fine-tuning.
    """
    return float(np.mean([_gain(seed, shots) for seed in range(seeds)]))


def _gain(seed: int, shots: int) -> float:
    splits = digits(8)
    manual_seed(seed)
    before = build("gru", splits.input_shape, 5)
    _train(before, _classes(splits.train, range(5)), _classes(splits.validation, range(5)), 25, 3e-3)
    few, test = _few(_classes(splits.train, range(5, 10)), shots, seed), _classes(splits.test, range(5, 10))
    manual_seed(seed + 1000)
    scratch = build("gru", splits.input_shape, 5)
    tuned = build("gru", splits.input_shape, 5)
    kept = {name: value for name, value in before.state_dict().items() if not name.startswith("head")}
    tuned.load_state_dict(kept, strict=False)
    scores = []
    for model in (tuned, scratch):
        _train(model, few, few, 30, 1e-3)
        scores.append(evaluate(model, nn.CrossEntropyLoss(), DataLoader(test, 256)).error)
    after, without = (100 * (1 - error) for error in scores)
    print(f"  seed {seed}: {after:.1f} % after fine-tuning, {without:.1f} % from nothing", flush=True)
    return scores[1] - scores[0]


def _train(model: nn.Module, data: TensorDataset, validation: TensorDataset, epochs: int, lr: float) -> None:
    optimizer = optim.Adam(parameter_groups(model, lr))
    fit(model, nn.CrossEntropyLoss(), optimizer, DataLoader(data, 64, shuffle=True), DataLoader(validation, 256), epochs=epochs,
        clip_norm=1.0)


def _classes(part: TensorDataset, wanted: range) -> TensorDataset:
    images, labels = part.tensors
    chosen = np.flatnonzero(np.isin(labels.numpy(), list(wanted))).tolist()
    return TensorDataset(images[chosen], labels[chosen] - wanted.start)


def _few(part: TensorDataset, shots: int, seed: int) -> TensorDataset:
    images, labels = part.tensors
    order = permutation(len(labels), seed, "shots")
    found = labels.numpy()[order]
    chosen = np.concatenate([order[np.flatnonzero(found == label)[:shots]] for label in np.unique(found)]).tolist()
    return TensorDataset(images[chosen], labels[chosen])
