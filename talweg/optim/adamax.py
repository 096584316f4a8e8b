"""Relatives of Adam: Adamax (another norm), NAdam (Nesterov's momentum), RAdam (a careful start)."""

from __future__ import annotations

import math
from typing import Any

from ..core.dtypes import float32
from ..tensor import Tensor, maximum, ones, zeros_like
from .arguments import check_betas, check_learning_rate, check_not_negative, decayed
from .optimizer import Optimizer, ParamsT


def _check(call: str, lr: Any, betas: Any, eps: float, weight_decay: float) -> None:
    check_learning_rate(lr, call)
    check_not_negative("epsilon value", eps, call)
    check_betas(betas, call)
    check_not_negative("weight_decay value", weight_decay, call)


class Adamax(Optimizer):
    """m <- b1 m + (1 - b1) g, u <- max(b2 u, |g| + eps), w <- w - lr / (1 - b1^t) m / u (Kingma and Ba 2014, section 7).

    `weight_decay` adds weight_decay w to g. `maximize` climbs instead. `foreach`, `differentiable` and `capturable` have
    no effect. Raises ValueError for a negative lr, eps or weight_decay, and for betas outside [0, 1).
    """

    _counts_steps = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ):
        _check("Adamax", lr, betas, eps, weight_decay)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        })

    def _numbers(self, group: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        beta1, beta2 = group["betas"]
        return {"beta1": beta1, "1 - beta1": 1 - beta1, "beta2": beta2, "eps": group["eps"],
                "rate": group["lr"] / (1 - beta1 ** state["step"]), "decay": group["weight_decay"]}

    def _update(
        self, param: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any], numbers: dict[str, Tensor]
    ) -> None:
        if "exp_avg" not in state:
            state["exp_avg"], state["exp_inf"] = zeros_like(param), zeros_like(param)
        gradient = decayed(param, gradient, group, numbers)
        mean = state["exp_avg"].mul_(numbers["beta1"]).add_(numbers["1 - beta1"] * gradient)
        largest = maximum(numbers["beta2"] * state["exp_inf"], gradient.abs() + numbers["eps"])
        param.sub_(numbers["rate"] * mean / state["exp_inf"].copy_(largest))


class NAdam(Optimizer):
    """Adam whose step looks ahead as Nesterov's momentum does (Dozat 2016).

    m and v as Adam's. With mu_t = b1 (1 - 0.96^(t momentum_decay) / 2) and M_t the product of mu_1 to mu_t,
    w <- w - lr ((1 - mu_t) / (1 - M_t) g + mu_t+1 / (1 - M_t+1) m) / (sqrt(v / (1 - b2^t)) + eps). `weight_decay` adds
    weight_decay w to g, or with `decoupled_weight_decay` shrinks w first. `maximize` climbs instead. `foreach`,
    `capturable` and `differentiable` have no effect. Raises ValueError for settings out of range.
    """

    _counts_steps = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ):
        _check("NAdam", lr, betas, eps, weight_decay)
        check_not_negative("momentum_decay value", momentum_decay, "NAdam")
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize, "foreach": foreach,
            "capturable": capturable, "differentiable": differentiable,
        })

    def _numbers(self, group: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        (beta1, beta2), lr, step = group["betas"], group["lr"], state["step"]
        mu, mu_next = [beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (step, step + 1)]
        return {
            "beta1": beta1, "1 - beta1": 1 - beta1, "beta2": beta2, "1 - beta2": 1 - beta2, "eps": group["eps"],
            "mu": mu, "mu next": mu_next, "gradient rate": lr * (1 - mu), "mean rate": lr * mu_next,
            "correction": math.sqrt(1 - beta2**step), "decay": group["weight_decay"], "shrink": 1 - lr * group["weight_decay"],
        }

    def _update(
        self, param: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any], numbers: dict[str, Tensor]
    ) -> None:
        if "exp_avg" not in state:
            state["mu_product"] = ones((), dtype=float32)
            state["exp_avg"], state["exp_avg_sq"] = zeros_like(param), zeros_like(param)
        gradient = _with_decay(param, gradient, group, numbers)
        product = state["mu_product"].mul_(numbers["mu"])
        mean = state["exp_avg"].mul_(numbers["beta1"]).add_(numbers["1 - beta1"] * gradient)
        square = state["exp_avg_sq"].mul_(numbers["beta2"]).add_(numbers["1 - beta2"] * (gradient * gradient))
        by_gradient = numbers["gradient rate"] / (1 - product) * gradient
        by_mean = numbers["mean rate"] / (1 - product * numbers["mu next"]) * mean
        param.sub_((by_gradient + by_mean) / (square.sqrt() / numbers["correction"] + numbers["eps"]))


class RAdam(Optimizer):
    """Adam that divides by sqrt(v) only once enough gradients have been seen for that to be a good estimate (Liu et al.
    2019).

    With r_inf = 2 / (1 - b2) - 1 and r_t = r_inf - 2 t b2^t / (1 - b2^t): where r_t > 5, Adam's step times
    sqrt((r_t - 4)(r_t - 2) r_inf / ((r_inf - 4)(r_inf - 2) r_t)); before that w <- w - lr m / (1 - b1^t). Settings as
    NAdam's. Raises ValueError for settings out of range.
    """

    _counts_steps = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ):
        _check("RAdam", lr, betas, eps, weight_decay)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        })

    def _numbers(self, group: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        (beta1, beta2), lr, step = group["betas"], group["lr"], state["step"]
        rate = lr / (1 - beta1**step)
        trust = _rectification(beta2, step)  # 0 before the estimate is good: then the plain rate counts, else the other
        return {
            "beta1": beta1, "1 - beta1": 1 - beta1, "beta2": beta2, "1 - beta2": 1 - beta2, "eps": group["eps"],
            "adaptive rate": rate * trust * math.sqrt(1 - beta2**step), "plain rate": 0.0 if trust else rate,
            "decay": group["weight_decay"], "shrink": 1 - lr * group["weight_decay"],
        }

    def _update(
        self, param: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any], numbers: dict[str, Tensor]
    ) -> None:
        if "exp_avg" not in state:
            state["exp_avg"], state["exp_avg_sq"] = zeros_like(param), zeros_like(param)
        gradient = _with_decay(param, gradient, group, numbers)
        mean = state["exp_avg"].mul_(numbers["beta1"]).add_(numbers["1 - beta1"] * gradient)
        square = state["exp_avg_sq"].mul_(numbers["beta2"]).add_(numbers["1 - beta2"] * (gradient * gradient))
        param.sub_(mean * (numbers["adaptive rate"] / (square.sqrt() + numbers["eps"]) + numbers["plain rate"]))


def _rectification(beta2: float, step: float) -> float:
    """How far the second moment can be trusted at this step: 0 to 1."""
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * step * beta2**step / (1 - beta2**step)
    if length <= 5:
        return 0.0
    return math.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))


def _with_decay(param: Tensor, gradient: Tensor, group: dict[str, Any], numbers: dict[str, Tensor]) -> Tensor:
    """Weight decay as the group wants it: the parameter shrunk here and now, or a larger gradient."""
    if group["weight_decay"] != 0 and group["decoupled_weight_decay"]:
        param.mul_(numbers["shrink"])
        return gradient
    return decayed(param, gradient, group, numbers)
