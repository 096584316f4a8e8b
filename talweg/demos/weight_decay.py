"""Weight decay (L 3.1): a penalty on the squared weights, which is the logarithm of a Gaussian prior on them.

With L(w) + decay |w|^2 / 2 a step of gradient descent is w <- w - eta (g + decay w) = (1 - eta decay) w - eta g: the penalty in
the loss and the decay of the weights are one thing. With Adam, which divides by the size of past gradients, they are two
(Loshchilov and Hutter, Decoupled weight decay regularization, 2019).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

from .. import nn, optim
from ..compile.engine import compile_at_first_sight
from ..models.mlp import MLP
from ..nn import functional as F
from ..tensor import Tensor, manual_seed, no_grad
from .figures import COLOURS, new_panels
from .learning import Digits, accuracy, load_digits
from .shown import Claim, Shown, Table

DECAYS = (0.0, 1e-3, 1e-2, 3e-2, 1e-1)
FEW, RATE, SHORT = 50, 0.1, 50
WAYS = ("SGD, in the loss", "SGD, decoupled", "Adam, in the loss", "Adam, decoupled")


def run(steps: Annotated[int, "Steps of gradient descent for each decay, on all digits at once."] = 400,
        seed: Annotated[int, "Of the digits and the weights."] = 0) -> Shown:
    """A multi-layer perceptron on 50 digits by gradient descent, with weight decay from 0 to 0.1: its losses on these and on 360
    others. And 50 steps with the penalty in the loss and with the decay in the optimizer, by SGD and by Adam.

    Raises ValueError for less than 1 step.
    """
    if steps < 1:
        raise ValueError(f"weight-decay: --steps must be at least 1, got {steps}")
    digits = load_digits(seed).few(FEW, seed)
    found = [measure(digits, decay, steps, seed) for decay in DECAYS]
    ends = {way: short_run(digits, way, seed) for way in WAYS}
    return Shown(
        title=f"weight decay on {FEW} digits, {steps} steps",
        tables=[_table(found)],
        facts={"steps": steps, "sweep": [asdict(m) | {"gap": m.gap} for m in found],
               "apart": {"SGD": apart(ends, "SGD"), "Adam": apart(ends, "Adam")}},
        figures={"weight-decay": partial(figure, found)},
        claims=claims(found, ends),
    )


@dataclass(frozen=True)
class Measured:
    """Losses and accuracy at the end, and the norm of the weights."""

    decay: float
    train: float
    test: float
    accuracy: float
    norm: float

    @property
    def gap(self) -> float:
        return self.test - self.train


def network(seed: int) -> MLP:
    manual_seed(seed)
    return MLP([64, 100, 10])


def measure(digits: Digits, decay: float, steps: int, seed: int) -> Measured:
    model = network(seed)
    descend(model, optim.SGD(model.parameters(), RATE, momentum=0.9, weight_decay=decay), digits, steps)
    with no_grad():
        train = F.cross_entropy(model(digits.x), digits.y).item()
        test = F.cross_entropy(model(digits.test_x), digits.test_y).item()
    return Measured(decay, train, test, accuracy(model, digits.test_x, digits.test_y), _squares(model).sqrt().item())


def descend(model: nn.Module, optimizer: optim.Optimizer, digits: Digits, steps: int, penalty: float = 0.0) -> None:
    """Steps on cross-entropy + penalty |w|^2 / 2 over all the digits."""
    with compile_at_first_sight():
        for _ in range(steps):
            optimizer.zero_grad()
            (F.cross_entropy(model(digits.x), digits.y) + 0.5 * penalty * _squares(model)).backward()
            optimizer.step()


def short_run(digits: Digits, way: str, seed: int, decay: float = 0.01) -> Tensor:
    """All weights as one vector after a few steps of one of the four WAYS, in double precision."""
    model = network(seed).double()
    exact = Digits(digits.x.double(), digits.y, digits.test_x, digits.test_y, digits.mean, digits.std)
    decoupled = decay if way.endswith("decoupled") else 0.0
    optimizer = _plain_sgd(model, decoupled) if way.startswith("SGD") else optim.AdamW(model.parameters(), 1e-3,
                                                                                      weight_decay=decoupled)
    descend(model, optimizer, exact, SHORT, 0.0 if decoupled else decay)
    return nn.utils.parameters_to_vector(model.parameters()).detach()


class _DecoupledSGD(optim.SGD):
    """Shrinks all weights by 1 - eta decay, then steps."""

    def __init__(self, parameters: Any, rate: float, decay: float) -> None:
        super().__init__(parameters, rate)
        self.kept = 1 - rate * decay

    def step(self, closure: Any = None) -> Any:
        with no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.mul_(self.kept)
        return super().step(closure)


def _plain_sgd(model: nn.Module, decay: float) -> optim.Optimizer:
    return _DecoupledSGD(model.parameters(), RATE, decay)


def _squares(model: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).square().sum()


def apart(ends: dict[str, Tensor], kind: str) -> float:
    """The distance between the two ways, over the norm of the weights."""
    a, b = ends[f"{kind}, in the loss"], ends[f"{kind}, decoupled"]
    return ((a - b).norm() / a.norm()).item()


def claims(found: list[Measured], ends: dict[str, Tensor]) -> list[Claim]:
    """Row 21 of the acceptance table."""
    falls = sum(b.train < a.train for a, b in zip(found, found[1:]))
    plain, decayed = found[0], found[1:]
    return [
        Claim("SGD: penalty and decay apart after 50 steps, relative", apart(ends, "SGD"), "<=", 1e-12),
        Claim("Adam: the same", apart(ends, "Adam"), ">", 1e-3),
        Claim("decays at which the training loss falls", falls, "<=", 0),
        Claim("largest gap to the test loss with decay, over that without", max(m.gap for m in decayed) / plain.gap, "<", 1.0),
        Claim("smallest test loss with decay, over that without", min(m.test for m in decayed) / plain.test, "<", 1.0),
    ]


def _table(found: list[Measured]) -> Table:
    rows = [["decay", "training loss", "test loss", "gap", "test accuracy", "|w|"]]
    for m in found:
        rows.append([f"{m.decay:g}", f"{m.train:.4f}", f"{m.test:.4f}", f"{m.gap:.4f}", f"{m.accuracy:.1%}", f"{m.norm:.2f}"])
    return Table("cross-entropy in nats", rows)


def figure(found: list[Measured]) -> Any:
    """Losses and norm of the weights by decay."""
    figure, ((losses, norms),) = new_panels(1, 2, 9.6, 3.7)
    places = range(len(found))
    losses.plot(places, [m.train for m in found], "o-", color=COLOURS[0], markersize=4, label=f"the {FEW} digits learned from")
    losses.plot(places, [m.test for m in found], "o-", color=COLOURS[1], markersize=4, label="other digits")
    losses.set_title("cross-entropy")
    losses.legend(frameon=False, fontsize=9)
    norms.plot(places, [m.norm for m in found], "o-", color=COLOURS[2], markersize=4)
    norms.set_title("norm of the weights")
    for axes in (losses, norms):
        axes.set_xticks(places, [f"{m.decay:g}" for m in found])
        axes.set_xlabel("weight decay")
        axes.set_ylim(bottom=0)
    return figure
