"""Adafactor: Adam's second moment of a matrix kept as the product of a column and a row."""

from __future__ import annotations

import math
from typing import Any

from ..core.dtypes import finfo
from ..tensor import Tensor, zeros, zeros_like
from .arguments import check_learning_rate, check_not_negative
from .optimizer import Optimizer, ParamsT


class Adafactor(Optimizer):
    """w <- w - a u / max(1, rms(u) / d), u = g / sqrt(v), a = max(eps[1], rms(w)) min(lr, 1 / sqrt(t)) (Shazeer, Stern 2018).

    v averages g^2 with weight t^beta2_decay for the new value: for a vector as it is, for a matrix as its mean over the
    columns times its mean over the rows, over the mean of all. `weight_decay` shrinks w by 1 - lr weight_decay. eps[0],
    None for the dtype's own, keeps v from 0. `maximize` climbs instead; `foreach` has no effect. Raises ValueError for
    settings out of range.
    """

    _counts_steps = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-2, beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0, weight_decay: float = 0.0, *,
        foreach: bool | None = None, maximize: bool = False,
    ):
        check_learning_rate(lr, "Adafactor")
        if beta2_decay > 0.0:
            raise ValueError(f"Adafactor: beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None:
            check_not_negative("eps1", eps[0], "Adafactor")
        check_not_negative("eps2", eps[1], "Adafactor")
        if not d >= 1.0:
            raise ValueError(f"Adafactor: Clipping threshold d should be >= 1 but is: {d}")
        check_not_negative("weight_decay", weight_decay, "Adafactor")
        super().__init__(params, {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize,
        })

    def _numbers(self, group: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        lr = group["lr"].item() if isinstance(group["lr"], Tensor) else group["lr"]
        step = state["step"]
        return {"new": step ** group["beta2_decay"], "rate": min(lr, 1 / math.sqrt(step)),
                "shrink": 1 - lr * group["weight_decay"]}

    def _update(
        self, param: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any], numbers: dict[str, Tensor]
    ) -> None:
        eps1, eps2 = group["eps"]
        eps1 = finfo(param.dtype).eps if eps1 is None else eps1
        size = numbers["rate"] * (param.norm() / math.sqrt(param.numel())).clamp(min=eps2)
        if group["weight_decay"] != 0:
            param.mul_(numbers["shrink"])
        estimate = _factored if gradient.dim() > 1 else _whole
        update = gradient / estimate(gradient, state, numbers["new"], eps1).clamp(min=eps1 * eps1).sqrt()
        excess = (update.norm() / (math.sqrt(update.numel()) * group["d"])).clamp(min=1.0)
        param.sub_(size / excess * update)


def _whole(gradient: Tensor, state: dict[str, Any], new: Tensor, eps: float) -> Tensor:
    if "variance" not in state:
        state["variance"] = zeros_like(gradient)
    return state["variance"].add_(new * (gradient * gradient - state["variance"]))


def _factored(gradient: Tensor, state: dict[str, Any], new: Tensor, eps: float) -> Tensor:
    """The second moment of (..., R, C) as (..., R, 1) times (..., 1, C)."""
    *lead, rows, columns = gradient.shape
    if "row_var" not in state:
        state["row_var"] = zeros(*lead, rows, 1, dtype=gradient.dtype)
        state["col_var"] = zeros(*lead, 1, columns, dtype=gradient.dtype)
    square = gradient * gradient
    by_row = state["row_var"].add_(new * (square.mean(-1, keepdim=True) - state["row_var"]))
    by_column = state["col_var"].add_(new * (square.mean(-2, keepdim=True) - state["col_var"]))
    return by_row @ by_column / by_row.mean(-2, keepdim=True).clamp(min=eps)
