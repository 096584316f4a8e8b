"""Universal approximation (L 5.1): one hidden layer comes as near to a continuous function as one likes, if it is wide enough.

With ReLU the proof can be written down: g(x) = f(t_0) + sum_k c_k relu(x - t_k) passes through f at the knots t_k when c_k is
the change of slope there; for knots h apart its error is at most h^2 max|f''| / 8 wherever f has two derivatives. Hidden units
may as well be drawn at random, and the output layer alone be fitted (Rahimi and Recht, Uniform approximation of functions with
random bases, 2008). A polynomial as activation does not do (Leshno et al., Multilayer feedforward networks with a nonpolynomial
activation function can approximate any function, 1993): with squares the network is a parabola at any width, and no parabola is
nearer than the root mean square error of the best one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Annotated, Any

import numpy as np

from ..core.dtypes import float64
from ..data.order import uniform
from ..nn import functional as F
from ..tensor import Tensor, arange, cat, from_numpy, linspace, ones, ones_like, tanh
from ..tensor.functions.solving import lstsq
from .figures import COLOURS, SOFT, new_panels
from .shown import Claim, Shown, Table

REACH = 2.0  # the interval is [-REACH, REACH]
BEND = 9.0  # max|f''| off the kink at 0, of sin 3x
WIDTHS = (8, 32, 128, 512)
NEAR, SAMPLES, DENSE = 0.02, 1001, 8001
STEEP = (2.0, 30.0)  # the hidden units' weights
KEPT = 1e-9  # singular values below it, over the largest, are rounding


def run(seed: Annotated[int, "Of the hidden units."] = 0) -> Shown:
    """sin(3x) + |x| on [-2, 2] by networks of one hidden layer with 8, 32, 128 and 512 units: with ReLU, with tanh and with
    squares as activation, hidden units drawn at random and the output layer fitted by least squares; and ReLU networks written
    down. The error is the largest distance anywhere. Double precision.
    """
    found = {name: [fitted(width, activation, seed) for width in WIDTHS] for name, activation in ACTIVATIONS.items()}
    found["ReLU, written down"] = [written_down(width) for width in WIDTHS]
    errors = {name: [sup_error(network) for network in networks] for name, networks in found.items()}
    floor = best_parabola_rms()
    return Shown(
        title="sin(3x) + |x| on [-2, 2] by one hidden layer",
        tables=[_table(errors)],
        facts={"widths": list(WIDTHS), "errors": errors, "best_parabola_rms": floor},
        figures={"uat": partial(figure, found, errors, floor)},
        claims=claims(errors, floor),
    )


def target(x: Tensor) -> Tensor:
    return (3 * x).sin() + x.abs()


def square(x: Tensor) -> Tensor:
    return x * x


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"ReLU": F.relu, "tanh": tanh, "squares": square}


@dataclass(frozen=True)
class OneHidden:
    """v^T s(a x + b) + c for x (N,): `v` (width,) is the output layer, `a` and `b` (width,) the hidden one."""

    a: Tensor
    b: Tensor
    v: Tensor
    c: Tensor
    activation: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        return hidden(x, self.a, self.b, self.activation) @ self.v + self.c  # (N, width) -> (N,)


def hidden(x: Tensor, a: Tensor, b: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
    """(N,) -> (N, width)."""
    return activation(x[:, None] * a + b)


def fitted(width: int, activation: Callable[[Tensor], Tensor], seed: int) -> OneHidden:
    """Units that bend at one random place in each of `width` equal parts of the interval; least squares on SAMPLES points."""
    u, v, w = (from_numpy(uniform(width, seed, f"hidden {part}")) for part in "uvw")
    places = REACH * (2 * (arange(width) + u) / width - 1)
    a = (STEEP[0] + (STEEP[1] - STEEP[0]) * v) * (2 * (w < 0.5) - 1)
    b = -a * places
    x = linspace(-REACH, REACH, SAMPLES, dtype=a.dtype)
    h = cat([hidden(x, a, b, activation), ones(SAMPLES, 1, dtype=a.dtype)], 1)  # (N, width + 1)
    weights = lstsq(h, target(x)[:, None], rcond=KEPT, driver="gelsd").solution[:, 0]
    return OneHidden(a, b, weights[:-1], weights[-1], activation)


def written_down(width: int) -> OneHidden:
    """The broken line through `width` + 1 points of the target, in even distances; 0 is one of them for an even width."""
    knots = linspace(-REACH, REACH, width + 1, dtype=float64)
    heights = target(knots)
    slopes = (heights[1:] - heights[:-1]) / (knots[1:] - knots[:-1])
    changes = cat([slopes[:1], slopes[1:] - slopes[:-1]])
    return OneHidden(ones_like(changes), -knots[:-1], changes, heights[0], F.relu)


def sup_error(network: OneHidden) -> float:
    """max |network - target| over points 8 times as dense as those fitted to."""
    x = linspace(-REACH, REACH, DENSE, dtype=float64)
    return (network(x) - target(x)).abs().max().item()


def best_parabola_rms() -> float:
    """Root mean square error of the parabola that has the smallest: none has a smaller largest error."""
    x = np.linspace(-REACH, REACH, DENSE)
    y = target(from_numpy(x)).numpy()
    powers = np.stack([np.ones_like(x), x, x * x], 1)
    return float(np.sqrt(np.mean((powers @ np.linalg.lstsq(powers, y, rcond=None)[0] - y) ** 2)))


def claims(errors: dict[str, list[float]], floor: float) -> list[Claim]:
    """Row 79 of the acceptance table."""
    found = [
        Claim(f"{name}: widths at which the error is not below that of the one before",
              sum(b >= a for a, b in pairwise(errors[name])), "<=", 0) for name in ("ReLU", "tanh")
    ]
    found += [Claim(f"{name}: error with {WIDTHS[-1]} units", errors[name][-1], "<", NEAR) for name in ("ReLU", "tanh")]
    bounds = [BEND * (2 * REACH / width) ** 2 / 8 for width in WIDTHS]
    shares = [e / b for e, b in zip(errors["ReLU, written down"], bounds)]
    return [
        *found,
        Claim("ReLU, written down: largest error over its bound h^2 max|f''| / 8", max(shares), "<=", 1.0),
        Claim("squares: smallest error at any width", min(errors["squares"]), ">=", floor),
    ]


def _table(errors: dict[str, list[float]]) -> Table:
    rows = [["units", *errors]]
    rows += [[str(width), *(f"{row[i]:.4f}" for row in errors.values())] for i, width in enumerate(WIDTHS)]
    return Table("largest error anywhere", rows)


def figure(found: dict[str, list[OneHidden]], errors: dict[str, list[float]], floor: float) -> Any:
    """The target with three networks, and errors by width."""
    figure, ((curves, falls),) = new_panels(1, 2, 10.6, 4.2)
    x = linspace(-REACH, REACH, 801, dtype=float64)
    curves.plot(x.numpy(), target(x).numpy(), ":", color=SOFT, linewidth=2.5, label="sin(3x) + |x|")
    shown = (("ReLU", 0), ("ReLU", len(WIDTHS) - 1), ("squares", len(WIDTHS) - 1))
    for (name, i), colour in zip(shown, (COLOURS[1], COLOURS[0], COLOURS[2])):
        curves.plot(x.numpy(), found[name][i](x).numpy(), color=colour, linewidth=1.3, label=f"{name}, {WIDTHS[i]} units")
    curves.set_xlabel("x")
    curves.legend(frameon=False, fontsize=9)
    for (name, row), colour in zip(errors.items(), (COLOURS[0], COLOURS[3], COLOURS[2], COLOURS[1])):
        falls.loglog(WIDTHS, row, "o-", color=colour, markersize=4, label=name)
    falls.axhline(floor, color=COLOURS[2], linestyle=":", linewidth=1.2, label="no parabola is nearer")
    falls.set_xticks(WIDTHS, [str(w) for w in WIDTHS])
    falls.minorticks_off()
    falls.set_xlabel("hidden units")
    falls.set_title("largest error")
    falls.legend(frameon=False, fontsize=8)
    return figure
