"""Averaged SGD: the mean of the parameters over the steps, which moves less than they do."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor, zeros_like
from ..tensor.tracing import each_call
from .arguments import check_learning_rate, check_not_negative, decayed
from .optimizer import Optimizer, ParamsT


class ASGD(Optimizer):
    """w <- (1 - lambd eta) w - eta g, with the average a <- a + mu (w - a) in the state as `ax` (Polyak and Juditsky 1992).

    After step t, eta = lr / (1 + lambd lr t)^alpha and mu = 1 / max(1, t - t0). `weight_decay` adds weight_decay w to g.
    `maximize` climbs instead. `foreach`, `differentiable` and `capturable` have no effect. Raises ValueError for a
    negative lr or weight_decay.
    """

    _counts_steps = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
        weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ):
        check_learning_rate(lr, "ASGD")
        check_not_negative("weight_decay value", weight_decay, "ASGD")
        super().__init__(params, {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        })

    def _update_group(self, group: dict[str, Any], params: list[Tensor]) -> None:
        super()._update_group(group, params)
        states = [self.state[param] for param in params]
        each_call(lambda: _advance(group, states))

    def _numbers(self, group: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        eta = state.get("eta", _number(group["lr"]))
        return {"eta": eta, "shrink": 1 - group["lambd"] * eta, "mu": state.get("mu", 1.0), "decay": group["weight_decay"]}

    def _update(
        self, param: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any], numbers: dict[str, Tensor]
    ) -> None:
        if "ax" not in state:
            state["eta"], state["mu"], state["ax"] = _number(group["lr"]), 1.0, zeros_like(param)
        gradient = decayed(param, gradient, group, numbers)
        param.mul_(numbers["shrink"]).sub_(numbers["eta"] * gradient)
        state["ax"].add_(numbers["mu"] * (param - state["ax"]))


def _number(value: Any) -> float:
    return value.item() if isinstance(value, Tensor) else float(value)


def _advance(group: dict[str, Any], states: list[dict[str, Any]]) -> None:
    """What the next step will use."""
    lr = _number(group["lr"])
    for state in states:
        step = state["step"]
        state["eta"] = lr / (1 + group["lambd"] * lr * step) ** group["alpha"]
        state["mu"] = 1 / max(1.0, step - group["t0"])
