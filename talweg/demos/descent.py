"""Gradient descent on a quadratic (L 3.3, fig. 3.2; N 2.1.2): which steps converge, how fast, and along which way.

f(x) = x^T H x / 2 with curvatures 1 and K. A step x <- x - eta H x multiplies the part of x along an axis of curvature c by
1 - eta c, so that descent converges exactly if eta < 2 / K. From eta > 1 / K on, the part along the steep axis changes its
sign at every step: the zig-zag. The best fixed step, 2 / (1 + K), leaves (K - 1) / (K + 1) of the error each time. Momentum
(Polyak, Some methods of speeding up the convergence of iteration methods, 1964) leaves (sqrt K - 1) / (sqrt K + 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

from ..data.order import uniform
from ..tensor import Tensor, from_numpy, grad
from .figures import COLOURS, FAINT, new_panels
from .shown import Claim, Shown, Table

TURNED = math.radians(30)  # the axes of the valley are not those of the paper
RATES = (0.2, 0.5, 1.0, 1.5, 1.9, 1.99, 2.01, 2.1, 2.5)  # steps, times the largest curvature
LONG = 1000  # steps after which 1.99 and 2.01 are told apart: 0.99^1000 = 4e-5, 1.01^1000 = 2e4
SOLVED = 1e-6  # of the first distance

Step = Callable[[Tensor, Tensor, Tensor], Tensor]  # (x, the gradient there, the last step) -> the next step


def run(curvature: Annotated[float, "The larger curvature; the smaller is 1."] = 12.0,
        steps: Annotated[int, "Steps that are drawn."] = 40,
        seed: Annotated[int, "Of the place to start from."] = 0) -> Shown:
    """Steps of several sizes, with exact line search, and with momentum, from one place of a long valley. Gradients are
    autograd's, in double precision.

    Raises ValueError for a curvature below 2 or above 1,000, and for fewer than 10 steps.
    """
    if not 2 <= curvature <= 1000 or steps < 10:
        raise ValueError(f"gd: --curvature must be from 2 to 1000 and --steps at least 10, got {curvature:g} and {steps}")
    valley = Valley(curvature)
    start = valley.start(seed)
    ways = {name: walk(valley, start, step, steps) for name, step in valley.methods().items()}
    sweep = {rate: far(valley, start, rate) for rate in RATES}
    needed = {name: steps_needed(valley, start, step) for name, step in valley.methods().items()}
    return Shown(
        title=f"gradient descent in a valley of curvatures 1 and {curvature:g}",
        tables=[_sweep_table(sweep), _methods_table(needed)],
        facts={"curvature": curvature, "sweep": [{"rate": r, "distance": d} for r, d in sweep.items()],
               "steps_needed": needed, "ways": {name: way.tolist() for name, way in ways.items()}},
        figures={"gd": partial(figure, valley, ways)},
        claims=claims(valley, start, ways, sweep, needed),
    )


@dataclass(frozen=True)
class Valley:
    """f(x) = x^T H x / 2, H = R diag(1, K) R^T with a rotation R."""

    curvature: float

    @property
    def axes(self) -> np.ndarray:
        """The directions of curvature 1 and K as columns (2, 2)."""
        c, s = math.cos(TURNED), math.sin(TURNED)
        return np.array([[c, -s], [s, c]])

    @property
    def hessian(self) -> np.ndarray:
        return self.axes @ np.diag([1.0, self.curvature]) @ self.axes.T

    def __call__(self, x: Tensor) -> Tensor:
        """The height at x (2,)."""
        return 0.5 * (x @ (from_numpy(self.hessian) @ x))

    def slope(self, x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        return grad(self(x), x)[0]

    def start(self, seed: int) -> np.ndarray:
        """Far out along the valley and somewhat up its side."""
        along, up = 1 + uniform(2, seed, "descent")
        return self.axes @ np.array([4 * along, up])

    def level_direction(self, x: np.ndarray) -> np.ndarray:
        """The unit tangent of the ellipse f = f(x): x = R (a cos t, b sin t) with a^2 = 2 f, b^2 = 2 f / K, by t."""
        u, v = self.axes.T @ x
        root = math.sqrt(self.curvature)
        tangent = self.axes @ np.array([-v * root, u / root])
        return tangent / np.linalg.norm(tangent)

    def methods(self) -> dict[str, Step]:
        """What `figure` draws: name -> step."""
        k = self.curvature
        pull, keep = 4 / (1 + math.sqrt(k)) ** 2, ((math.sqrt(k) - 1) / (math.sqrt(k) + 1)) ** 2
        return {
            "small: 0.2 / K": lambda x, g, last: -0.2 / k * g,
            "best: 2 / (1 + K)": lambda x, g, last: -2 / (1 + k) * g,
            "nearly too large: 1.9 / K": lambda x, g, last: -1.9 / k * g,
            "too large: 2.05 / K": lambda x, g, last: -2.05 / k * g,
            "line search": lambda x, g, last: -(g @ g) / (g @ (from_numpy(self.hessian) @ g)) * g,
            "momentum": lambda x, g, last: keep * last - pull * g,
        }


def walk(valley: Valley, start: np.ndarray, step: Step, steps: int) -> np.ndarray:
    """The places gone through, (steps + 1, 2)."""
    x = from_numpy(start)
    last, places = 0 * x, [start]
    for _ in range(steps):
        last = step(x, valley.slope(x), last)
        x = x + last
        places.append(x.numpy().copy())
    return np.array(places)


def far(valley: Valley, start: np.ndarray, rate: float) -> float:
    """The distance from the minimum after many steps of `rate` / K, over that at the start."""
    x = from_numpy(start)
    for _ in range(LONG):
        x = x - rate / valley.curvature * valley.slope(x)
    return float(np.hypot(*x.numpy()) / np.hypot(*start))  # hypot, since squares would overflow


def steps_needed(valley: Valley, start: np.ndarray, step: Step) -> int | None:
    """How many steps until the distance is SOLVED of the first, None where 4 K ln(1 / SOLVED) do not suffice."""
    x = from_numpy(start)
    last, goal = 0 * x, SOLVED * np.linalg.norm(start)
    for n in range(1, int(-6 * valley.curvature * math.log(SOLVED))):
        last = step(x, valley.slope(x), last)
        x = x + last
        distance = np.linalg.norm(x.numpy())
        if distance <= goal:
            return n
        if distance > 1e3 * np.linalg.norm(start):
            return None
    return None


def claims(valley: Valley, start: np.ndarray, ways: dict[str, np.ndarray], sweep: dict[float, float],
           needed: dict[str, int | None]) -> list[Claim]:
    """Row 26 of the acceptance table."""
    k = valley.curvature
    surprises = sum((distance < 1) != (rate < 2) for rate, distance in sweep.items())
    small, best = ways["small: 0.2 / K"], ways["best: 2 / (1 + K)"]
    lean = max(abs(_unit(b - a) @ valley.level_direction(a)) for a, b in zip(small[:10], small[1:11]))
    rates = np.linalg.norm(best[1:9], axis=1) / np.linalg.norm(best[:8], axis=1)
    steep = ways["nearly too large: 1.9 / K"] @ valley.axes[:, 1]
    corners = [abs(_unit(a) @ _unit(b)) for a, b in _pairs(np.diff(ways["line search"][:9], axis=0))]
    plain, momentum = needed["best: 2 / (1 + K)"] or math.nan, needed["momentum"] or math.nan
    return [
        Claim("step sizes that converge although eta >= 2 / K, or do not although eta < 2 / K", surprises, "<=", 0),
        Claim("|cosine| between a step and the level set it leaves", lean, "<=", 1e-12),
        Claim("best step: largest share of the distance that one step leaves", rates.max(), "<=", (k - 1) / (k + 1) + 1e-9),
        Claim("1.9 / K: share of steps that cross the valley", float(np.mean(steep[1:11] * steep[:10] < 0)), ">=", 1.0),
        Claim("line search: |cosine| between a step and the next", max(corners), "<=", 1e-6),
        Claim("steps with momentum, over steps without", momentum / plain, "<", 1.0),
    ]


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.linalg.norm(v)


def _pairs(rows: np.ndarray) -> Any:
    return zip(rows, rows[1:])


def _sweep_table(sweep: dict[float, float]) -> Table:
    rows = [["step, times K", "distance", ""]]
    rows += [[f"{r:g}", f"{d:.3g}", "converges" if d < 1 else "diverges"] for r, d in sweep.items()]
    return Table(f"distance from the minimum after {LONG} steps, over that at the start", rows)


def _methods_table(needed: dict[str, int | None]) -> Table:
    rows = [["step", "steps"], *([name, "never" if n is None else str(n)] for name, n in needed.items())]
    return Table(f"steps until the distance is {SOLVED:g} of the first", rows)


def figure(valley: Valley, ways: dict[str, np.ndarray]) -> Any:
    """The way of each method over the level sets."""
    figure, panels = new_panels(2, 3, 9.6, 6.6)
    reach = 1.15 * np.abs(next(iter(ways.values()))).max()
    line = np.linspace(-reach, reach, 161)
    x, y = np.meshgrid(line, line)
    h = valley.hessian
    height = 0.5 * (h[0, 0] * x * x + 2 * h[0, 1] * x * y + h[1, 1] * y * y)
    levels = 0.5 * np.linspace(0.4, 2.6 * reach, 14) ** 2
    for axes, (name, way) in zip(panels.flat, ways.items()):
        axes.contour(x, y, height, levels, colors=FAINT, linewidths=0.8)
        axes.plot(way[:, 0], way[:, 1], "o-", color=COLOURS[0], markersize=3, linewidth=1.2)
        axes.plot(0, 0, "+", color=COLOURS[1], markersize=10)
        axes.set_xlim(-reach, reach)
        axes.set_ylim(-reach, reach)
        axes.set_aspect("equal")
        axes.grid(False)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(f"{name}, {len(way) - 1} steps", fontsize=10)
    return figure
