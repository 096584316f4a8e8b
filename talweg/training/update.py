"""One step of training: forward and backward passes over its batches, then the optimizer, unless something is not finite."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .. import nn, optim
from ..tensor import Tensor, no_grad, where
from ..tensor.compiled import CompiledAtOnce
from ..tensor.finite import first_not_finite
from ..tensor.tensor import wrap
from .economy import in_precision, recomputing
from .state import generator_state, set_generator

Batch = tuple[Any, Any]
"""Inputs and targets, each a tensor or a tuple of some."""
ErrorCount = Callable[[Any, Any], int]
Loss = Callable[[Any, Any], Tensor]
ON_NAN = ("stop", "skip")


def samples(targets: Any) -> int:
    """How much a batch weighs when several make one step: by its samples."""
    return len(targets[0]) if isinstance(targets, tuple | list) else len(targets)


def called(model: nn.Module, inputs: Any) -> Any:
    """The model's outputs; a tuple of inputs is its arguments."""
    return model(*inputs) if isinstance(inputs, tuple | list) else model(inputs)


def tokens(targets: Tensor, ignored: int = -100) -> int:
    """How much a batch weighs: by its targets that count, as in a cross-entropy over tokens with `ignore_index`."""
    return int((targets != ignored).sum().item())


@dataclass(frozen=True)
class Learned:
    """A batch's mean loss, its errors and samples."""

    loss: float
    wrong: int | None
    samples: int


