"""The learning-rate finder: train a little with a rate that grows, and see where the loss is lowest (Smith 2017)."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .. import nn, optim
from ..compile.engine import compile_at_first_sight
from ..tensor import Tensor
from .state import generator_state, set_generator
from .update import Loss, Update

SMOOTHING = 0.9
DIVERGED = 4.0


@dataclass(frozen=True)
class RateCurve:
    """Losses (smoothed, nats) by learning rate, and the suggestion: a tenth of the rate of the lowest loss."""

    rates: list[float]
    losses: list[float]
    suggestion: float


def find_rate(
    model: nn.Module, loss: Loss, optimizer: Callable[[nn.Module, float], optim.Optimizer], loader: Iterable, *,
    low: float = 1e-6, high: float = 10.0, steps: int = 100,
) -> RateCurve:
    """The range test on a copy of the model: `steps` steps with rates from `low` to `high`, evenly on a logarithmic scale,
    ended early when the loss is four times the lowest. `optimizer(model, rate)` makes the optimizer. Model and random
    numbers are as before afterwards. Raises ValueError for bad bounds or an empty loader, and when the loss never falls."""
    if not 0 < low < high or steps < 10:
        raise ValueError(f"find_rate: expected 0 < low < high and 10 steps or more, got {low}, {high} and {steps}")
    random = generator_state()
    try:
        with compile_at_first_sight():
            rates, losses = _range_test(copy.deepcopy(model), loss, optimizer, loader, (low, high, steps))
    finally:
        set_generator(random)
    return RateCurve(rates, losses, suggested(rates, losses))


def _range_test(model, loss, make, loader, bounds: tuple[float, float, int]) -> tuple[list[float], list[float]]:
    low, high, steps = bounds
    chosen = make(model, low)
    shares = [group["lr"] / low for group in chosen.param_groups]
    update = Update(model, loss, chosen, None, on_nan="skip")
    rates: list[float] = []
    losses: list[float] = []
    mean, lowest = 0.0, math.inf
    for step, batch in enumerate(itertools.islice(_endless(loader), steps)):
        rate = low * (high / low) ** (step / (steps - 1))
        for group, share in zip(chosen.param_groups, shares):
            group["lr"] = rate * share
        done = update([batch])
        if done is None:
            break
        mean = SMOOTHING * mean + (1 - SMOOTHING) * done[0][0].loss
        smooth = mean / (1 - SMOOTHING ** (step + 1))
        rates.append(rate)
        losses.append(smooth)
        lowest = min(lowest, smooth)
        if smooth > DIVERGED * lowest:
            break
    return rates, losses


def _endless(loader: Iterable) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        empty = True
        for batch in loader:
            empty = False
            yield batch
        if empty:
            raise ValueError("find_rate: the loader gives no batches: is the dataset empty?")


def suggested(rates: list[float], losses: list[float]) -> float:
    """From a smoothed curve. Raises ValueError when it does not fall."""
    if len(losses) < 5 or min(losses) >= losses[0]:
        raise ValueError("find_rate: the loss did not fall at any rate: check the data and the loss, or try other bounds")
    return rates[min(range(len(losses)), key=losses.__getitem__)] / 10
