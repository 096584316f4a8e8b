"""Regularity (N 8): how much a network's outputs can move when its input does.

A layer x -> W x + b stretches a distance by at most the largest singular value of W, its spectral norm, and ReLU by at most 1.
The product over the layers is a Lipschitz constant: |f(x) - f(y)| <= prod_d |W_d| |x - y|. It is larger, often much larger,
than any slope that is found. Spectral normalisation divides each W by its norm (Miyato et al., Spectral normalization for
generative adversarial networks, 2018); a gradient penalty adds the squared slope at the samples to the loss (Drucker and Le Cun,
Improving generalization performance using double backpropagation, 1992).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

from .. import nn, optim
from ..compile.engine import compile_at_first_sight
from ..data.order import permutation
from ..nn import functional as F
from ..nn.utils.parametrizations import spectral_norm
from ..tensor import Tensor, from_numpy, grad, manual_seed, no_grad, randn_like, stack
from ..tensor.functions.factor import svdvals
from .figures import COLOURS, new_panels
from .learning import Digits, accuracy, load_digits
from .shown import Claim, Shown, Table

WIDTHS = (64, 64, 64, 10)
SCALE = 8.0  # of the logits of the normalised network, whose slopes are at most 1: else no class could be likely
SETTLING = 100
NEARBY = 1e-3  # how far apart the inputs are whose difference quotients are taken


def run(epochs: Annotated[int, "Epochs of each training."] = 20,
        penalty: Annotated[float, "Weight of the squared slope of the loss."] = 2.0,
        seed: Annotated[int, "Of the digits, their order and the weights."] = 0) -> Shown:
    """Three multi-layer perceptrons on the digits: trained plainly, with spectrally normalised layers, and with a gradient
    penalty. Slopes are looked for in the Jacobians at 360 other digits, between pairs of them, and close around them.

    Raises ValueError for less than 1 epoch or a penalty that is not above 0.
    """
    if epochs < 1 or not penalty > 0:
        raise ValueError(f"regularity: --epochs must be at least 1 and --penalty above 0, got {epochs} and {penalty:g}")
    digits = load_digits(seed)
    networks = {"plain": (network(seed), 0.0), "spectral norm": (normalised(seed), 0.0),
                "gradient penalty": (network(seed), penalty)}
    for model, weight in networks.values():
        learn(model, digits, epochs, weight, seed)
        settle(model, digits)
    found = [measure(name, model, digits, SCALE if name == "spectral norm" else 1.0)
             for name, (model, _) in networks.items()]
    return Shown(
        title=f"slopes of networks of {', '.join(map(str, WIDTHS))} units on digits",
        tables=[_table(found)],
        facts={"epochs": epochs, "penalty": penalty, "networks": [asdict(m) | {"bound": m.bound} for m in found]},
        figures={"regularity": partial(figure, found)},
        claims=claims({m.name: m for m in found}),
    )


class Scaled(nn.Module):
    """c x."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


def network(seed: int) -> nn.Sequential:
    manual_seed(seed)
    layers: list[nn.Module] = [nn.Flatten()]
    for i, (a, b) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        layers += [nn.Linear(a, b)] + ([nn.ReLU()] if i < len(WIDTHS) - 2 else [])
    return nn.Sequential(*layers)


def normalised(seed: int) -> nn.Sequential:
    """Every linear layer divided by its spectral norm, which one step of power iteration a training pass follows."""
    plain = network(seed)
    layers = [spectral_norm(layer) if isinstance(layer, nn.Linear) else layer for layer in plain]
    return nn.Sequential(*layers, Scaled(SCALE))


def learn(model: nn.Module, digits: Digits, epochs: int, penalty: float, seed: int, batch: int = 50) -> None:
    """Adam on cross-entropy + penalty * mean |dL_n/dx_n|^2, L_n being the loss of sample n."""
    optimizer = optim.Adam(model.parameters(), 2e-3)
    model.train()
    with compile_at_first_sight():
        for epoch in range(epochs):
            for chosen in permutation(len(digits.x), seed, "learn", epoch).reshape(-1, batch):
                x, y = digits.x[from_numpy(chosen)].requires_grad_(penalty > 0), digits.y[from_numpy(chosen)]
                total = F.cross_entropy(model(x), y, reduction="sum")
                loss = total / batch
                if penalty:
                    (slope,) = grad(total, x, create_graph=True)
                    loss = loss + penalty * (slope * slope).sum() / batch
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    model.eval()


def settle(model: nn.Module, digits: Digits) -> None:
    """Power iteration runs behind weights that change; passes without a change of weights let it arrive."""
    model.train()
    with no_grad():
        for _ in range(SETTLING):
            model(digits.x[:1])
    model.eval()


@dataclass(frozen=True)
class Measured:
    """A network's spectral norms, what its last factor is, and the slopes found: the largest spectral norm of a Jacobian, the
    largest difference quotients between digits and close around them, and the Jacobians' mean squared Frobenius norm."""

    name: str
    accuracy: float
    norms: list[float]
    factor: float
    at_digits: float
    between: float
    around: float
    frobenius: float

    @property
    def bound(self) -> float:
        """The product of spectral norms."""
        return float(np.prod(self.norms)) * self.factor

    @property
    def steepest(self) -> float:
        return max(self.at_digits, self.between, self.around)