@dataclass(frozen=True)
class Update:
    """A step over a list of batches: gradients of the mean loss of all their samples, each batch by its `weight`.

    A step with a loss or gradient that is not finite changes nothing, neither weights nor optimizer nor running statistics;
    with on_nan "stop" FloatingPointError then names the first operation whose result was not finite.
    """

    model: nn.Module
    loss: Loss
    optimizer: optim.Optimizer
    error: ErrorCount | None
    weight: Callable[[Any], int] = samples
    clip_norm: float | None = None
    precision: str = "fp32"
    checkpoint_activations: bool = False
    on_nan: str = "stop"

    def __call__(self, batches: Sequence[Batch], where_in_run: str = "") -> tuple[list[Learned], float] | None:
        """What was learned from each batch, and the norm of the gradient; None for a step that was skipped."""
        random = generator_state()
        passes, norm, fine = self._made(batches)
        # Looked at only after the step, so that forward, backward and update are recorded as one graph.
        if not fine.item():
            self._refuse(batches, passes, norm, random, where_in_run)
            return None
        learned = [
            Learned(loss.item(), self.error and self.error(outputs, targets), samples(targets))
            for (outputs, loss), (_, targets) in zip(passes, batches)
        ]
        return learned, norm.item()

    def _made(self, batches: Sequence[Batch]) -> tuple[list[tuple[Any, Tensor]], Tensor, Tensor]:
        """The step, recorded: (outputs, loss) of each batch, the gradient's norm, and whether all of it is finite."""
        self.model.train()
        self.optimizer.zero_grad()
        statistics = [(b, b.node) for b in self.model.buffers() if b.is_floating_point()]
        passes = self._passes(batches)
        norm, fine = self._norm([loss for _, loss in passes])
        self._step(norm, fine, statistics)
        return passes, norm, fine

    def _passes(self, batches: Sequence[Batch]) -> list[tuple[Any, Tensor]]:
        """Forward and backward through each batch; (outputs, loss) of each."""
        weights = [self.weight(targets) for _, targets in batches] if len(batches) > 1 else [1]
        done = []
        for (inputs, targets), weight in zip(batches, weights):
            with recomputing(self.model, self.checkpoint_activations), in_precision(self.precision):
                outputs = called(self.model, inputs)
                loss = self.loss(outputs, targets)
            if len(batches) == 1:
                loss.backward()
            else:
                (loss * (weight / max(1, sum(weights)))).backward()
                loss.item()  # evaluates the gradients, so that no more than one batch's activations are alive
            done.append((_detached(outputs), loss.detach()))
        return done

    def _norm(self, losses: list[Tensor]) -> tuple[Tensor, Tensor]:
        """The norm of all gradients, and whether it and the losses are finite, both 0-d."""
        with no_grad():
            norm = nn.utils.get_total_norm([p.grad for p in self.model.parameters() if p.grad is not None])
            fine = norm.isfinite()
            for loss in losses:
                fine = fine.logical_and(loss.isfinite())
        return norm, fine

    def _step(self, norm: Tensor, fine: Tensor, statistics: list[tuple[Tensor, Any]]) -> None:
        with no_grad():
            for buffer, before in statistics:
                if buffer.node is not before:
                    buffer.copy_(where(fine, buffer, wrap(before)))
        statistics.clear()
        if self.clip_norm is not None:
            nn.utils.clip_grads_with_norm_(list(self.model.parameters()), self.clip_norm, norm)
        self.optimizer.guard = fine
        try:
            self.optimizer.step()
        finally:
            self.optimizer.guard = None

    def _refuse(self, batches, passes, norm: Tensor, random: tuple[int, int], where_in_run: str) -> None:
        if self.on_nan == "skip":
            return
        after = generator_state()
        set_generator(random)
        found = self._first_not_finite(batches)
        set_generator(after)
        losses = [loss.item() for _, loss in passes]
        what = next((f"loss became {v}" for v in losses if not math.isfinite(v)), f"gradient's norm became {norm.item()}")
        rates = ", ".join(sorted({f"{group['lr']:g}" for group in self.optimizer.param_groups}))
        raise FloatingPointError(
            f"the training {what}{where_in_run}: {found}. The weights are those before this step. Try a smaller learning rate "
            f"(it was {rates}), clip gradients, or leave such steps out with on_nan='skip' (--on-nan skip)"
        )

    def _first_not_finite(self, batches: Sequence[Batch]) -> str:
        """The step once more, each result looked at; running statistics are put back after it."""
        statistics = [(b, wrap(b.node)) for b in self.model.buffers()]
        try:
            return self._looked_at(batches)
        finally:
            with no_grad():
                for buffer, before in statistics:
                    buffer.copy_(before)

    def _looked_at(self, batches: Sequence[Batch]) -> str:
        parameters = dict(self.model.named_parameters())
        for inputs, targets in batches:
            def forward(inputs=inputs, targets=targets) -> Tensor:
                with in_precision(self.precision):
                    return self.loss(called(self.model, inputs), targets)

            given = _named("the inputs", inputs) | _named("the targets", targets)
            found = first_not_finite(forward, self.model, parameters, given)
            if found is not None:
                return found
        return "no single result was, only their sum over the step's batches"


class CompiledUpdate(Update):
    """An Update that is one native call (talweg.compile).

    For models and losses that do the same at every step: what they do in Python beside computing happens in the first
    steps with batches of a shape only, and values must not be read in them. Several batches a step are recorded as an Update
    records them.
    """

    @cached_property
    def _one_call(self) -> Callable[[Sequence[Batch]], Any]:
        return CompiledAtOnce(super()._made)

    def _made(self, batches: Sequence[Batch]) -> tuple[list[tuple[Any, Tensor]], Tensor, Tensor]:
        return self._one_call(batches) if len(batches) == 1 else super()._made(batches)


def _detached(outputs: Any) -> Any:
    if isinstance(outputs, tuple | list):
        return tuple(map(_detached, outputs))
    return outputs.detach() if isinstance(outputs, Tensor) else outputs


def _named(name: str, given: Any) -> dict[str, Tensor]:
    """The tensors of a batch by what the user would call them."""
    if isinstance(given, tuple | list):
        return {f"{name} ({i + 1} of {len(given)})": tensor for i, tensor in enumerate(given)}
    return {name: given}
