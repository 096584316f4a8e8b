"""What ails a training, in sentences with numbers: gradients that vanish or explode on their way through the layers, ReLUs
that never fire, parameters that the loss does not depend on (L 3.4), and over-fitting (L 3.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from types import MappingProxyType
from typing import Any

import numpy as np

from .. import nn
from .events import EpochRecord
from .probe import probe
from .update import Loss

APART = 1e4
"""Between the largest and another layer's gradient: one learning rate does not serve both any more."""
DEAD_SHARE = 0.5
"""Of a layer's ReLUs. A batch leaves some silent in healthy networks too (four in ten of AlexNet's 4,096 before training)."""
OVERSHOT = 1e3
"""A gradient's norm over that of its weights: a step of rate 0.001 would move them by as much as they are."""
TURNED = 0.1
"""By this share of its lowest value the validation loss has risen where it has turned up and does not waver; ..."""
OF_FIRST = 0.01
"""... and by this share of its first one, so that what was learned to perfection may waver."""
AVERAGED = 3
"""Last epochs whose mean counts, so that one bad epoch is no over-fitting."""
SHOWN = 4
CALMED = "Clip the gradient, begin with smaller weights, scale inputs and targets, or add normalisation layers"


@dataclass(frozen=True)
class Symptom:
    """One thing found: its kind (vanishing, exploding, not finite, dead, unused or over-fitting) and a sentence."""

    kind: str
    text: str

    def __str__(self) -> str:
        return self.text


def diagnose(
    model: nn.Module, loss: Loss, inputs: Any, targets: Any, records: Sequence[EpochRecord] = ()
) -> list[Symptom]:
    """All that one training batch and the epochs so far show; an empty list for a healthy run.

    The batch goes forward and backward once in training mode, and leaves model, gradients and random numbers as they were.
    """
    seen = probe(model, loss, inputs, targets)
    return [
        *gradient_symptoms(seen.gradient_norms, seen.weight_norms), *dead_symptoms(seen.silent), *unused_symptoms(seen.unused),
        *over_fitting(records),
    ]


def gradient_symptoms(norms: Mapping[str, float], weights: Mapping[str, float] = MappingProxyType({})) -> list[Symptom]:
    """From the norms of each layer's gradient and, where they are known, of its weights, in forward order.

    Where the first layers, one after the other, have 10^4 times less than the largest, the gradient was lost on its way
    back; where the last ones do, it has grown on the way, and so it has where it is 10^3 times its weights. A layer between
    others may have little: queries and keys do, as long as attention looks everywhere.
    """
    broken = [name for name, norm in norms.items() if not np.isfinite(norm)]
    if broken:
        return [Symptom("not finite", f"the gradient of {_some(broken)} is not finite")]
    if not norms:
        return []
    if not any(norms.values()):
        return [Symptom("vanishing", "the gradient is exactly zero in every layer, so that nothing can be learned")]
    top = max(norms, key=norms.__getitem__)
    names = list(norms)
    before = list(takewhile(lambda name: norms[name] * APART < norms[top], names))
    behind = list(takewhile(lambda name: norms[name] * APART < norms[top], reversed(names)))
    shot = [name for name in names if norms[name] > OVERSHOT * weights.get(name, float("inf"))]
    return _vanishing(before, top, norms) + (_exploding(behind[0], top, norms) if behind else _overshot(shot, norms, weights))


def _vanishing(before: list[str], top: str, norms: Mapping[str, float]) -> list[Symptom]:
    if not before:
        return []
    return [Symptom("vanishing", (
        f"gradients vanish: {len(before)} of {len(norms)} layers get less than a ten-thousandth of the norm that {top} gets "
        f"({norms[top]:.1e}): {_some([f'{n} ({norms[n]:.1e})' for n in before])}. ReLU with Kaiming's initialisation, "
        "normalisation layers or residual connections keep it up"
    ))]


def _exploding(last: str, top: str, norms: Mapping[str, float]) -> list[Symptom]:
    factor = f"a factor {norms[top] / norms[last]:.1e}" if norms[last] else "any factor"
    return [Symptom("exploding", (
        f"gradients explode: from {last} ({norms[last]:.1e}) back to {top} ({norms[top]:.1e}) their norm grows by {factor}. "
        f"{CALMED}"
    ))]


def _overshot(shot: list[str], norms: Mapping[str, float], weights: Mapping[str, float]) -> list[Symptom]:
    if not shot:
        return []
    shown = [f"{n} ({norms[n]:.1e}, weights {weights[n]:.1e})" for n in shot]
    return [Symptom("exploding", f"gradients explode: in {len(shot)} of {len(norms)} layers their norm is more than 1000 times "
                                 f"that of the weights: {_some(shown)}. {CALMED}")]


def dead_symptoms(silent: Mapping[str, tuple[int, int]]) -> list[Symptom]:
    """From (units that never fire, units) by place, for the places where most are silent."""
    return [
        Symptom("dead", f"dead ReLUs: {dead} of {units} units ({100 * dead / units:.0f} %) {place} fire for no sample of the "
                        "batch. A smaller learning rate, or a leaky ReLU, keeps them alive")
        for place, (dead, units) in silent.items() if dead >= DEAD_SHARE * units
    ]


def unused_symptoms(unused: Sequence[str]) -> list[Symptom]:
    """Parameters that learn but that the loss does not depend on."""
    if not unused:
        return []
    return [Symptom("unused", f"unused parameters: the loss does not depend on {_some(unused)}, so that they never learn: "
                              "use them in the model's forward method, or freeze or remove them")]


def over_fitting(records: Sequence[EpochRecord]) -> list[Symptom]:
    """Whether the validation loss has turned up for good while the training loss went on falling, and from which epoch."""
    finite = [r for r in records if np.isfinite(r.validation_loss)]
    if not finite:
        return []
    lowest = min(finite, key=lambda r: r.validation_loss)
    later = [r for r in finite if r.epoch > lowest.epoch]
    if not later:
        return []
    now = float(np.mean([r.validation_loss for r in later[-AVERAGED:]]))
    least = max(TURNED * abs(lowest.validation_loss), OF_FIRST * abs(finite[0].validation_loss))
    if now - lowest.validation_loss <= least or not later[-1].train_loss < lowest.train_loss:
        return []
    return [Symptom("over-fitting", (
        f"over-fitting from epoch {lowest.epoch + 1} on: the validation loss rose from {lowest.validation_loss:.4g} (epoch "
        f"{lowest.epoch}) to {later[-1].validation_loss:.4g} (epoch {later[-1].epoch}) while the training loss fell from "
        f"{lowest.train_loss:.4g} to {later[-1].train_loss:.4g}. More data, augmentation, weight decay or a smaller model "
        f"help; the weights of epoch {lowest.epoch} are better than the last"
    ))]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
