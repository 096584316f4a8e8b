"""Adversarial examples (N 8): changes too small to see that change what a network says, and training against them.

The fast gradient sign method goes as far as it may in every pixel, x + eps sign(dL/dx) (Goodfellow et al., Explaining and
harnessing adversarial examples, 2015). Projected gradient descent takes smaller steps and comes back to the cube
|x' - x| <= eps after each (Madry et al., Towards deep learning models resistant to adversarial attacks, 2018). Who trains on
such examples learns to withstand them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

from .. import nn, optim
from ..compile.engine import compile_at_first_sight
from ..data.order import permutation
from ..models.convnet import ConvNet
from ..nn import functional as F
from ..tensor import Tensor, from_numpy, grad, manual_seed
from .figures import COLOURS, joined, new_panels, picture
from .learning import Digits, accuracy, load_digits
from .shown import Claim, Shown, Table

NETWORK = "conv16k3p1-pool2-conv32k3p1-pool2-fc64"
REACHES = (0.0, 0.05, 0.1, 0.15, 0.2)
EPSILON, STRONG, STEPS = 0.1, 0.2, 10
GAIN = 0.10
SHOWN = 6


def run(epochs: Annotated[int, "Epochs of each of the two trainings."] = 20,
        seed: Annotated[int, "Of the digits, their order and the weights."] = 0) -> Shown:
    """A convolutional network on digits, whose pixels go from 0 to 1, attacked with changes of up to 0.2 in each; and the same
    network trained on examples that attack it by 0.1, in half of every batch.

    Raises ValueError for less than 1 epoch.
    """
    if epochs < 1:
        raise ValueError(f"robustness: --epochs must be at least 1, got {epochs}")
    digits = in_pixels(load_digits(seed))
    plain, hardened = (trained(digits, epochs, seed, against) for against in (None, EPSILON))
    curves = [Curve(name, *(tuple(accuracy(model, attack(model, digits.test_x, digits.test_y, eps), digits.test_y)
                                  for eps in REACHES) for attack in (fgsm, pgd)))
              for name, model in (("plain", plain), ("adversarial", hardened))]
    attacked = pgd(plain, digits.test_x, digits.test_y, EPSILON)
    return Shown(
        title="a convolutional network on digits under attack",
        tables=[_table(curves)],
        facts={"epsilons": list(REACHES), "models": [vars(c) for c in curves]},
        figures={"robustness": partial(figure, digits, attacked, curves, plain)},
        claims=claims(digits, attacked, *curves),
    )


@dataclass(frozen=True)
class Curve:
    """Accuracies on the test digits under attacks of each of REACHES."""

    training: str
    fgsm: tuple[float, ...]
    pgd: tuple[float, ...]


def in_pixels(digits: Digits) -> Digits:
    """Pixels from 0 to 1 again, so that eps is a share of their range."""
    return Digits(digits.x * digits.std + digits.mean, digits.y, digits.test_x * digits.std + digits.mean, digits.test_y, 0, 1)


def fgsm(model: nn.Module, x: Tensor, y: Tensor, eps: float) -> Tensor:
    """x + eps sign(dL/dx), kept between 0 and 1: (N, 1, H, W) -> (N, 1, H, W)."""
    return (x + eps * _slope(model, x, y).sign()).clamp(0, 1).detach()


def pgd(model: nn.Module, x: Tensor, y: Tensor, eps: float, steps: int = STEPS) -> Tensor:
    """`steps` such steps of eps / 4, each brought back to within eps of x and between 0 and 1."""
    found = x
    for _ in range(steps):
        found = found + eps / 4 * _slope(model, found, y).sign()
        found = (x + (found - x).clamp(-eps, eps)).clamp(0, 1).detach()
    return found


def _slope(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """dL/dx; the sum over samples, since none has a part in another's loss."""
    x = x.detach().requires_grad_()
    return grad(F.cross_entropy(model(x), y, reduction="sum"), x)[0]


