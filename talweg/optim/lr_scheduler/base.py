"""What schedules share: the epoch they are at, the rates they started from, and writing rates into the groups."""

from __future__ import annotations

import warnings
from typing import Any

from ...tensor import Tensor, no_grad
from ..optimizer import Optimizer


class LRScheduler:
    """The base of all schedules. A subclass defines get_lr(): a rate for each group at self.last_epoch.

    It reads self.base_lrs, the rates at epoch 0, and the groups' present rates; _get_closed_form_lr(), if
    defined, gives the rates at any epoch from base_lrs alone. Making a schedule sets the rates of epoch 0;
    each step() goes one further. With `last_epoch` a schedule goes on where another stopped. Raises TypeError
    unless `optimizer` is an Optimizer, KeyError if `last_epoch` is given and a group lacks initial_lr.
    """

    last_epoch: int
    _is_initial = False  # whether the step being made is the constructor's own

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        self.optimizer = check_optimizer(optimizer, type(self).__name__)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: 'initial_lr' is not in param_groups[{i}], but it is needed to "
                    "resume from "
                    f"last_epoch={last_epoch}: load the optimizer's state_dict first"
                )
        self.base_lrs = [_copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list:
        """The rate of each group at self.last_epoch."""
        raise NotImplementedError(f"{type(self).__name__} must define get_lr()")

    def get_last_lr(self) -> list:
        """The rates that were set last, one a group."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch, or to `epoch`, and set the rates."""
        if self._step_count == 1 and not getattr(self.optimizer, "_opt_called", True):
            warnings.warn(
                "lr_scheduler.step() was called before optimizer.step(): the first value of the schedule is "
                "skipped. "
                "Call optimizer.step() first.",
                stacklevel=2,
            )
        self._step_count += 1
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        if epoch is None:
            self.last_epoch += 1
            rates = self.get_lr()
        else:
            self.last_epoch = epoch
            rates = self._get_closed_form_lr() if hasattr(self, "_get_closed_form_lr") else self.get_lr()
        self._set(rates)

    def _set(self, rates: list) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_rate(group, rate)
        self._last_lr = self._present()

    def _present(self) -> list:
        return [_copied(group["lr"]) for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimiser, which has a state_dict of its own."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what state_dict() gave."""
        self.__dict__.update(state_dict)


def check_optimizer(optimizer: Any, call: str) -> Optimizer:
    """The optimiser itself. Raises TypeError for anything else."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{call}: {type(optimizer).__name__} is not an Optimizer")
    return optimizer


def set_rate(group: dict[str, Any], rate: Any) -> None:
    """Write a rate into a group; a tensor stays the same object, since programs may hold it."""
    if not isinstance(group["lr"], Tensor):
        group["lr"] = rate
        return
    with no_grad():
        group["lr"].fill_(rate.item() if isinstance(rate, Tensor) else rate)


def per_group(value: Any, optimizer: Optimizer, name: str) -> list:
    """One value a group, from one for all or a list. Raises ValueError for a list of another length."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ValueError(f"expected {count} values for {name}, one a parameter group, got {len(value)}")
    return list(value)


def _copied(rate: Any) -> Any:
    return rate.detach().clone() if isinstance(rate, Tensor) else rate
