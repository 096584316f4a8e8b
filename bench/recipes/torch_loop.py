"""The training loop as one writes it for PyTorch: no more is computed in a step than learning and its figures take."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch

from .begun import mean_loss

Batch = tuple[Any, Any]


def fit(task: Any, schedule: Any, listener: Any) -> None:
    """The steps of a task of Talweg's recipes over PyTorch: its batches, loss, optimizer, schedule, clipping, averages.

    `listener` hears of every step: its mean loss, and that it is over. Nothing is validated.
    """
    goal, model, optimizer, settings = task.goal, task.model, task.optimizer, task.settings
    per_epoch = -(-len(goal.train) // settings.accumulate)
    limit = settings.steps or settings.epochs * per_epoch
    rates = [group["lr"] for group in optimizer.param_groups]
    learn = step_of(task)
    model.train()
    for number, batches in enumerate(itertools.islice(steps(goal.train, settings.accumulate), limit)):
        factor = schedule(number / limit)
        for group, rate in zip(optimizer.param_groups, rates):
            group["lr"] = rate * factor
        loss = learn(batches)
        if task.average is not None:
            task.average.update_parameters(model)
        listener.learned(loss)
        listener.step()


def steps(loader: Any, accumulate: int) -> Iterator[list[Batch]]:
    """The batches of one step after the other, epoch by epoch, for ever."""
    for epoch in itertools.count():
        loader.set_epoch(epoch)
        batches = iter(loader)
        while step := list(itertools.islice(batches, accumulate)):
            yield step


def step_of(task: Any):
    """What learns from a list of batches and returns the mean loss."""
    goal = task.goal
    if goal.update.__name__ == "CompiledUpdate":
        return Descent(task, task.settings.clip_norm)
    update = plain(goal.update)(task.model, goal.loss, task.optimizer, goal.error, goal.weight, task.settings.clip_norm)

    def step(batches: list[Batch]) -> float:
        learned, _ = update(batches)
        return getattr(task.optimizer, "told", mean_loss(learned))

    return step


class Descent:
    """Forward, backward, clip, step; over several batches the gradient of the mean loss of all that counts in them."""

    def __init__(self, task: Any, clip_norm: float | None) -> None:
        self.model, self.optimizer, self.goal, self.clip_norm = task.model, task.optimizer, task.goal, clip_norm
        self.wrong = 0

    def __call__(self, batches: list[Batch]) -> float:
        goal = self.goal
        self.optimizer.zero_grad()
        weights = [goal.weight(targets) for _, targets in batches] if len(batches) > 1 else [1]
        total = 0.0
        for (inputs, targets), weight in zip(batches, weights):
            outputs = self.model(*inputs) if isinstance(inputs, tuple | list) else self.model(inputs)
            loss = goal.loss(outputs, targets)
            share = weight / max(1, sum(weights))
            (loss if len(batches) == 1 else loss * share).backward()
            total += share * loss.item()
            if goal.error is not None:
                self.wrong += goal.error(outputs, targets)
        if self.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self.optimizer.step()
        return total


def plain(update: type) -> type:
    """The turns of two networks without looking whether anything is finite, which PyTorch's scripts do not either."""
    if not hasattr(update, "_moved"):
        return update

    def moved(self, network: torch.nn.Module, loss: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(network.parameters(), self.clip_norm)
        self.optimizer.step()
        return nothing, fine

    nothing, fine = torch.tensor(0.0), torch.tensor(True)
    return type(update.__name__, (update,), {"_moved": moved})
