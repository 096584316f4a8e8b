"""Regression with basis functions (L 1.2, eq. 1.1): a problem with a closed form, which gradient descent approaches.

The model f(x; w) = sum_k w_k f_k(x) is linear in its parameters, so that the mean squared error
L(w) = |Phi w - y|^2 / N with Phi_nk = f_k(x_n) is a quadratic of w. Its minimum is where the gradient
2 Phi^T (Phi w - y) / N is zero; with Phi = Q R that is the triangular system R w = Q^T y.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

from ..tensor import Tensor, from_numpy, grad, linspace, no_grad, zeros
from ..tensor.functions.factor import eigvalsh, qr
from ..tensor.functions.solving import solve_triangular
from .figures import COLOURS, SOFT, new_figure
from .points import Points, points_of
from .shown import Claim, Shown, Table

EQUAL, NEAR = 1e-6, 0.01


def run(data: Annotated[str, "TABLE:COLUMN of scikit-learn, or `curve`."] = "diabetes:bmi",
        k: Annotated[int, "Gaussian kernels."] = 10,
        steps: Annotated[int, "Steps of gradient descent."] = 3000,
        seed: Annotated[int, "Of the order of points, and of the curve's noise."] = 0) -> Shown:
    """Gaussian kernels in even distances, weighted so that their sum fits points best: once in closed form, once by gradient
    descent with step 1 / L, L being the largest curvature. Double precision; x is scaled to [0, 1].

    Raises ValueError for unknown data, and for less than 2 kernels or 1 step.
    """
    if k < 2 or steps < 1:
        raise ValueError(f"basis: --k must be at least 2 and --steps at least 1, got {k} and {steps}")
    points = points_of(data, seed)
    phi, y = kernels(from_numpy(points.x), k), from_numpy(points.y)
    closed = closed_form(phi, y)
    descent = gradient_descent(phi, y, steps)
    loss = mean_squared_error(phi, y, closed)
    explained = 1 - loss / float(np.var(points.y))
    return Shown(
        title=f"{k} Gaussian kernels fitted to {len(points.x)} points of {data}",
        tables=[_table(loss, descent, steps)],
        facts={"data": data, "k": k, "loss": loss, "explained_variance": explained, "weights": closed.tolist(),
               "descent": {"steps": steps, "losses": descent.losses, "weights": descent.weights.tolist()}},
        figures={"basis": partial(fit_figure, points, closed)},
        notes=[f"the fit explains {100 * explained:.1f} % of the variance of y"],
        claims=claims(phi, y, closed, descent),
    )


def kernels(x: Tensor, k: int) -> Tensor:
    """exp(-(x - c)^2 / (2 s^2)) for k centres c from 0 to 1, their distance being the width s: (N,) -> (N, k)."""
    centres = linspace(0, 1, k, dtype=x.dtype)
    return (-0.5 * ((x[:, None] - centres) * (k - 1)) ** 2).exp()


def closed_form(phi: Tensor, y: Tensor) -> Tensor:
    """The weights (k,) with the smallest squared error, by the QR factorisation of phi (N, k)."""
    q, r = qr(phi)  # (N, k), (k, k)
    return solve_triangular(r, (q.T @ y)[:, None], upper=True)[:, 0]


@dataclass(frozen=True)
class Descent:
    """The weights at the end, and the loss before every step and after the last."""

    weights: Tensor
    losses: list[float]


def gradient_descent(phi: Tensor, y: Tensor, steps: int) -> Descent:
    """w <- w - dL/dw / L, from w = 0."""
    curvature = eigvalsh(2 * phi.T @ phi / len(y))[-1].item()
    w = zeros(phi.shape[1], dtype=phi.dtype, requires_grad=True)
    losses = []
    for _ in range(steps):
        loss = ((phi @ w - y) ** 2).mean()
        (slope,) = grad(loss, w)
        losses.append(loss.item())
        with no_grad():
            w -= slope / curvature
    return Descent(w.detach(), [*losses, mean_squared_error(phi, y, w)])


def mean_squared_error(phi: Tensor, y: Tensor, w: Tensor) -> float:
    return ((phi @ w - y) ** 2).mean().item()


def claims(phi: Tensor, y: Tensor, closed: Tensor, descent: Descent) -> list[Claim]:
    """Row 2 of the acceptance table. NumPy's least squares go another way, by singular values."""
    other = np.linalg.lstsq(phi.numpy(), y.numpy(), rcond=None)[0]
    apart = np.abs(closed.numpy() - other).max() / np.abs(other).max()
    loss = mean_squared_error(phi, y, closed)
    return [
        Claim("closed form apart from numpy.linalg.lstsq, relative", apart, "<=", EQUAL),
        Claim("loss of gradient descent above that of the closed form", descent.losses[-1] / loss - 1, "<=", NEAR),
        Claim("and below it, by rounding only", 1 - descent.losses[-1] / loss, "<=", 1e-12),
    ]


def _table(loss: float, descent: Descent, steps: int) -> Table:
    rows = [["steps", "mean squared error", "above the minimum"]]
    for step in sorted({0, *(10**e for e in range(6) if 10**e < steps), steps}):
        rows.append([str(step), f"{descent.losses[step]:.6g}", f"{descent.losses[step] / loss - 1:.2%}"])
    return Table(f"gradient descent; the closed form has {loss:.6g}", rows)


def fit_figure(points: Points, weights: Tensor) -> Any:
    """The points, each weighted kernel, and their sum (L, fig. 1.1)."""
    figure, axes = new_figure(7.6, 4.4)
    line = np.linspace(0, 1, 400)
    curves = kernels(from_numpy(line), len(weights)).numpy() * weights.numpy()  # (400, k)
    axes.plot(points.x, points.y, ".", color=SOFT, markersize=4, alpha=0.6, label=f"{len(points.x)} points")
    axes.plot(line, curves, color=COLOURS[1], linewidth=0.9)
    axes.plot([], [], color=COLOURS[1], linewidth=0.9, label=f"{len(weights)} kernels, times their weights")
    axes.plot(line, curves.sum(1), color=COLOURS[0], linewidth=2.2, label="their sum, the fit")
    axes.set_xlabel(f"{points.label}, scaled")
    axes.set_ylabel(points.target)
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
