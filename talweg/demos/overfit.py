"""Capacity (L 1.3): a model that is too small misses the shape of the data, one that is too large learns their noise.

Polynomials of degree 0, 1, 2, ... are nested, so that the training error can only fall with the degree. The error on other
points falls as well, and then rises. With a network it is the number of samples that is changed: what is learned by heart
is a smaller part of what is learned, the more there is to learn.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

from ..models.mlp import MLP
from ..tensor import Tensor, from_numpy, manual_seed, ones_like, stack
from .basis import closed_form, mean_squared_error
from .figures import COLOURS, SOFT, new_panels
from .learning import Digits, accuracy, learn, load_digits
from .points import CURVE, Points, points_of, truth
from .shown import Claim, Shown, Table

COUNTS = (50, 150, 450, 1200)
HIDDEN, STEPS, GAP = 100, 300, 0.10


def run(data: Annotated[str, "TABLE:COLUMN of scikit-learn, or `curve`."] = CURVE,
        points: Annotated[int, "Points to fit to; the others test."] = 20,
        degree: Annotated[int, "The largest degree, below the number of points."] = 15,
        seed: Annotated[int, "Of points, noise and weights."] = 0) -> Shown:
    """Polynomials of growing degree fitted in closed form to a few points, and their error on the other points; then a
    multi-layer perceptron trained on 50, 150, 450 and 1,200 digits, and its accuracy on these and on 360 others.

    Raises ValueError for unknown data, too few points, or a degree that is not between 2 and the number of points less 1.
    """
    if not 2 <= degree < points:
        raise ValueError(f"overfit: --degree must be from 2 to --points less 1, which is {points - 1}, got {degree}")
    cloud = points_of(data, seed)
    if points > len(cloud.x) // 2:
        raise ValueError(f"overfit: --points must leave half of the {len(cloud.x)} points of {data} for the test, got {points}")
    sweep = [fit(*cloud.split(points), n) for n in range(degree + 1)]
    networks = [network(load_digits(seed).few(count, seed), seed) for count in COUNTS]
    return Shown(
        title=f"polynomials on {points} points of {data}, a network on {COUNTS[0]} to {COUNTS[-1]} digits",
        tables=[_polynomials(sweep), _networks(networks)],
        facts={"data": data, "points": points, "polynomials": [f.facts() for f in sweep],
               "networks": [asdict(n) for n in networks]},
        figures={"overfit": partial(figure, cloud, points, sweep, networks, data == CURVE)},
        claims=claims(sweep, networks),
    )


@dataclass(frozen=True)
class Fit:
    """A polynomial's mean squared error on its own points and on others, and its weights."""

    degree: int
    train: float
    test: float
    weights: Tensor

    def facts(self) -> dict[str, Any]:
        return {"degree": self.degree, "train": self.train, "test": self.test}


@dataclass(frozen=True)
class Network:
    """The accuracy of a network on the digits it learned from and on others."""

    samples: int
    train: float
    test: float


def legendre(x: Tensor, degree: int) -> Tensor:
    """Legendre's polynomials 0 to `degree` of 2 x - 1: (N,) -> (N, degree + 1). (n + 1) P_(n+1) = (2 n + 1) u P_n - n P_(n-1)
    makes them; they span what the powers do, and are nearly orthogonal where those are nearly the same."""
    u = 2 * x - 1
    found = [ones_like(u), u]
    for n in range(1, degree):
        found.append(((2 * n + 1) * u * found[n] - n * found[n - 1]) / (n + 1))
    return stack(found[:degree + 1], 1)


def fit(train: Points, test: Points, degree: int) -> Fit:
    phi, y = legendre(from_numpy(train.x), degree), from_numpy(train.y)
    weights = closed_form(phi, y)
    other = mean_squared_error(legendre(from_numpy(test.x), degree), from_numpy(test.y), weights)
    return Fit(degree, mean_squared_error(phi, y, weights), other, weights)


