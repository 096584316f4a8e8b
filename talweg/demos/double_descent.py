"""Double descent (L 3.5): past the point where a model fits its data exactly, more parameters make it better again.

A ridge regression on random features: f(x) = a^T relu(W x) with W drawn once and a in closed form, a = (F^T F + r I)^-1 F^T Y
with a very small r. With as many features as samples there is just one way to fit all of them, and it is a bad one; with more
there are many, and the closed form takes the one with the smallest weights. Belkin et al., Reconciling modern machine
learning practice and the bias-variance trade-off, 2019.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

from ..nn import functional as F
from ..tensor import Tensor, eye, manual_seed, randn
from ..tensor.functions.solving import solve
from .figures import COLOURS, SOFT, new_panels
from .learning import load_digits
from .shown import Claim, Shown, Table

SHARES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)  # features over samples
NEAR = (0.8, 1.25)  # where the peak has to be


def run(samples: Annotated[int, "Digits to learn from."] = 100,
        ridge: Annotated[float, "Weight of the squared weights, over the number of features."] = 1e-8,
        repeats: Annotated[int, "Draws of random features that are averaged."] = 5,
        seed: Annotated[int, "Of the digits and of the features."] = 0) -> Shown:
    """Squared error (to the ten classes as unit vectors) and error rate on 360 other digits, by the number of random
    features.

    Raises ValueError for samples that are not from 20 to 1,200, a ridge that is not above 0, or less than 1 draw.
    """
    if not 20 <= samples <= 1200 or not ridge > 0 or repeats < 1:
        raise ValueError(f"double-descent: --samples must be from 20 to 1200, --ridge above 0 and --repeats at least 1, got "
                         f"{samples}, {ridge:g} and {repeats}")
    manual_seed(seed)
    digits = load_digits(seed).few(samples, seed)
    data = tuple(_rows(part) for part in (digits.x, digits.y, digits.test_x, digits.test_y))
    found = [mean([measure(data, round(share * samples), ridge) for _ in range(repeats)]) for share in SHARES]
    return Shown(
        title=f"random features on {samples} digits, mean of {repeats} draws",
        tables=[_table(found, samples)],
        facts={"samples": samples, "ridge": ridge, "sweep": [asdict(m) for m in found]},
        figures={"double-descent": partial(figure, found, samples)},
        claims=claims(found, samples),
    )


@dataclass(frozen=True)
class Measured:
    """Squared error a sample on the training and the test part, and the share of wrong answers on the test part."""

    features: int
    train: float
    test: float
    wrong: float


def _rows(part: Tensor) -> Tensor:
    """Images (N, 1, 8, 8) as (N, 64) in double precision; labels as they are."""
    return part.flatten(1).double() if part.ndim > 1 else part


def measure(data: tuple[Tensor, ...], features: int, ridge: float) -> Measured:
    x, y, test_x, test_y = data
    w = randn(x.shape[1], features, dtype=x.dtype) / x.shape[1] ** 0.5
    a = smallest_weights(F.relu(x @ w), F.one_hot(y, 10).double(), ridge * features)
    found = F.relu(test_x @ w) @ a
    wrong = (found.argmax(1) != test_y).double().mean().item()
    return Measured(features, _error(F.relu(x @ w) @ a, y), _error(found, test_y), wrong)


def smallest_weights(phi: Tensor, y: Tensor, ridge: float) -> Tensor:
    """(phi^T phi + ridge I)^-1 phi^T y for phi (N, P), y (N, C). It is phi^T (phi phi^T + ridge I)^-1 y as well: whichever
    system is smaller is solved."""
    samples, features = phi.shape
    if features <= samples:
        return solve(phi.T @ phi + ridge * eye(features, dtype=phi.dtype), phi.T @ y)
    return phi.T @ solve(phi @ phi.T + ridge * eye(samples, dtype=phi.dtype), y)


def _error(found: Tensor, labels: Tensor) -> float:
    return ((found - F.one_hot(labels, 10)) ** 2).sum(1).mean().item()


def mean(draws: list[Measured]) -> Measured:
    average = {name: sum(getattr(m, name) for m in draws) / len(draws) for name in ("train", "test", "wrong")}
    return Measured(draws[0].features, **average)


def claims(found: list[Measured], samples: int) -> list[Claim]:
    """Row 45 of the acceptance table."""
    peak = max(found, key=lambda m: m.test)
    small = [m for m in found if m.features < NEAR[0] * samples]
    return [
        Claim("features at the peak of the test error, over samples", peak.features / samples, ">=", NEAR[0]),
        Claim("the same", peak.features / samples, "<=", NEAR[1]),
        Claim("the peak, over the lowest test error with fewer features", peak.test / min(m.test for m in small), ">=", 3.0),
        Claim("test error with the most features, over that lowest one", found[-1].test / min(m.test for m in small), "<", 1.0),
        Claim("wrong answers with the most features", found[-1].wrong, "<", min(m.wrong for m in small)),
        Claim("training error with the most features", found[-1].train, "<=", 1e-6),
    ]


def _table(found: list[Measured], samples: int) -> Table:
    rows = [["features", "over samples", "training error", "test error", "wrong answers"]]
    rows += [[str(m.features), f"{m.features / samples:g}", f"{m.train:.2e}", f"{m.test:.3f}", f"{m.wrong:.1%}"] for m in found]
    return Table("squared errors by the number of features", rows)


def figure(found: list[Measured], samples: int) -> Any:
    """Both errors by the number of features, and where that is the number of samples."""
    figure, ((errors, answers),) = new_panels(1, 2, 9.6, 3.9)
    features = [m.features for m in found]
    errors.loglog(features, [m.test for m in found], "o-", color=COLOURS[1], markersize=4, label="test")
    fitted = [(m.features, m.train) for m in found if m.train > 1e-4]
    errors.loglog(*zip(*fitted), "o-", color=COLOURS[0], markersize=4, label="training (then below 0.0001)")
    errors.set_title("squared error")
    errors.legend(frameon=False, fontsize=9)
    answers.semilogx(features, [100 * m.wrong for m in found], "o-", color=COLOURS[1], markersize=4)
    answers.set_title("wrong answers on other digits (%)")
    answers.set_ylim(bottom=0)
    for axes in (errors, answers):
        axes.axvline(samples, color=SOFT, linestyle=":", linewidth=1.2)
        axes.annotate("as many as samples", (samples, 0.02), xycoords=("data", "axes fraction"), xytext=(4, 0),
                      textcoords="offset points", fontsize=8, color=SOFT)
        axes.set_xlabel("random features")
    return figure
