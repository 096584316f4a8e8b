"""Lines and curves between classes (N 2.1): the perceptron, logistic regression, and one hidden layer.

The perceptron turns its line whenever a point is on the wrong side, w <- w + y x. If some line leaves every point at least g
on its side, it makes at most (R / g)^2 mistakes in all, R being the largest |x| (Novikoff, On convergence proofs for perceptrons,
1962); if there is none, it never ends. Four clusters in the corners of a square, opposite ones alike (the exclusive or), are of
that kind: no line has more than three of them right (Minsky and Papert, Perceptrons, 1969). A hidden layer bends the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

from .. import nn, optim
from ..compile.engine import compile_at_first_sight
from ..data.order import permutation, uniform
from ..models.mlp import MLP
from ..nn import functional as F
from ..tensor import Tensor, cat, from_numpy, manual_seed, no_grad, tensor
from .figures import COLOURS, new_panels
from .shown import Claim, Shown, Table

SETS = ("separable", "exclusive or", "two moons")
CLUSTER = 0.35
PASSES = 100


def run(points: Annotated[int, "Points of a set."] = 200,
        steps: Annotated[int, "Steps of gradient descent."] = 400,
        seed: Annotated[int, "Of the points, their order and the weights."] = 0) -> Shown:
    """Three sets of points in the plane and three classifiers: a perceptron over up to 100 passes, logistic regression and a
    network with 16 hidden units, these by gradient descent.

    Raises ValueError for less than 20 points or 1 step.
    """
    if points < 20 or steps < 1:
        raise ValueError(f"boundary: --points must be at least 20 and --steps at least 1, got {points} and {steps}")
    found = [Trial(name, *points_of(name, points, seed)) for name in SETS]
    results = {t.name: {"perceptron": perceptron(t, seed), "logistic": descent(t, MLP([2, 1]), steps, seed),
                        "hidden layer": descent(t, MLP([2, 16, 1], "tanh"), steps, seed)} for t in found}
    return Shown(
        title=f"classifiers on {points} points in the plane",
        tables=[_table(results)],
        facts={"points": points, "sets": {name: {kind: {"accuracy": r.accuracy, "mistakes": r.mistakes}
                                                 for kind, r in row.items()} for name, row in results.items()}},
        figures={"boundary": partial(figure, found, results)},
        claims=claims(found, results),
    )


@dataclass(frozen=True)
class Trial:
    """Points x (N, 2) and their classes y (N,), -1 or 1, float64."""

    name: str
    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Result:
    """A classifier's score for points (N, 2), above 0 for class 1; its accuracy; mistakes are the perceptron's, until it made
    none any more (then `weights` are what it ended with) or its passes were over."""

    score: Any
    accuracy: float
    mistakes: int | None = None
    ended: bool = False
    weights: Tensor | None = None


def points_of(name: str, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """`separable`: two clusters far apart; `exclusive or`: four in the corners; `two moons`: half circles into each other."""
    u, v, w = (uniform(count, seed, f"{name} {part}") for part in "uvw")
    radius, angle = CLUSTER * np.sqrt(v), 2 * np.pi * w
    spread = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    y = np.where(np.arange(count) % 2, 1.0, -1.0)
    if name == "two moons":
        centre = np.stack([np.cos(np.pi * u), np.sin(np.pi * u)], 1) * y[:, None] + np.where(y[:, None] > 0, [-0.5, -0.2],
                                                                                            [0.5, 0.2])
        return from_numpy(centre + 0.4 * spread), from_numpy(y)
    side = np.where(u < 0.5, -1.0, 1.0)
    centre = np.stack([side, side * y], 1) if name == "exclusive or" else np.stack([0.6 * y, 0.4 * y], 1)
    return from_numpy(centre + spread), from_numpy(y)


def perceptron(trial: Trial, seed: int) -> Result:
    """w <- w + y x at every mistake, x having a third coordinate 1 for the offset."""
    x, y = with_one(trial.x).numpy(), trial.y.numpy()  # no gradient: one point at a time
    w, mistakes = np.zeros(3), 0
    for turn in range(PASSES):
        before = mistakes
        for i in permutation(len(x), seed, "perceptron", turn):
            if y[i] * (x[i] @ w) <= 0:
                w = w + y[i] * x[i]
                mistakes += 1
        if mistakes == before:
            break
    line = from_numpy(w)
    return Result(lambda points: with_one(points) @ line, float(np.mean((x @ w) * y > 0)), mistakes, mistakes == before, line)


def with_one(x: Tensor) -> Tensor:
    """(N, 2) -> (N, 3)."""
    return cat([x, x[:, :1] * 0 + 1], 1)


def descent(trial: Trial, model: nn.Module, steps: int, seed: int) -> Result:
    """Adam on the logistic loss mean log(1 + exp(-y s)) of the model's scores s, over all points."""
    manual_seed(seed)
    for part in model.modules():
        if isinstance(part, nn.Linear):
            part.reset_parameters()
    model.double()
    optimizer = optim.Adam(model.parameters(), 0.03)
    with compile_at_first_sight():
        for _ in range(steps):
            optimizer.zero_grad()
            F.softplus(-trial.y * model(trial.x)[:, 0]).mean().backward()
            optimizer.step()

    def score(points: Tensor) -> Tensor:
        with no_grad():
            return model(points)[:, 0]

    return Result(score, (score(trial.x) * trial.y > 0).double().mean().item())