def network(digits: Digits, seed: int) -> Network:
    """The same number of steps whatever the number of samples."""
    manual_seed(seed)
    model = MLP([64, HIDDEN, 10])
    batch = min(50, len(digits.x))
    learn(model, digits.x, digits.y, epochs=STEPS * batch // len(digits.x), lr=3e-3, batch=batch, seed=seed)
    return Network(len(digits.x), accuracy(model, digits.x, digits.y), accuracy(model, digits.test_x, digits.test_y))


def claims(sweep: list[Fit], networks: list[Network]) -> list[Claim]:
    """Row 4 of the acceptance table."""
    rises = sum(b.train > a.train * (1 + 1e-9) for a, b in zip(sweep, sweep[1:]))
    best = min(sweep, key=lambda f: f.test)
    few = networks[0]
    return [
        Claim("degrees at which the training error rises", rises, "<=", 0),
        Claim("degree with the smallest test error, above the first", best.degree, ">", sweep[0].degree),
        Claim("degree with the smallest test error, below the last", best.degree, "<", sweep[-1].degree),
        Claim(f"accuracy of the network on its own {few.samples} digits", few.train, ">=", 1.0),
        Claim("and by how much that is above the accuracy on others", few.train - few.test, ">=", GAP),
        Claim(f"the same with {networks[-1].samples} digits", networks[-1].train - networks[-1].test, "<", few.train - few.test),
    ]


def _polynomials(sweep: list[Fit]) -> Table:
    rows = [["degree", "training error", "test error"]]
    rows += [[str(f.degree), f"{f.train:.4g}", f"{f.test:.4g}"] for f in sweep]
    return Table("mean squared errors of polynomials", rows)


def _networks(networks: list[Network]) -> Table:
    rows = [["digits", "training accuracy", "test accuracy", "gap"]]
    rows += [[str(n.samples), f"{n.train:.1%}", f"{n.test:.1%}", f"{100 * (n.train - n.test):.1f} points"] for n in networks]
    return Table(f"a network of 64, {HIDDEN} and 10 units, {STEPS} steps", rows)


def figure(cloud: Points, points: int, sweep: list[Fit], networks: list[Network], known: bool) -> Any:
    """Errors by degree; three polynomials; accuracies by the number of samples."""
    figure, ((errors, fits, digits),) = new_panels(1, 3, 12.6, 3.9)
    _draw_errors(errors, sweep)
    best = min(sweep, key=lambda f: f.test)
    _draw_fits(fits, cloud.split(points)[0], [sweep[1] if best.degree > 1 else sweep[0], best, sweep[-1]], known)
    counts = [n.samples for n in networks]
    digits.semilogx(counts, [n.train for n in networks], "o-", color=COLOURS[0], markersize=4, label="digits learned from")
    digits.semilogx(counts, [n.test for n in networks], "o-", color=COLOURS[1], markersize=4, label="other digits")
    digits.set_xticks(counts, [str(c) for c in counts])
    digits.minorticks_off()
    digits.set_xlabel("digits to learn from")
    digits.set_title("accuracy of a network")
    digits.legend(frameon=False, fontsize=9)
    return figure


def _draw_errors(axes: Any, sweep: list[Fit]) -> None:
    degrees = [f.degree for f in sweep]
    axes.semilogy(degrees, [f.train for f in sweep], "o-", color=COLOURS[0], markersize=4, label="points fitted to")
    axes.semilogy(degrees, [f.test for f in sweep], "o-", color=COLOURS[1], markersize=4, label="other points")
    axes.set_xlabel("degree")
    axes.set_title("mean squared error")
    axes.legend(frameon=False, fontsize=9)


def _draw_fits(axes: Any, train: Points, fits: list[Fit], known: bool) -> None:
    line = np.linspace(0, 1, 400)
    if known:
        axes.plot(line, truth(line), ":", color=SOFT, linewidth=1.5, label="the truth")
    axes.plot(train.x, train.y, "o", color=SOFT, markersize=4)
    for f, colour in zip(fits, COLOURS[1:]):
        curve = legendre(from_numpy(line), f.degree) @ f.weights
        axes.plot(line, curve.numpy(), color=colour, linewidth=1.6, label=f"degree {f.degree}")
    room = 0.4 * np.ptp(train.y)
    axes.set_ylim(train.y.min() - room, train.y.max() + room)
    axes.set_xlabel(train.label)
    axes.set_title("too little, enough, too much")
    axes.legend(frameon=False, fontsize=9)
