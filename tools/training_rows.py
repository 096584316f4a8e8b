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
from talweg.training import LowRank, adapt, evaluate, fit, parameter_groups

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


def gain_by_fine_tuning(seeds: int = 10, shots: int = 10, lora: bool = False) -> float:
    """By how much LeNet, trained on the digits 0 to 4 before, is better on 5 to 9 than one that begins there: accuracy on
    the test digits 5 to 9, after the same steps on `shots` samples a class; the mean over seeds."""
    return float(np.mean([_gain(seed, shots, lora) for seed in range(seeds)]))


def _gain(seed: int, shots: int, lora: bool) -> float:
    splits = digits(28)
    manual_seed(seed)
    before = build("lenet", splits.input_shape, 5)
    _train(before, _classes(splits.train, range(5)), _classes(splits.validation, range(5)), 8, 2e-3)
    few, test = _few(_classes(splits.train, range(5, 10)), shots, seed), _classes(splits.test, range(5, 10))
    manual_seed(seed + 1000)
    scratch = build("lenet", splits.input_shape, 5)
    tuned = build("lenet", splits.input_shape, 5)
    kept = {name: value for name, value in before.state_dict().items() if not name.startswith("fc2")}
    tuned.load_state_dict(kept, strict=False)
    if lora:
        adapt(tuned, ["fc1"], rank=8)
        for parameter in tuned.fc2.parameters():
            parameter.requires_grad_(True)
        assert isinstance(tuned.fc1, LowRank)
    scores = []
    for model in (tuned, scratch):
        _train(model, few, few, 30, 1e-3)
        scores.append(evaluate(model, nn.CrossEntropyLoss(), DataLoader(test, 256)).error)
    return scores[1] - scores[0]


def _train(model: nn.Module, data: TensorDataset, validation: TensorDataset, epochs: int, lr: float) -> None:
    optimizer = optim.Adam(parameter_groups(model, lr))
    fit(model, nn.CrossEntropyLoss(), optimizer, DataLoader(data, 64, shuffle=True), DataLoader(validation, 256), epochs=epochs)


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
