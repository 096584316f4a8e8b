"""A step of two networks that learn against each other: the discriminator's turns, then the generator's (N 11).

One optimizer holds both networks' parameters. Parameters without a gradient are not moved, so whose turn it is, is whose
gradients there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .. import nn
from ..models.adversaries import Adversaries, gradient_penalty
from ..nn import functional as F
from ..tensor import Tensor, full_like, no_grad, randn, zeros_like
from ..tensor.compiled import CompiledAtOnce
from ..training import in_precision
from ..training.update import Batch, Learned


@dataclass(frozen=True)
class Objective:
    """What the two learn by. `name` is one of OBJECTIVES; see Settings for the others."""

    name: str
    penalty: float = 0.0
    smoothing: float = 0.0

    def of_discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """nonsaturating: -log s(real) - log(1 - s(fake)), s the logistic function; wasserstein: fake - real. The mean."""
        if self.name == "wasserstein":
            return fake.mean() - real.mean()
        told = F.binary_cross_entropy_with_logits(real, full_like(real, 1 - self.smoothing))
        return told + F.binary_cross_entropy_with_logits(fake, zeros_like(fake))

    def of_generator(self, fake: Tensor) -> Tensor:
        """nonsaturating: -log s(fake), whose slope is largest where the discriminator is not deceived (Goodfellow et al.,
        section 3); wasserstein: -fake. The mean."""
        if self.name == "wasserstein":
            return -fake.mean()
        return F.binary_cross_entropy_with_logits(fake, full_like(fake, 1.0))

    def __call__(self, outputs: Any, targets: Any) -> Tensor:
        """The discriminator's loss of (logits of real, logits of made pictures); targets are not looked at."""
        return self.of_discriminator(*outputs)


@dataclass(frozen=True)
class AdversarialUpdate:
    """In place of training.update.Update: a turn of the discriminator for each batch, then one of the generator.

    `loss` is an Objective. What is learned from a batch is the discriminator's loss, and how many of the batch and of as many
    made pictures it took for the other kind. The norm is that of the generator's gradient.
    """

    model: Adversaries
    loss: Any
    optimizer: Any
    error: Any = None
    weight: Any = None
    clip_norm: float | None = None
    precision: str = "fp32"
    checkpoint_activations: bool = False
    on_nan: str = "stop"

    def __call__(self, batches: Sequence[Batch], where_in_run: str = "") -> tuple[list[Learned], float] | None:
        learned = []
        for real, _ in batches:
            scores, loss, norm, fine = self._turns[0](real)
            if not fine.item():
                self._refuse("discriminator", where_in_run)
                return None
            learned.append(Learned(loss.item(), self.error and self.error(scores), 2 * len(real)))
        norm, fine = self._turns[1](len(batches[-1][0]))
        if not fine.item():
            self._refuse("generator", where_in_run)
            return None
        return learned, norm.item()

    @cached_property
    def _turns(self) -> tuple[Callable[[Tensor], Any], Callable[[int], Any]]:
        """The discriminator's and the generator's, one native call each."""
        turns = (CompiledAtOnce(turn) for turn in (self._discriminator, self._generator))
        return tuple(turns)  # type: ignore[return-value]

    def _discriminator(self, real: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor, Tensor, Tensor]:
        """Its scores of real and made pictures, its loss, and as `_moved` returns."""
        self.model.train()
        with no_grad():
            fake = self.model.generator(self._noise(len(real)))
        self.optimizer.zero_grad()
        with in_precision(self.precision):
            scores = self.model.discriminator(real), self.model.discriminator(fake)
            loss = self.loss.of_discriminator(*scores)
            if self.loss.penalty:
                loss = loss + self.loss.penalty * gradient_penalty(self.model.discriminator, real, fake)
        loss.backward()
        moved = self._moved(self.model.discriminator, loss)
        return (scores[0].detach(), scores[1].detach()), loss.detach(), *moved

    def _generator(self, count: int) -> tuple[Tensor, Tensor]:
        self.model.train()
        self.optimizer.zero_grad()
        with in_precision(self.precision):
            loss = self.loss.of_generator(self.model.discriminator(self.model.generator(self._noise(count))))
        loss.backward()
        for parameter in self.model.discriminator.parameters():
            parameter.grad = None  # the gradient went through it; this is not its turn
        return self._moved(self.model.generator, loss)

    def _moved(self, network: nn.Module, loss: Tensor) -> tuple[Tensor, Tensor]:
        """Step where loss and gradient are finite; returns the gradient's norm and whether they are, both 0-d."""
        with no_grad():
            norm = nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None])
            fine = norm.isfinite().logical_and(loss.detach().isfinite())
        if self.clip_norm is not None:
            nn.utils.clip_grads_with_norm_(list(network.parameters()), self.clip_norm, norm)
        self.optimizer.guard = fine
        try:
            self.optimizer.step()
        finally:
            self.optimizer.guard = None
        return norm, fine

    def _noise(self, count: int) -> Tensor:
        return randn(count, self.model.latent)

    def _refuse(self, whose: str, where_in_run: str) -> None:
        if self.on_nan == "skip":
            return
        rates = ", ".join(sorted({f"{group['lr']:g}" for group in self.optimizer.param_groups}))
        raise FloatingPointError(
            f"the {whose}'s loss or gradient is not finite{where_in_run}. Try a smaller learning rate (it was {rates}), clip "
            "gradients, or leave such steps out with on_nan='skip'"
        )


def confused(scores: tuple[Tensor, Tensor]) -> int:
    """How many real pictures have a logit of 0 or less, and made ones one above 0."""
    real, fake = (s.detach().numpy() for s in scores)
    return int((real <= 0).sum() + (fake > 0).sum())
