"""L-BFGS: Newton's direction from the last few steps and how they changed the gradient (Nocedal 1980)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor, cat, enable_grad, no_grad, zeros_like
from .arguments import check_learning_rate
from .line_search import Point, strong_wolfe
from .optimizer import Optimizer, ParamsT

CURVED = 1e-10  # below it a pair of changes says nothing about the curvature


class LBFGS(Optimizer):
    """step(closure) makes up to `max_iter` steps w <- w + t d with d = -H g, H from the last `history_size` changes.

    t is `lr` (at the very first step no longer than 1 / |g|_1), or what line_search_fn="strong_wolfe" finds. It ends where
    no element of g exceeds `tolerance_grad`, where step or loss change by less than `tolerance_change`, or after `max_eval`
    evaluations (None: 5/4 max_iter). The closure clears the gradients, computes the loss, calls backward and returns the
    loss. One parameter group only. Raises ValueError for more, RuntimeError for another line search.
    """

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ):
        check_learning_rate(lr, "LBFGS")
        super().__init__(params, {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn,
        })
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._all: list[Tensor] = self.param_groups[0]["params"]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._all = self.param_groups[0]["params"]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Several steps, each with one or more calls of `closure`. Returns the loss at the start."""
        if closure is None:
            raise TypeError("LBFGS.step(): give it a closure that computes the loss and its gradients")
        with no_grad():
            return _Descent(self, closure).run()

    # --- the parameters as one vector
    def _flat_gradient(self) -> Tensor:
        return cat([(zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in self._all])

    def _move(self, length: float, direction: Tensor) -> None:
        start = 0
        for p in self._all:
            p.add_(direction[start : start + p.numel()].view_as(p), alpha=length)
            start += p.numel()

    def _place(self, values: list[Tensor]) -> None:
        for p, value in zip(self._all, values):
            p.copy_(value)


class _Descent:
    """One call of step()."""

    def __init__(self, optimizer: LBFGS, closure: Callable[[], Any]):
        self.optimizer = optimizer
        self.closure = closure
        self.group = optimizer.param_groups[0]
        self.state = optimizer.state[optimizer._all[0]]
        self.state.setdefault("func_evals", 0)
        self.state.setdefault("n_iter", 0)
        self.evaluations = 0
        self.result: Any = None

    def evaluate(self) -> tuple[float, Tensor]:
        with enable_grad():
            self.result = self.closure()
        self.evaluations += 1
        self.state["func_evals"] += 1
        return float(self.result), self.optimizer._flat_gradient()

    def run(self) -> Any:
        loss, gradient = self.evaluate()
        first = self.result
        iterations = 0
        while iterations < self.group["max_iter"] and not self.is_flat(gradient):
            iterations += 1
            before = loss
            moved = self.iterate(loss, gradient, iterations)
            if moved is None:
                break
            loss, gradient, change = moved
            if (iterations == self.group["max_iter"] or self.evaluations >= self.group["max_eval"]
                    or change <= self.group["tolerance_change"] or abs(loss - before) < self.group["tolerance_change"]):
                break
        return first

    def is_flat(self, gradient: Tensor) -> bool:
        return gradient.abs().max().item() <= self.group["tolerance_grad"]

    def iterate(self, loss: float, gradient: Tensor, iteration: int) -> tuple[float, Tensor, float] | None:
        """One step: the new loss and gradient, and the largest change of a parameter. None where d does not descend."""
        state, lr = self.state, float(self.group["lr"])
        state["n_iter"] += 1
        if state["n_iter"] == 1:
            state.update(d=-gradient, old_dirs=[], old_stps=[], ro=[], H_diag=1)
        else:
            self.remember(gradient)
            state["d"] = newton_direction(gradient, state)
        state["prev_flat_grad"], state["prev_loss"] = gradient.clone(), loss
        state["t"] = min(1.0, 1.0 / gradient.abs().sum().item()) * lr if state["n_iter"] == 1 else lr
        slope = gradient.dot(state["d"]).item()
        if slope > -self.group["tolerance_change"]:
            return None
        if self.group["line_search_fn"] is None:
            self.optimizer._move(state["t"], state["d"])
            if iteration != self.group["max_iter"]:
                loss, gradient = self.evaluate()
        else:
            loss, gradient = self.search(Point(0.0, loss, gradient, slope))
        return loss, gradient, (state["d"] * state["t"]).abs().max().item()

    def remember(self, gradient: Tensor) -> None:
        """Keep the last step and the change of the gradient it made, if they show curvature."""
        state = self.state
        change, step = gradient - state["prev_flat_grad"], state["d"] * state["t"]
        curvature = change.dot(step).item()
        if curvature <= CURVED:
            return
        if len(state["old_dirs"]) == self.group["history_size"]:
            for name in ("old_dirs", "old_stps", "ro"):
                state[name].pop(0)
        state["old_dirs"].append(change)
        state["old_stps"].append(step)
        state["ro"].append(1.0 / curvature)
        state["H_diag"] = curvature / change.dot(change).item()

    def search(self, start: Point) -> tuple[float, Tensor]:
        if self.group["line_search_fn"] != "strong_wolfe":
            raise RuntimeError(f"LBFGS: line_search_fn={self.group['line_search_fn']!r}; only 'strong_wolfe' is supported")
        direction = self.state["d"]
        origin = [p.clone() for p in self.optimizer._all]

        def at(length: float) -> Point:
            self.optimizer._move(length, direction)
            value, gradient = self.evaluate()
            self.optimizer._place(origin)
            return Point(length, value, gradient, gradient.dot(direction).item())

        found, _ = strong_wolfe(at, start, self.state["t"], direction.abs().max().item())
        self.state["t"] = found.length
        self.optimizer._move(found.length, direction)
        return found.value, found.gradient


def newton_direction(gradient: Tensor, state: dict[str, Any]) -> Tensor:
    """-H g by the two loops over the remembered changes."""
    changes, steps, inverses = state["old_dirs"], state["old_stps"], state["ro"]
    d = -gradient
    weights = []
    for y, s, r in reversed(list(zip(changes, steps, inverses))):
        weights.append(s.dot(d) * r)
        d = d - weights[-1] * y
    d = d * state["H_diag"]
    for y, s, r in zip(changes, steps, inverses):
        d = d + (weights.pop() - y.dot(d) * r) * s
    return d