def margin(trial: Trial, w: Tensor) -> float:
    """The smallest distance of a point from the plane w through 0, in three coordinates; below 0 if one is on the wrong side."""
    return ((with_one(trial.x) @ w) * trial.y / w.norm()).min().item()


def claims(found: list[Trial], results: dict[str, dict[str, Result]]) -> list[Claim]:
    easy, crossed, moons = (results[name] for name in SETS)
    ended = easy["perceptron"]
    radius = with_one(found[0].x).norm(dim=1).max().item()
    gap = margin(found[0], ended.weights if ended.weights is not None else tensor([0.0, 0, 0]))
    clusters = [int(((found[1].x[:, 0] * a > 0) & (found[1].x[:, 1] * b > 0)).sum().item()) for a in (-1, 1) for b in (-1, 1)]
    best_line = 1 - min(clusters) / sum(clusters)  # one cluster is wholly wrong: the diagonals cross
    return [
        Claim("separable: mistakes of the perceptron", ended.mistakes or 0, "<=", (radius / gap) ** 2 if gap > 0 else 0),
        Claim("separable: accuracy of the perceptron", ended.accuracy, ">=", 1.0),
        Claim("separable: accuracy of logistic regression", easy["logistic"].accuracy, ">=", 1.0),
        Claim("exclusive or: passes of the perceptron without a mistake", int(crossed["perceptron"].ended), "<=", 0),
        Claim("exclusive or: accuracy of logistic regression", crossed["logistic"].accuracy, "<=", best_line),
        Claim("exclusive or: accuracy of the hidden layer", crossed["hidden layer"].accuracy, ">=", 0.99),
        Claim("two moons: what the hidden layer gains over logistic regression",
              moons["hidden layer"].accuracy - moons["logistic"].accuracy, ">", 0.0),
    ]


def _table(results: dict[str, dict[str, Result]]) -> Table:
    kinds = list(results[SETS[0]])
    rows = [["points", *kinds, "mistakes of the perceptron"]]
    for name, row in results.items():
        made = row["perceptron"]
        rows.append([name, *(f"{row[k].accuracy:.1%}" for k in kinds), f"{made.mistakes}" + ("" if made.ended else ", no end")])
    return Table("accuracy on the points", rows)


def figure(found: list[Trial], results: dict[str, dict[str, Result]]) -> Any:
    """A row for each set, a column for each classifier."""
    figure, panels = new_panels(len(found), 3, 9.6, 9.4)
    for trial, row in zip(found, panels):
        reach = 1.15 * trial.x.abs().max().item()
        line = np.linspace(-reach, reach, 121)
        a, b = np.meshgrid(line, line)
        grid = from_numpy(np.stack([a.ravel(), b.ravel()], 1))
        for axes, (kind, result) in zip(row, results[trial.name].items()):
            score = result.score(grid).numpy().reshape(a.shape)
            axes.contourf(a, b, np.sign(score), levels=[-2, 0, 2], colors=[COLOURS[1], COLOURS[0]], alpha=0.16)
            axes.contour(a, b, score, levels=[0], colors="#22262b", linewidths=1.2)
            points, classes = trial.x.numpy(), trial.y.numpy()
            for value, colour in ((-1, COLOURS[1]), (1, COLOURS[0])):
                axes.plot(*points[classes == value].T, ".", color=colour, markersize=4)
            axes.set_aspect("equal")
            axes.grid(False)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_title(f"{trial.name}: {kind}, {result.accuracy:.0%}", fontsize=9)
    return figure
