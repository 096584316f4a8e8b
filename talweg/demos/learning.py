"""The digits as tensors and a training loop of a few lines, for demonstrations that train a network by the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .. import nn, optim
from ..compile.engine import compile_at_first_sight
from ..data.digits import digits
from ..data.order import permutation
from ..data.splits import stratified
from ..nn import functional as F
from ..tensor import Tensor, from_numpy, no_grad

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Digits:
    """Images (N, 1, size, size) and labels (N,) to learn from and to test with, as `digits` cuts and scales them."""

    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor
    mean: float
    std: float

    def few(self, count: int, seed: int) -> Digits:
        """Of the first part only `count`, drawn at random, of each class alike."""
        labels = self.y.numpy()
        order = permutation(len(labels), seed, "few")
        chosen = stratified(labels, (count, len(labels) - count), order)[0].tolist()
        return Digits(self.x[chosen], self.y[chosen], self.test_x, self.test_y, self.mean, self.std)


def load_digits(seed: int, size: int = 8) -> Digits:
    """1,200 to learn from, 360 to test with. Raises ModuleNotFoundError without scikit-learn."""
    splits = digits(size, seed)
    (x, y), (test_x, test_y) = splits.train.tensors, splits.test.tensors
    return Digits(x, y, test_x, test_y, splits.mean, splits.std)


def learn(model: nn.Module, x: Tensor, y: Tensor, *, epochs: int, lr: float, batch: int, seed: int,
          loss: Loss = F.cross_entropy, weight_decay: float = 0.0) -> None:
    """Adam with decoupled weight decay over mini-batches in an order of each epoch's own; incomplete batches are left out."""
    optimizer = optim.AdamW(model.parameters(), lr, weight_decay=weight_decay)
    batch = min(batch, len(x))
    model.train()
    with compile_at_first_sight():  # so that a second call in one process gives the same bits
        for epoch in range(epochs):
            order = permutation(len(x), seed, "learn", epoch)
            for start in range(0, len(x) - batch + 1, batch):
                chosen = from_numpy(order[start:start + batch])
                optimizer.zero_grad()
                loss(model(x[chosen]), y[chosen]).backward()
                optimizer.step()
    model.eval()


def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """The share of right answers, in evaluation mode."""
    model.eval()
    with no_grad():
        return (model(x).argmax(1) == y).double().mean().item()
