"""Rprop: steps by the gradient's sign alone, each element with a length of its own."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor, full_like, maximum, minimum, where, zeros_like
from .arguments import check_learning_rate
from .optimizer import Optimizer, ParamsT


class Rprop(Optimizer):
    """w <- w - s sign(g), where s grows by etas[1] while g keeps its sign and shrinks by etas[0], with no step, when it
    turns; s stays within step_sizes (Riedmiller and Braun 1993). For whole batches, not for noisy gradients.

    `maximize` climbs instead. `foreach`, `capturable` and `differentiable` have no effect. Raises ValueError for a negative
    lr and unless 0 < etas[0] < 1 < etas[1].
    """

    _counts_steps = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ):
        check_learning_rate(lr, "Rprop")
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Rprop: Invalid eta values: {etas[0]}, {etas[1]}; they must keep 0 < etas[0] < 1 < etas[1]")
        super().__init__(params, {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        })

    def _numbers(self, group: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        (down, up), (least, most) = group["etas"], group["step_sizes"]
        return {"down": down, "up": up, "least": least, "most": most}

    def _update(
        self, param: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any], numbers: dict[str, Tensor]
    ) -> None:
        if "prev" not in state:
            lr = group["lr"]
            state["prev"] = zeros_like(param)
            state["step_size"] = full_like(param, lr.item() if isinstance(lr, Tensor) else lr)
        agreement = gradient * state["prev"]
        factor = where(agreement > 0, numbers["up"], where(agreement < 0, numbers["down"], 1.0))
        sizes = maximum(minimum(state["step_size"] * factor, numbers["most"]), numbers["least"])
        gradient = where(agreement < 0, 0.0, gradient)
        param.sub_(gradient.sign() * state["step_size"].copy_(sizes))
        state["prev"].copy_(gradient)
