"""Activation functions and their derivatives (L 4.3, fig. 4.5): values by formula, slopes by the reverse pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

from ..core.dtypes import float64
from ..models.blocks import ACTIVATIONS
from ..nn import functional as F
from ..tensor import Tensor, grad, linspace, sigmoid, tanh, tensor
from .figures import COLOURS, new_figure
from .shown import Claim, Shown, Table

# The book's four, then those that published models have.
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "ReLU": F.relu, "Tanh": tanh, "Leaky ReLU": F.leaky_relu, "GELU": F.gelu, "GELU, tanh form": ACTIVATIONS["gelu_new"],
    "QuickGELU": ACTIVATIONS["quick_gelu"], "SiLU": F.silu, "Sigmoid": sigmoid,
}
COLUMNS = 4
POINTS = 401


def run(reach: Annotated[float, "Values are taken between minus and plus this."] = 4.0) -> Shown:
    """Values and slopes of eight activation functions at -1, 0 and 1, where each is lowest, and their curves.

    At 0, where ReLU and Leaky ReLU have no derivative, the reverse pass gives the slope of the left side: 0 and 0.01.

    Raises ValueError for a reach that is not a positive finite number.
    """
    if not (math.isfinite(reach) and reach > 0):
        raise ValueError(f"activations: --reach must be a positive finite number, got {reach}")
    curves = [curve(name, reach) for name in FUNCTIONS]
    return Shown(
        title=f"activation functions between {-reach:g} and {reach:g}",
        tables=[_table(curves)],
        facts={"reach": reach, "functions": [c.facts() for c in curves]},
        figures={"activations": partial(figure, curves)},
        claims=_claims({c.name: c for c in curves}),
    )


@dataclass(frozen=True)
class Curve:
    """One function on a grid: its values and slopes there and at the points of `at`, and its lowest value on the grid."""

    name: str
    at: dict[float, tuple[float, float]]
    x: list[float]
    values: list[float]
    slopes: list[float]

    @property
    def lowest(self) -> float:
        return min(self.values)

    def facts(self) -> dict[str, Any]:
        return asdict(self) | {"lowest": self.lowest, "at": {f"{x:g}": pair for x, pair in self.at.items()}}


def curve(name: str, reach: float) -> Curve:
    values, slopes = values_and_slopes(name, linspace(-reach, reach, POINTS, dtype=float64))
    points = [-1.0, 0.0, 1.0]
    pairs = zip(*values_and_slopes(name, tensor(points, dtype=float64)))
    grid = linspace(-reach, reach, POINTS, dtype=float64).tolist()
    return Curve(name, dict(zip(points, pairs)), grid, values, slopes)


def values_and_slopes(name: str, x: Tensor) -> tuple[list[float], list[float]]:
    """f(x) and f'(x), element by element: the gradient of the sum of f."""
    x = x.clone().requires_grad_()
    y = FUNCTIONS[name](x)
    return y.tolist(), grad(y.sum(), x)[0].tolist()


def _claims(curves: dict[str, Curve]) -> list[Claim]:
    """Closed forms: GELU is x Phi(x), its other forms approximate it, and ReLU's slope at 0 is the left one."""
    exact = [x * (1 + math.erf(x / math.sqrt(2))) / 2 for x in curves["GELU"].x]

    def distance(name: str) -> float:
        return max(abs(a - b) for a, b in zip(curves[name].values, exact))

    return [
        Claim("GELU is x Phi(x): largest difference", distance("GELU"), "<=", 1e-12),
        Claim("its tanh form: largest difference", distance("GELU, tanh form"), "<=", 5e-4),
        Claim("QuickGELU: largest difference", distance("QuickGELU"), "<=", 0.025),
        Claim("ReLU's slope at 0", abs(curves["ReLU"].at[0.0][1]), "<=", 0.0),
    ]


def _table(curves: list[Curve]) -> Table:
    rows = [["function", "f(-1)", "f(0)", "f(1)", "f'(-1)", "f'(0)", "f'(1)", "lowest"]]
    for c in curves:
        pairs = list(c.at.values())
        numbers = [value for value, _ in pairs] + [slope for _, slope in pairs] + [c.lowest]
        rows.append([c.name, *[f"{number:.6f}" for number in numbers]])
    return Table("values, and slopes by the reverse pass", rows)


def figure(curves: list[Curve]) -> Any:
    """A panel a function, with the value drawn and the slope dashed."""
    rows = -(-len(curves) // COLUMNS)
    found, axes = new_figure(10.0, 2.5 * rows)
    axes.remove()
    panels = found.subplots(rows, COLUMNS, sharex=True, sharey=True).flatten()
    for panel, c in zip(panels, curves):
        panel.axhline(0, color="#d6d3cc", linewidth=0.8)
        panel.axvline(0, color="#d6d3cc", linewidth=0.8)
        panel.plot(c.x, c.values, color=COLOURS[0], linewidth=1.8, label="value")
        panel.plot(c.x, c.slopes, "--", color=COLOURS[1], linewidth=1.3, label="slope")
        panel.set_title(c.name, fontsize=10)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8)
        panel.set_ylim(-1.25, 3)
    panels[0].legend(frameon=False, fontsize=8, loc="upper left")
    return found