def trained(digits: Digits, epochs: int, seed: int, against: float | None, batch: int = 50) -> nn.Module:
    """Adam on batches of 50; with `against`, half of each batch is moved by as much, to where the present weights fail."""
    manual_seed(seed)
    model = ConvNet(NETWORK, (1, 8, 8))
    optimizer = optim.Adam(model.parameters(), 2e-3)
    with compile_at_first_sight():
        for epoch in range(epochs):
            for chosen in permutation(len(digits.x), seed, "learn", epoch).reshape(-1, batch):
                x, y = digits.x[from_numpy(chosen)], digits.y[from_numpy(chosen)]
                optimizer.zero_grad()
                _loss(model, x, y, against).backward()
                optimizer.step()
    return model.eval()


def _loss(model: nn.Module, x: Tensor, y: Tensor, against: float | None) -> Tensor:
    if against is None:
        return F.cross_entropy(model(x), y)
    half = len(x) // 2
    moved = pgd(model, x[:half], y[:half], against, steps=4)
    return 0.5 * (F.cross_entropy(model(moved), y[:half]) + F.cross_entropy(model(x[half:]), y[half:]))


def claims(digits: Digits, attacked: Tensor, plain: Curve, hardened: Curve) -> list[Claim]:
    """Row 124 of the acceptance table."""
    at, strong = REACHES.index(EPSILON), REACHES.index(STRONG)
    moved = (attacked - digits.test_x).abs().max().item()
    outside = max(attacked.max().item() - 1, -attacked.min().item())
    return [
        Claim("accuracy without an attack", plain.fgsm[0], ">=", 0.95),
        Claim(f"accuracy lost to FGSM, eps {EPSILON}", plain.fgsm[0] - plain.fgsm[at], ">=", 0.10),
        Claim(f"accuracy under FGSM, eps {STRONG}", plain.fgsm[strong], "<=", 0.60),
        Claim(f"PGD with eps {EPSILON}: accuracy above that under FGSM", plain.pgd[at] - plain.fgsm[at], "<=", 0.0),
        Claim(f"PGD with eps {EPSILON}: largest change of a pixel", moved, "<=", EPSILON + 1e-6),
        Claim("and how far pixels leave their range", outside, "<=", 0.0),
        Claim(f"accuracy regained by adversarial training, FGSM, eps {EPSILON}", hardened.fgsm[at] - plain.fgsm[at], ">=", GAIN),
        Claim("the same, PGD", hardened.pgd[at] - plain.pgd[at], ">=", GAIN),
    ]


def _table(curves: list[Curve]) -> Table:
    rows = [["training", "attack", *(f"eps {eps:g}" for eps in REACHES)]]
    rows += [[c.training, name.upper(), *(f"{a:.1%}" for a in getattr(c, name))] for c in curves for name in ("fgsm", "pgd")]
    return Table("accuracy on 360 digits", rows)


def figure(digits: Digits, attacked: Tensor, curves: list[Curve], model: nn.Module) -> Any:
    """Accuracies by eps; digits that PGD makes wrong, as they were, what is added, and as they are."""
    figure, panels = new_panels(3, SHOWN + 3, 12.6, 4.4)
    _draw_curves(joined(figure, panels, slice(0, 3), slice(0, 3)), curves)
    said = [model(x).argmax(1).numpy() for x in (digits.test_x, attacked)]
    labels = digits.test_y.numpy()
    fooled = np.flatnonzero((said[0] == labels) & (said[1] != labels))[:SHOWN]
    for column in panels[:, 3:].T:
        for axes in column:
            axes.set_axis_off()
    for column, i in zip(panels[:, 3:].T, fooled):
        before, after = digits.test_x[int(i), 0].numpy(), attacked[int(i), 0].numpy()
        picture(column[0], before, f"a {said[0][i]}", cmap="gray_r")
        picture(column[1], after - before, cmap="RdBu", vmin=-2 * EPSILON, vmax=2 * EPSILON)
        picture(column[2], after, f"called {said[1][i]}", cmap="gray_r")
    return figure


def _draw_curves(axes: Any, curves: list[Curve]) -> None:
    for curve, colour in zip(curves, COLOURS):
        for name, style in (("fgsm", "--"), ("pgd", "-")):
            axes.plot(REACHES, [100 * a for a in getattr(curve, name)], style, marker="o", markersize=3, color=colour,
                      label=f"{curve.training} training, {name.upper()}")
    axes.set_xticks(REACHES)
    axes.set_xlabel("eps")
    axes.set_title("accuracy (%)")
    axes.set_ylim(0, 102)
    axes.legend(frameon=False, fontsize=8)
