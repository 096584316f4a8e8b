"""Adam for tables of which each step touches few rows: the others stay as they are, averages included."""

from __future__ import annotations

import math
from typing import Any

from ..tensor import Tensor, where, zeros_like
from .arguments import check_betas, check_learning_rate, check_not_negative
from .optimizer import Optimizer, ParamsT


class SparseAdam(Optimizer):
    """Adam on the rows (the first dimension) whose gradient is not all zero: m, v and w of the others do not change.

    w <- w - lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps), where t counts the steps of the whole parameter. Gradients
    of an `Embedding` are ordinary tensors here: a row counts as touched if its gradient has an element that is not 0, where
    PyTorch counts the rows that were looked up. `maximize` climbs instead. Raises ValueError for lr or eps that are not
    positive, and for betas outside [0, 1).
    """

    _counts_steps = True

    def __init__(self, params: ParamsT, lr: float | Tensor = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, maximize: bool = False):
        check_learning_rate(lr, "SparseAdam")
        check_not_negative("epsilon value", eps, "SparseAdam")
        if not lr or not eps:
            raise ValueError(f"SparseAdam: lr and eps must be more than 0, got {lr} and {eps}")
        check_betas(betas, "SparseAdam")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})

    def _numbers(self, group: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        beta1, beta2 = group["betas"]
        step = state["step"]
        return {"1 - beta1": 1 - beta1, "1 - beta2": 1 - beta2, "eps": group["eps"],
                "rate": group["lr"] * math.sqrt(1 - beta2**step) / (1 - beta1**step)}

    def _update(
        self, param: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any], numbers: dict[str, Tensor]
    ) -> None:
        if "exp_avg" not in state:
            state["exp_avg"], state["exp_avg_sq"] = zeros_like(param), zeros_like(param)
        touched = _touched_rows(gradient)
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.add_(where(touched, numbers["1 - beta1"] * (gradient - mean), 0))
        square.add_(where(touched, numbers["1 - beta2"] * (gradient * gradient - square), 0))
        param.sub_(where(touched, numbers["rate"] * mean / (square.sqrt() + numbers["eps"]), 0))


def _touched_rows(gradient: Tensor) -> Tensor:
    """Whether each row has an element that is not 0: (rows, 1, ...), to be broadcast."""
    inner = tuple(range(1, gradient.dim()))
    return (gradient != 0).any(inner, True) if inner else gradient != 0
