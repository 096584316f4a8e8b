"""Adam and AdamW (L 3.3): steps scaled, element by element, by running averages of the gradient and its square."""

from __future__ import annotations

import math
from typing import Any

from ..tensor import Tensor, maximum, zeros_like
from .arguments import check_betas, check_learning_rate, check_not_negative
from .optimizer import Optimizer, ParamsT


class Adam(Optimizer):
    """m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, w <- w - lr m' / (sqrt(v') + eps) (Kingma and Ba
    2014).

    m' = m / (1 - b1^t) and v' = v / (1 - b2^t) correct the start from zero at step t. `weight_decay` adds
    weight_decay w to g, or with `decoupled_weight_decay` shrinks w by the factor 1 - lr weight_decay (AdamW).
    `amsgrad` takes the largest v so far (Reddi et al. 2018). `maximize` climbs instead. `foreach`, `fused`,
    `capturable` and `differentiable` have no effect: the compiler fuses the update of all parameters.
    Raises ValueError for a negative lr, eps or weight_decay, and for betas outside [0, 1).
    """

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
        fused: bool | None = None, decoupled_weight_decay: bool = False,
    ):
        call = type(self).__name__
        check_learning_rate(lr, call)
        check_not_negative("epsilon value", eps, call)
        check_betas(betas, call)
        check_not_negative("weight_decay value", weight_decay, call)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    _counts_steps = True

    def _numbers(self, group: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        lr, step = group["lr"], state["step"]
        beta1, beta2 = group["betas"]
        return {
            "beta1": beta1, "1 - beta1": 1 - beta1, "beta2": beta2, "1 - beta2": 1 - beta2, "eps": group["eps"],
            "step size": lr / (1 - beta1**step), "correction": math.sqrt(1 - beta2**step),
            "decay": group["weight_decay"], "shrinking": lr * group["weight_decay"],
        }

    def _update(
        self, param: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any], numbers: dict[str, Tensor]
    ) -> None:
        if "exp_avg" not in state:
            _start(param, state, group["amsgrad"])
        decays = group["weight_decay"] != 0
        if decays and not group["decoupled_weight_decay"]:
            gradient = gradient + numbers["decay"] * param
        mean = state["exp_avg"].mul_(numbers["beta1"]).add_(numbers["1 - beta1"] * gradient)
        square = state["exp_avg_sq"].mul_(numbers["beta2"]).add_(numbers["1 - beta2"] * (gradient * gradient))
        if group["amsgrad"]:
            square = state["max_exp_avg_sq"].copy_(maximum(state["max_exp_avg_sq"], square))
        change = numbers["step size"] * mean / (square.sqrt() / numbers["correction"] + numbers["eps"])
        if decays and group["decoupled_weight_decay"]:
            change = change + numbers["shrinking"] * param
        param.sub_(change)


class AdamW(Adam):
    """Adam with weight decay apart from the gradient: w <- (1 - lr weight_decay) w first (Loshchilov, Hutter 2017)."""

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False,
        foreach: bool | None = None, capturable: bool = False, differentiable: bool = False,
        fused: bool | None = None,
    ):
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
            capturable=capturable, differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )


def _start(param: Tensor, state: dict[str, Any], amsgrad: bool) -> None:
    state["exp_avg"] = zeros_like(param)
    state["exp_avg_sq"] = zeros_like(param)
    if amsgrad:
        state["max_exp_avg_sq"] = zeros_like(param)
