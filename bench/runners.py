"""How a task runs in Talweg and in PyTorch, whose interface is the same; jax_runner.py is the third."""

from __future__ import annotations

import importlib
from types import ModuleType

import numpy as np

from .task import Task
from .workloads.training import build, precision

SEED = 0


class Missing(Exception):
    """What a framework does not have, so that a task cannot run in it."""


class TensorRunner:
    """`step` does the task once and waits for its result: the loss, or nothing for a forward pass."""

    def __init__(self, task: Task, framework: str, mode: str):
        self.task, self.mode = task, mode
        self.T = imported(framework)

    def prepare(self) -> None:
        T, task = self.T, self.task
        bfloat16 = task.dtype == "bfloat16"
        if bfloat16 and not hasattr(T, "autocast"):
            raise Missing(f"{T.__name__}.autocast")
        self.training = build(T, task.table.load(), task.resolved(), np.random.default_rng(SEED), bfloat16)
        if self.mode == "channels-last":
            self._to_channels_last()
        if task.kind == "forward":
            self.training.model.eval()
        self.call = self._forward_call(bfloat16) if task.kind == "forward" else self._training_call()

    def _to_channels_last(self) -> None:
        layout = self.T.channels_last
        training = self.training
        training.model.to(memory_format=layout)
        training.batch = tuple(x.to(memory_format=layout) if x.dim() == 4 else x for x in training.batch)
        training.inputs = training.batch[: len(training.inputs)]

    def _training_call(self):
        training = self.training
        if self.mode == "compile":
            if self.T.__name__ == "torch":  # its compiler takes the forward and backward pass; the fused update stays
                training.objective = self.T.compile(training.objective)
            else:
                return _compiler(self.T)(training.step)
        return training.step

    def _forward_call(self, bfloat16: bool):
        T, model = self.T, self.training.model

        def forward(*inputs):
            with precision(T, bfloat16):
                return model(*inputs)

        return _compiler(T)(forward) if self.mode == "compile" else forward

    def step(self) -> float | None:
        if self.task.kind == "train":
            return self.call(*self.training.batch).item()
        self.output()
        return None

    def output(self):
        """The model's output, computed."""
        with self.T.no_grad():
            out = self.call(*self.training.inputs)
        if self.T.__name__ == "talweg":
            _wait()
        return out

    def check(self) -> float:
        """A number by which outputs can be compared between frameworks."""
        return float(self.output().float().abs().mean().item())


def imported(framework: str) -> ModuleType:
    try:
        T = importlib.import_module(framework)
        T.nn.functional, T.optim  # noqa: B018  (Talweg brings its names in when they are first asked for)
        return T
    except ModuleNotFoundError as error:
        raise Missing(str(error)) from None


def _compiler(T: ModuleType):
    if not callable(getattr(T, "compile", None)):
        raise Missing(f"{T.__name__}.compile")
    return T.compile


def _wait() -> None:
    """Have Talweg compute what is recorded, without copying it out."""
    importlib.import_module("talweg.tensor.pending").evaluate_pending()