def measure(name: str, model: nn.Module, digits: Digits, factor: float) -> Measured:
    x = digits.test_x
    norms = [svdvals(layer.weight.detach().double())[0].item() for layer in model.modules() if isinstance(layer, nn.Linear)]
    jacobians = jacobian(model, x)  # (N, 10, 64)
    return Measured(
        name, accuracy(model, x, digits.test_y), norms, factor, svdvals(jacobians)[:, 0].max().item(), _between(model, x),
        _around(model, x), (jacobians**2).sum((1, 2)).mean().item(),
    )


def jacobian(model: nn.Module, x: Tensor) -> Tensor:
    """df_c/dx at every sample: (N, ...) -> (N, C, D). One reverse pass a class serves all samples, none of which has a part in
    another's output."""
    x = x.detach().requires_grad_()
    totals = model(x).sum(0)
    rows = [grad(total, x, retain_graph=True)[0].flatten(1) for total in totals]
    return stack(rows, 1)


def _between(model: nn.Module, x: Tensor) -> float:
    """max |f(x) - f(y)| / |x - y| over all pairs of samples."""
    with no_grad():
        out, flat = (v.double().numpy() for v in (model(x), x.flatten(1)))
    apart = [np.sqrt(((v[:, None] - v[None]) ** 2).sum(2)) for v in (out, flat)]
    return float((apart[0] / np.where(apart[1] > 0, apart[1], np.inf)).max())


def _around(model: nn.Module, x: Tensor) -> float:
    """The same between each sample and a point close to it."""
    model.double()
    x = x.double()
    step = NEARBY * randn_like(x)
    with no_grad():
        change = (model(x + step) - model(x)).norm(dim=1) / step.flatten(1).norm(dim=1)
    model.float()
    return change.max().item()


def claims(found: dict[str, Measured]) -> list[Claim]:
    """Row 125 of the acceptance table."""
    plain, normal, penalised = (found[name] for name in ("plain", "spectral norm", "gradient penalty"))
    off = max(abs(n - 1) for n in normal.norms)
    return [
        *(Claim(f"{m.name}: steepest slope found, over the product of spectral norms", m.steepest / m.bound, "<=", 1.0)
          for m in found.values()),
        Claim("spectral norm: largest distance of a layer's norm from 1", off, "<=", 0.01),
        Claim("spectral norm: bound, over that of the plain network", normal.bound / plain.bound, "<", 1.0),
        Claim("gradient penalty: mean squared Jacobian, over that of the plain network", penalised.frobenius / plain.frobenius,
              "<", 0.8),
        Claim("smallest accuracy", min(m.accuracy for m in found.values()), ">=", 0.93),
    ]


def _table(found: list[Measured]) -> Table:
    rows = [["network", "accuracy", "spectral norms", "their product", "steepest Jacobian", "between digits", "around them",
             "mean |J|^2"]]
    for m in found:
        norms = " ".join(f"{n:.2f}" for n in m.norms) + (f" x {m.factor:g}" if m.factor != 1 else "")
        slopes = [f"{v:.2f}" for v in (m.bound, m.at_digits, m.between, m.around, m.frobenius)]
        rows.append([m.name, f"{m.accuracy:.1%}", norms, *slopes])
    return Table("Lipschitz bounds and the slopes that were found (pixels have standard deviation 1)", rows)


def figure(found: list[Measured]) -> Any:
    """Bound and slopes of each network, on a logarithmic axis."""
    figure, ((bounds, norms),) = new_panels(1, 2, 10.6, 3.9)
    places = np.arange(len(found))
    kinds = (("product of spectral norms", "bound"), ("steepest Jacobian at a digit", "at_digits"),
             ("steepest pair of digits", "between"))
    for i, ((label, field), colour) in enumerate(zip(kinds, COLOURS)):
        bounds.bar(places + 0.27 * (i - 1), [getattr(m, field) for m in found], 0.25, color=colour, label=label)
    bounds.set_xticks(places, [m.name for m in found])
    bounds.set_ylim(top=1.3 * max(m.bound for m in found))
    bounds.set_title("how much outputs can move, and how much they do")
    bounds.legend(frameon=False, fontsize=8, loc="upper right")
    for m, colour in zip(found, (COLOURS[3], COLOURS[4], "#5b5f66")):
        norms.plot(range(1, len(m.norms) + 1), m.norms, "o-", color=colour, markersize=4, label=m.name)
    norms.axhline(1, color="#646c76", linestyle=":", linewidth=1.2)
    norms.set_xticks(range(1, len(found[0].norms) + 1))
    norms.set_xlabel("layer")
    norms.set_ylim(bottom=0)
    norms.set_title("spectral norms")
    norms.legend(frameon=False, fontsize=8)
    return figure
