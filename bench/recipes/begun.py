"""A recipe's training in either framework, before its first step: the same data, the same weights."""

from __future__ import annotations

import importlib
import math
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from .entries import find
from .over_torch import imported
from .pace import Pacer, Watched


@dataclass
class Training:
    """A task of a recipe (recipes/task.py) with where its modules are: `room("training")` is this framework's."""

    framework: str
    task: Any

    def room(self, name: str) -> ModuleType:
        return room(self.framework, name)


def room(framework: str, name: str) -> ModuleType:
    return importlib.import_module(f"talweg.{name}") if framework == "talweg" else imported(name)


def begun(framework: str, name: str, small: bool = False, **changes: Any) -> Training:
    """The training of this name at its default settings but for `changes`; in PyTorch from Talweg's initial weights."""
    training = _begun(framework, name, small, changes)
    if framework != "talweg":
        _copy(_begun("talweg", name, small, changes).task.model, training.task)
    return training


def _begun(framework: str, name: str, small: bool, changes: dict[str, Any]) -> Training:
    registry = room(framework, "recipes.registry")
    kind, model = registry.recipe_for(name)
    recipe = registry.recipe(kind)
    settings = recipe.settings(model=model, **(find(name).small if small else {}) | changes)
    with _without_judge(importlib.import_module(type(recipe).__module__)):
        return Training(framework, recipe.begun(settings, recipe.material(settings)))


@contextmanager
def _without_judge(module: ModuleType):
    """No network is trained to judge made pictures by, since nothing is validated."""
    judge = getattr(module, "Judge", None)
    if judge is None:
        yield
        return
    module.Judge = lambda *args: None  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.Judge = judge  # type: ignore[attr-defined]


def _copy(ours: Any, task: Any) -> None:
    """Parameters and buffers by name, into the averaged model too."""
    torch = importlib.import_module("torch")
    weights = {name: torch.tensor(value.numpy()) for name, value in ours.state_dict().items()}
    task.model.load_state_dict(weights)
    if task.average is not None:
        task.average.module.load_state_dict(weights)


def carried_out(training: Training, pacer: Pacer, channels_last: bool = False) -> None:
    """The steps of the training, each of which the pacer hears of; nothing is validated and no report written."""
    task = training.task
    if hasattr(task.optimizer, "learned"):
        _keep_losses(task.optimizer)
    change = _to_channels_last(task) if channels_last else None
    score = training.room("training").Score(math.inf, None, 1)  # never the best, so that nothing is saved
    task.goal = replace(task.goal, train=Watched(task.goal.train, pacer, change), validate=lambda model: score)
    if training.framework == "talweg":
        task.goal = replace(task.goal, update=_telling(task, pacer))
        with tempfile.TemporaryDirectory() as folder:
            training.room("recipes.recipe").fitted(task, Path(folder), [pacer])
    else:
        schedule = training.room("recipes.task").schedule_of(task.settings)
        importlib.import_module("bench.recipes.torch_loop").fit(task, schedule, pacer)


def _telling(task: Any, pacer: Pacer):
    """The task's way to make a step, which tells the pacer its loss."""
    update = task.goal.update

    def built(*arguments: Any):
        learn = update(*arguments)

        def step(batches: Any, where_in_run: str = "") -> Any:
            done = learn(batches, where_in_run)
            if done is not None:
                pacer.learned(getattr(task.optimizer, "told", mean_loss(done[0])))
            return done

        return step

    return built


def mean_loss(learned: list) -> float:
    return sum(part.loss * part.samples for part in learned) / sum(part.samples for part in learned)


def _keep_losses(learner: Any) -> None:
    """A round of reinforcement learning is shown by its return; what is compared are the losses of its last update."""
    inner = learner.learned

    def learned(losses: list, where_in_run: str) -> float:
        learner.told = sum(loss.item() for loss in losses[1:]) if losses else -learner.recent_return
        return inner(losses, where_in_run)

    learner.learned = learned


def _to_channels_last(task: Any):
    """The model in PyTorch's other layout; returns what does the same to a batch's images."""
    layout = importlib.import_module("torch").channels_last
    task.model.to(memory_format=layout)

    def laid_out(x: Any) -> Any:
        if isinstance(x, tuple | list):
            return tuple(map(laid_out, x))
        return x.to(memory_format=layout) if x.dim() == 4 and x.is_floating_point() else x

    return lambda batch: (laid_out(batch[0]), batch[1])
