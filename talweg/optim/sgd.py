"""Stochastic gradient descent (L 3.3, N 1.3), with momentum."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .arguments import check_learning_rate, check_not_negative
from .optimizer import Optimizer, ParamsT


class SGD(Optimizer):
    """w <- w - lr u, with g <- g + weight_decay w, and u = g without momentum.

    With momentum a buffer b (g itself at the first step) follows b <- momentum b + (1 - dampening) g; then u
    = b, or u = g + momentum b with `nesterov` (Sutskever et al. 2013). `maximize` climbs instead. `foreach`,
    `fused` and `differentiable` have no effect: the compiler fuses the update of all parameters. Raises
    ValueError for a negative setting, and for `nesterov` without momentum or with dampening.
    """

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-3, momentum: float = 0, dampening: float = 0,
        weight_decay: float | Tensor = 0, nesterov: bool = False, *, maximize: bool = False,
        foreach: bool | None = None, differentiable: bool = False, fused: bool | None = None,
    ):
        check_learning_rate(lr, "SGD")
        check_not_negative("momentum value", momentum, "SGD")
        check_not_negative("weight_decay value", weight_decay, "SGD")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("SGD: Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize, "foreach": foreach, "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _numbers(self, group: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        momentum, dampening = group["momentum"], group["dampening"]
        return {"lr": group["lr"], "momentum": momentum, "new": 1 - dampening, "decay": group["weight_decay"]}

    def _update(
        self, param: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any], numbers: dict[str, Tensor]
    ) -> None:
        if group["weight_decay"] != 0:
            gradient = gradient + numbers["decay"] * param
        if group["momentum"] != 0:
            gradient = _with_momentum(gradient, state, group, numbers)
        param.sub_(numbers["lr"] * gradient)


def _with_momentum(
    gradient: Tensor, state: dict[str, Any], group: dict[str, Any], numbers: dict[str, Tensor]
) -> Tensor:
    momentum = numbers["momentum"]
    buffer = state.get("momentum_buffer")
    if buffer is None:
        buffer = state["momentum_buffer"] = gradient.detach().clone()
    else:
        buffer.mul_(momentum).add_(numbers["new"] * gradient if group["dampening"] != 0 else gradient)
    return gradient + momentum * buffer if group["nesterov"] else buffer
