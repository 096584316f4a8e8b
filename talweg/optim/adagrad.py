"""Adagrad, Adadelta and RMSprop: steps divided by the size that each element's gradients have had."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor, full_like, zeros_like
from .arguments import check_learning_rate, check_not_negative, decayed
from .optimizer import Optimizer, ParamsT


class Adagrad(Optimizer):
    """s <- s + g^2, w <- w - lr' g / (sqrt(s) + eps), lr' = lr / (1 + (t - 1) lr_decay) (Duchi, Hazan and Singer 2011).

    `weight_decay` adds weight_decay w to g; s starts at `initial_accumulator_value`. `maximize` climbs instead. `foreach`,
    `fused` and `differentiable` have no effect. Raises ValueError for a negative setting.
    """

    _counts_steps = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ):
        check_learning_rate(lr, "Adagrad")
        check_not_negative("lr_decay value", lr_decay, "Adagrad")
        check_not_negative("weight_decay value", weight_decay, "Adagrad")
        check_not_negative("initial_accumulator_value value", initial_accumulator_value, "Adagrad")
        check_not_negative("epsilon value", eps, "Adagrad")
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        })
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param] = {"step": 0.0, "sum": full_like(param.detach(), group["initial_accumulator_value"])}

    def share_memory(self) -> None:
        """Nothing to do: state is not shared between processes."""

    def _numbers(self, group: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        rate = group["lr"] / (1 + (state["step"] - 1) * group["lr_decay"])
        return {"rate": rate, "eps": group["eps"], "decay": group["weight_decay"]}

    def _update(
        self, param: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any], numbers: dict[str, Tensor]
    ) -> None:
        if "sum" not in state:
            state["sum"] = full_like(param, group["initial_accumulator_value"])
        gradient = decayed(param, gradient, group, numbers)
        total = state["sum"].add_(gradient * gradient)
        param.sub_(numbers["rate"] * gradient / (total.sqrt() + numbers["eps"]))


class Adadelta(Optimizer):
    """v <- rho v + (1 - rho) g^2, d = g sqrt(u + eps) / sqrt(v + eps), u <- rho u + (1 - rho) d^2, w <- w - lr d (Zeiler
    2012).

    `weight_decay` adds weight_decay w to g. `maximize` climbs instead. `foreach`, `capturable` and `differentiable` have
    no effect. Raises ValueError for a negative lr, eps or weight_decay, and for rho outside [0, 1].
    """

    _counts_steps = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
        foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False, differentiable: bool = False,
    ):
        check_learning_rate(lr, "Adadelta")
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Adadelta: Invalid rho value: {rho}; it must be in [0, 1]")
        check_not_negative("epsilon value", eps, "Adadelta")
        check_not_negative("weight_decay value", weight_decay, "Adadelta")
        super().__init__(params, {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        })

    def _numbers(self, group: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        rho = group["rho"]
        return {"lr": group["lr"], "rho": rho, "1 - rho": 1 - rho, "eps": group["eps"], "decay": group["weight_decay"]}

    def _update(
        self, param: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any], numbers: dict[str, Tensor]
    ) -> None:
        if "square_avg" not in state:
            state["square_avg"], state["acc_delta"] = zeros_like(param), zeros_like(param)
        gradient = decayed(param, gradient, group, numbers)
        eps, change = numbers["eps"], state["acc_delta"]
        square = state["square_avg"].mul_(numbers["rho"]).add_(numbers["1 - rho"] * (gradient * gradient))
        delta = (change + eps).sqrt() / (square + eps).sqrt() * gradient
        change.mul_(numbers["rho"]).add_(numbers["1 - rho"] * (delta * delta))
        param.sub_(numbers["lr"] * delta)


class RMSprop(Optimizer):
    """v <- alpha v + (1 - alpha) g^2, w <- w - lr g / (sqrt(v) + eps) (Hinton 2012, lecture 6e).

    With `centered`, v less the square of the averaged gradient stands under the root (Graves 2013). With `momentum`, b <-
    momentum b + g / (sqrt(v) + eps), w <- w - lr b. `weight_decay` adds weight_decay w to g. `maximize` climbs instead.
    `foreach`, `capturable` and `differentiable` have no effect. Raises ValueError for a negative setting.
    """

    _counts_steps = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0, momentum: float = 0, centered: bool = False, capturable: bool = False,
        foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
    ):
        check_learning_rate(lr, "RMSprop")
        check_not_negative("epsilon value", eps, "RMSprop")
        check_not_negative("momentum value", momentum, "RMSprop")
        check_not_negative("weight_decay value", weight_decay, "RMSprop")
        check_not_negative("alpha value", alpha, "RMSprop")
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable,
        })

    def _numbers(self, group: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        alpha = group["alpha"]
        return {"lr": group["lr"], "alpha": alpha, "1 - alpha": 1 - alpha, "eps": group["eps"],
                "momentum": group["momentum"], "decay": group["weight_decay"]}

    def _update(
        self, param: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any], numbers: dict[str, Tensor]
    ) -> None:
        if "square_avg" not in state:
            _start_rmsprop(param, state, group)
        gradient = decayed(param, gradient, group, numbers)
        alpha, rest = numbers["alpha"], numbers["1 - alpha"]
        square = state["square_avg"].mul_(alpha).add_(rest * (gradient * gradient))
        if group["centered"]:
            mean = state["grad_avg"].mul_(alpha).add_(rest * gradient)
            square = square - mean * mean
        change = gradient / (square.sqrt() + numbers["eps"])
        if group["momentum"] > 0:
            change = state["momentum_buffer"].mul_(numbers["momentum"]).add_(change)
        param.sub_(numbers["lr"] * change)


def _start_rmsprop(param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    state["square_avg"] = zeros_like(param)
    if group["momentum"] > 0:
        state["momentum_buffer"] = zeros_like(param)
    if group["centered"]:
        state["grad_avg"] = zeros_like(param)
