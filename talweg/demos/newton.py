"""Newton's method (N 2.2.4): the step that would be right if the loss were a quadratic, w <- w - H^-1 g.

On a quadratic it ends after one step. Near the minimum of a smooth loss the error of the next step is of the order of the
square of this one's, so that the number of right digits doubles (Boyd and Vandenberghe, Convex optimization, 2004, 9.5).
Gradient descent leaves a fixed share of the error at every step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

from ..data.named.tables import raw_table
from ..data.order import uniform
from ..nn import functional as F
from ..tensor import Tensor, cat, from_numpy, grad, no_grad, ones, zeros
from ..tensor.functions.factor import eigvalsh
from ..tensor.functions.solving import solve
from ..tensor.transforms import hessian
from .figures import COLOURS, new_figure
from .shown import Claim, Shown, Table

FLAT, MOST_STEPS = 1e-8, 12
DIFFERENCE = 1e-5  # the step of the difference quotient of gradients
FLOOR = 1e-13  # gradients below it are rounding


def run(prior: Annotated[float, "Weight of the squared weights in the loss."] = 1e-3,
        descent: Annotated[int, "Steps of gradient descent to compare with."] = 500,
        seed: Annotated[int, "Of the quadratic and of the direction for the product with the Hessian."] = 0) -> Shown:
    """Logistic regression of 569 tumours, malignant or benign, on 30 standardised measures, by Newton's method and by
    gradient descent with step 1 / L, both from zero, in double precision. Gradients and Hessians are autograd's.

    Raises ValueError for a prior that is not above 0 (the classes could then be told apart without an error by ever larger
    weights) and for less than 1 step.
    """
    if not prior > 0 or descent < 1:
        raise ValueError(f"newton: --prior must be above 0 and --descent at least 1, got {prior:g} and {descent}")
    problem = Problem(*tumours(), prior)
    by_newton, by_descent = newton(problem), gradient_descent(problem, descent)
    return Shown(
        title=f"logistic regression on breast_cancer, {problem.x.shape[1]} weights, prior {prior:g}",
        tables=[_table(by_newton, by_descent)],
        facts={"prior": prior, "newton": by_newton.slopes, "gradient_descent": by_descent.slopes,
               "order": order_of_convergence(by_newton.slopes), "weights": by_newton.w.tolist()},
        figures={"newton": partial(figure, by_newton, by_descent)},
        claims=claims(problem, by_newton, by_descent, seed),
    )


@dataclass(frozen=True)
class Problem:
    """L(w) = mean log(1 + exp(-y x.w)) + prior |w|^2 / 2 for x (N, D) with a last column of ones and y (N,) of 0 and 1."""

    x: Tensor
    y: Tensor
    prior: float

    def loss(self, w: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(self.x @ w, self.y) + 0.5 * self.prior * (w * w).sum()

    def slope(self, w: Tensor) -> Tensor:
        w = w.detach().requires_grad_()
        return grad(self.loss(w), w)[0]

    def hessian_in_closed_form(self, w: Tensor) -> np.ndarray:
        """X^T diag(p (1 - p)) X / N + prior I."""
        x, p = self.x.numpy(), 1 / (1 + np.exp(-(self.x @ w).numpy()))
        return x.T @ (x * (p * (1 - p))[:, None]) / len(x) + self.prior * np.eye(x.shape[1])


def tumours() -> tuple[Tensor, Tensor]:
    """(569, 31) and (569,): measures with mean 0 and standard deviation 1, and a column of ones."""
    x, y, _ = raw_table("breast_cancer")
    scaled = from_numpy((x - x.mean(0)) / x.std(0))
    return cat([scaled, ones(len(x), 1, dtype=scaled.dtype)], 1), from_numpy(y.astype(np.float64))


@dataclass(frozen=True)
class Way:
    """Where a method ended, and the norm of the gradient before every step and after the last."""

    w: Tensor
    slopes: list[float]


def newton(problem: Problem) -> Way:
    """Until the gradient is FLAT, and MOST_STEPS more at most."""
    w = zeros(problem.x.shape[1], dtype=problem.x.dtype)
    slopes = [_norm(problem.slope(w))]
    while slopes[-1] >= FLAT and len(slopes) <= 2 * MOST_STEPS:
        w = newton_step(problem.loss, w)
        slopes.append(_norm(problem.slope(w)))
    return Way(w, slopes)


def newton_step(loss: Any, w: Tensor) -> Tensor:
    """w - H^-1 g of a function of w (D,)."""
    here = w.detach().requires_grad_()
    (slope,) = grad(loss(here), here)
    return (w - solve(hessian(loss)(w), slope[:, None])[:, 0]).detach()


def gradient_descent(problem: Problem, steps: int) -> Way:
    """Step 1 / L with L = |X|^2 / (4 N) + prior, which no curvature of the loss exceeds."""
    x = problem.x
    curvature = eigvalsh(x.T @ x / (4 * len(x)))[-1].item() + problem.prior
    w = zeros(x.shape[1], dtype=x.dtype)
    slopes = []
    for _ in range(steps):
        slope = problem.slope(w)
        slopes.append(_norm(slope))
        with no_grad():
            w = w - slope / curvature
    return Way(w, [*slopes, _norm(problem.slope(w))])


def order_of_convergence(slopes: list[float]) -> float:
    """q in e_(t+1) ~ e_t^q, by the last three gradients that are more than rounding; 2 is quadratic, 1 is linear. Where there
    are not three, one step has gone from far away to rounding: infinity."""
    found = [s for s in slopes if s > FLOOR][-3:]
    if len(found) < 3:
        return math.inf
    a, b, c = found
    return math.log(c / b) / math.log(b / a)


def claims(problem: Problem, by_newton: Way, by_descent: Way, seed: int) -> list[Claim]:
    """Row 29 of the acceptance table."""
    w = by_newton.w
    exact = problem.hessian_in_closed_form(w)
    curvature = hessian(problem.loss)(w).numpy()
    v = from_numpy(uniform(len(w), seed, "direction") - 0.5)
    quotient = (problem.slope(w + DIFFERENCE * v) - problem.slope(w - DIFFERENCE * v)) / (2 * DIFFERENCE)
    product = hessian_vector_product(problem, w, v)
    return [
        Claim("distance from the minimum of a quadratic after one step", after_one_step(seed), "<=", 1e-10),
        Claim(f"steps until the gradient is below {FLAT:g}", len(by_newton.slopes) - 1, "<=", MOST_STEPS),
        Claim("the gradient then", by_newton.slopes[-1], "<", FLAT),
        Claim("order of convergence", order_of_convergence(by_newton.slopes), ">=", 1.8),
        Claim("autograd's Hessian apart from the closed form", np.abs(curvature - exact).max(), "<=", 1e-12),
        Claim("H v apart from the difference quotient of gradients", _norm(product - quotient) / _norm(quotient), "<=", 1e-6),
        Claim(f"the gradient after {len(by_descent.slopes) - 1} steps of gradient descent", by_descent.slopes[-1], ">",
              by_newton.slopes[-1]),
    ]


def hessian_vector_product(problem: Problem, w: Tensor, v: Tensor) -> Tensor:
    """H v as the gradient of g.v, without H (Pearlmutter, Fast exact multiplication by the Hessian, 1994)."""
    w = w.detach().requires_grad_()
    (slope,) = grad(problem.loss(w), w, create_graph=True)
    return grad(slope @ v, w)[0]


def after_one_step(seed: int, size: int = 8) -> float:
    """|w - w*| / |w*| on (w - w*)^T A (w - w*) / 2 with a positive definite A, from w = 0."""
    factor = from_numpy(uniform(size * size, seed, "quadratic").reshape(size, size) - 0.5)
    a, goal = factor @ factor.T + 0.1 * from_numpy(np.eye(size)), from_numpy(uniform(size, seed, "goal") + 0.5)
    w = newton_step(lambda w: 0.5 * ((w - goal) @ (a @ (w - goal))), 0 * goal)
    return _norm(w - goal) / _norm(goal)


def _norm(v: Tensor) -> float:
    return (v * v).sum().sqrt().item()


def _table(by_newton: Way, by_descent: Way) -> Table:
    rows = [["step", "Newton", "gradient descent"]]
    for step, slope in enumerate(by_newton.slopes):
        other = f"{by_descent.slopes[step]:.3e}" if step < len(by_descent.slopes) else ""
        rows.append([str(step), f"{slope:.3e}", other])
    rows.append([str(len(by_descent.slopes) - 1), "", f"{by_descent.slopes[-1]:.3e}"])
    return Table("norm of the gradient", rows)


def figure(by_newton: Way, by_descent: Way) -> Any:
    """Gradients by step: a line on logarithmic axes against a fall that gets steeper."""
    figure, axes = new_figure()
    axes.loglog(range(1, len(by_descent.slopes) + 1), by_descent.slopes, color=COLOURS[1], label="gradient descent")
    axes.loglog(range(1, len(by_newton.slopes) + 1), by_newton.slopes, "o-", color=COLOURS[0], markersize=4, label="Newton")
    axes.set_xlabel("gradients computed")
    axes.set_ylabel("norm of the gradient")
    axes.set_title("logistic regression on breast_cancer")
    axes.legend(frameon=False, fontsize=9)
    return figure
