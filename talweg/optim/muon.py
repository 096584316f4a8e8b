"""Muon: momentum whose matrix is replaced by the nearest one with equal singular values."""

from __future__ import annotations

import math
from typing import Any

from ..core.dtypes import bfloat16
from ..tensor import Tensor, zeros_like
from .arguments import check_learning_rate, check_not_negative
from .optimizer import Optimizer, ParamsT

ADJUSTMENTS = (None, "original", "match_rms_adamw")


class Muon(Optimizer):
    """b <- momentum b + (1 - momentum) g, w <- (1 - lr weight_decay) w - lr' O(b), for matrices (Jordan et al. 2024).

    O(X), with singular values near 1, comes from `ns_steps` steps X <- a X + (b A + c A A) X, A = X X^T, in bfloat16,
    with (a, b, c) = `ns_coefficients`. `nesterov` takes g + momentum (b - g) in b's place. For an (n, m) matrix lr' is
    lr sqrt(max(1, n / m)), or 0.2 lr sqrt(max(n, m)) with adjust_lr_fn="match_rms_adamw". Raises ValueError for settings
    out of range and for parameters that are no matrices.
    """

    def __init__(
        self, params: ParamsT, lr: float = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95, nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315), eps: float = 1e-7, ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ):
        check_learning_rate(lr, "Muon")
        check_not_negative("momentum", momentum, "Muon")
        check_not_negative("weight decay", weight_decay, "Muon")
        if adjust_lr_fn not in ADJUSTMENTS:
            raise ValueError(f"Muon: Adjust learning rate function {adjust_lr_fn} is not supported; it is one of {ADJUSTMENTS}")
        super().__init__(params, {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
        })
        for group in self.param_groups:
            for param in group["params"]:
                if param.dim() != 2:
                    raise ValueError(f"Muon: only supports 2D parameters, whereas we found one of shape {list(param.shape)}; "
                                     "give the others to AdamW")

    def _numbers(self, group: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        momentum, lr = group["momentum"], group["lr"]
        return {"momentum": momentum, "1 - momentum": 1 - momentum, "lr": lr, "shrink": 1 - lr * group["weight_decay"]}

    def _update(
        self, param: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any], numbers: dict[str, Tensor]
    ) -> None:
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = zeros_like(gradient)
        buffer = state["momentum_buffer"].add_(numbers["1 - momentum"] * (gradient - state["momentum_buffer"]))
        update = gradient + numbers["momentum"] * (buffer - gradient) if group["nesterov"] else buffer
        direction = orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"]).to(param.dtype)
        rows, columns = param.shape
        scale = 0.2 * math.sqrt(max(rows, columns)) if group["adjust_lr_fn"] == "match_rms_adamw" else math.sqrt(
            max(1.0, rows / columns))
        param.mul_(numbers["shrink"]).sub_(numbers["lr"] * scale * direction)


def orthogonal(matrix: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """Newton and Schulz's iteration towards U V^T of the matrix's singular value decomposition, in bfloat16."""
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.to(bfloat16)
    x = x.t() if tall else x
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.t()
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.t() if tall else x
