"""Averages of a model's weights over training: their mean (stochastic weight averaging) or an exponential one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

from ..core.dtypes import int64
from ..nn import Module
from ..nn.batchnorm import _BatchNorm
from ..tensor import Tensor, no_grad, tensor
from ..tensor.compiled import CompiledAtOnce
from .lr_scheduler.base import LRScheduler, per_group
from .lr_scheduler.cosine import half_cosine
from .optimizer import Optimizer


def get_ema_avg_fn(decay: float = 0.999) -> Callable:
    """average <- decay average + (1 - decay) current, for one tensor. Raises ValueError unless 0 <= decay <= 1."""
    _check_decay(decay)
    return lambda averaged, current, count: decay * averaged + (1 - decay) * current


def get_swa_avg_fn() -> Callable:
    """average <- average + (current - average) / (count + 1), for one tensor."""
    return lambda averaged, current, count: averaged + (current - averaged) / (count + 1)


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable:
    """The exponential average of a list of tensors, in place. Raises ValueError unless 0 <= decay <= 1."""
    return _of_lists(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Callable:
    """The mean of a list of tensors, in place."""
    return _of_lists(get_swa_avg_fn())


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def _of_lists(average: Callable) -> Callable:
    def update(averaged: list, current: list, count: Any) -> None:
        with no_grad():
            for mine, theirs in zip(averaged, current):
                mine.copy_(average(mine, theirs, count))

    update.reads_nothing = True  # type: ignore[attr-defined]
    return update


class AveragedModel(Module):
    """A copy of a model, as `.module`, whose weights are averages of the model's: update_parameters(model) takes them in.

    `multi_avg_fn` updates lists of tensors, `avg_fn` returns one tensor's average; without both it is the mean. With
    `use_buffers` buffers are averaged too, otherwise copied. Raises AssertionError where both functions are given.
    (Izmailov et al. 2018; Polyak and Juditsky 1992.)
    """

    n_averaged: Tensor

    def __init__(self, model: Module, device: Any = None, avg_fn: Callable | None = None, multi_avg_fn: Callable | None = None,
                 use_buffers: bool = False):
        super().__init__()
        assert avg_fn is None or multi_avg_fn is None, "Only one of avg_fn and multi_avg_fn should be provided"
        self.module = deepcopy(model)
        self.register_buffer("n_averaged", tensor(0, dtype=int64))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def _values(self, model: Module) -> list[Tensor]:
        return list(chain(model.parameters(), model.buffers()) if self.use_buffers else model.parameters())

    def update_parameters(self, model: Module) -> None:
        """Take the model's present weights into the average."""
        average = self.multi_avg_fn or (_of_lists(self.avg_fn) if self.avg_fn else get_swa_multi_avg_fn())
        self._update_by(_copied if self.n_averaged.item() == 0 else average, model)

    def following(self, model: Module) -> Callable[[], None]:
        """What takes this model's present weights into the average, as one native call where its function is one of this
        file's; others may read values, which are not there then."""
        if self.avg_fn is not None or not getattr(self.multi_avg_fn or get_swa_multi_avg_fn(), "reads_nothing", False):
            return lambda: self.update_parameters(model)
        average = CompiledAtOnce(lambda: self._update_by(self.multi_avg_fn or get_swa_multi_avg_fn(), model))
        return lambda: average() if self.n_averaged.item() else self.update_parameters(model)

    def _update_by(self, average: Callable, model: Module) -> None:
        mine = [p.detach() for p in self._values(self.module)]
        theirs = [p.detach() for p in self._values(model)]
        with no_grad():
            average(mine, theirs, self.n_averaged)
            if not self.use_buffers:
                for kept, new in zip(self.module.buffers(), model.buffers()):
                    kept.copy_(new)
            self.n_averaged.add_(1)


def _copied(averaged: list, current: list, count: Any) -> None:
    for mine, theirs in zip(averaged, current):
        mine.copy_(theirs)


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Set the running statistics of batch normalisation to those of the loader's batches: averaged weights have none.

    A batch that is a tuple or list counts with its first entry.
    """
    layers = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    if not layers:
        return
    before = [layer.momentum for layer in layers]
    was_training = model.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean over all batches
    model.train()
    with no_grad():
        for batch in loader:
            model(batch[0] if isinstance(batch, (list, tuple)) else batch)
    for layer, momentum in zip(layers, before):
        layer.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """From the present rates to `swa_lr` within `anneal_epochs`, along a half cosine or a line; then constant.

    Raises ValueError for another `anneal_strategy` and for a negative or fractional anneal_epochs.
    """

    def __init__(self, optimizer: Optimizer, swa_lr: float, anneal_epochs: int = 10, anneal_strategy: str = "cos",
                 last_epoch: int = -1):
        for rate, group in zip(per_group(swa_lr, optimizer, "swa_lr"), optimizer.param_groups):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must by one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _progress(self, step: int) -> float:
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return half_cosine(0.0, 1.0, t) if self._anneal_strategy == "cos" else t

    def get_lr(self) -> list:
        step = self._step_count - 1
        step = max(1, step) if self.anneal_epochs == 0 else step
        before, now = self._progress(step - 1), self._progress(step)
        rates = []
        for group in self.optimizer.param_groups:
            goal, rate = group["swa_lr"], group["lr"]
            start = goal if before == 1 else (rate - goal * before) / (1 - before)
            rates.append(goal * now + start * (1 - now))
        return rates
