"""Vanishing and exploding gradients (L 3.4, L 4.2): what initialisation and activation do to thirty layers.

A layer multiplies the gradient by its weights and by the activation's slope. Sigmoids have slopes of at most 1/4: after 30
layers nothing is left. He's initialisation (variance 2 / inputs; He et al., Delving deep into rectifiers, 2015) makes up for
the half that ReLU cuts off, Xavier's (1 / inputs, on average with outputs; Glorot and Bengio, Understanding the difficulty of
training deep feedforward neural networks, 2010) is right for tanh. Weights g times as large multiply by g at every layer,
forward and backward: a weight's gradient, the product of both, is then as wrong in the first layer as in the last. Residual
blocks have a way past the layers. Batch norm keeps activations as they should be, and yet gradients of an untrained stack grow
by sqrt(pi / (pi - 1)) = 1.21 a layer backwards (Yang et al., A mean field theory of batch normalization, 2019).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

from .. import nn
from ..compile.engine import compile_after
from ..nn import functional as F
from ..tensor import Tensor, manual_seed, randn, sigmoid, tanh
from .figures import COLOURS, new_panels
from .shown import Claim, Shown, Table

HEALTHY = (0.1, 20.0)  # first layer's gradient over the last one's
BATCH_NORM = math.sqrt(math.pi / (math.pi - 1))
TWICE = 2.0


def run(depth: Annotated[int, "Layers."] = 30, width: Annotated[int, "Units of a layer."] = 128,
        samples: Annotated[int, "Normal random inputs."] = 256,
        seed: Annotated[int, "Of weights and inputs."] = 0) -> Shown:
    """Spread of the activations and norm of the weights' gradient layer by layer, before any training, in double precision.
    The loss is the mean product of the outputs with fixed random numbers.

    Raises ValueError for less than 10 layers, 16 units or 16 samples.
    """
    if depth < 10 or width < 16 or samples < 16:
        raise ValueError(f"depth: --depth must be at least 10, --width and --samples at least 16, got {depth}, {width} and "
                         f"{samples}")
    with compile_after(-1):  # graphs that are seen once
        found = [measure(name, stack, depth, width, samples, seed) for name, stack in STACKS.items()]
    return Shown(
        title=f"{depth} layers of {width} units before training",
        tables=[_table(found)],
        facts={"depth": depth, "width": width, "networks": [asdict(m) | {"ratio": m.ratio} for m in found]},
        figures={"depth": partial(figure, found)},
        claims=claims({m.name: m for m in found}, depth, width),
    )


class Plain(nn.Module):
    """s(W x + b)."""

    def __init__(self, width: int, initialise: Callable[[Tensor], Any] | None, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.activation = activation
        if initialise is not None:
            initialise(self.linear.weight)
            nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.linear(x))


class Residual(Plain):
    """x + s(W n(x) + b) with layer norm n: the gradient has a way past the layer (L 4.7)."""

    def __init__(self, width: int, initialise: Callable[[Tensor], Any], activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__(width, initialise, activation)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(self.norm(x))


class Normalised(Plain):
    """s(n(W x + b)) with batch norm n, which mends weights that are too large (L 4.6)."""

    def __init__(self, width: int, initialise: Callable[[Tensor], Any], activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__(width, initialise, activation)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.norm(self.linear(x)))


def he(weight: Tensor) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="relu")


def he_twice(weight: Tensor) -> None:
    nn.init.normal_(weight, 0, TWICE * math.sqrt(2 / weight.shape[1]))


STACKS: dict[str, Callable[[int], nn.Module]] = {
    "sigmoid": lambda width: Plain(width, None, sigmoid),
    "tanh, Xavier": lambda width: Plain(width, nn.init.xavier_normal_, tanh),
    "ReLU, Xavier": lambda width: Plain(width, nn.init.xavier_normal_, F.relu),
    "ReLU, He": lambda width: Plain(width, he, F.relu),
    "ReLU, twice He": lambda width: Plain(width, he_twice, F.relu),
    "ReLU, twice He, batch norm": lambda width: Normalised(width, he_twice, F.relu),
    "ReLU, He, residual": lambda width: Residual(width, he, F.relu),
}


@dataclass(frozen=True)
class Measured:
    """By layer: the root mean square of its output, and the norm of its weight's gradient."""

    name: str
    spread: list[float]
    slopes: list[float]

    @property
    def ratio(self) -> float:
        """The first layer's gradient over the last one's."""
        return self.slopes[0] / self.slopes[-1]

    @property
    def growth(self) -> float:
        """By what a layer multiplies the spread, on average from the second layer on."""
        return (self.spread[-1] / self.spread[0]) ** (1 / (len(self.spread) - 1))


def measure(name: str, layer: Callable[[int], nn.Module], depth: int, width: int, samples: int, seed: int) -> Measured:
    manual_seed(seed)
    layers = [layer(width).double() for _ in range(depth)]
    x, out = randn(samples, width).double(), randn(samples, width).double()
    spread = []
    for each in layers:
        x = each(x)
        spread.append((x * x).mean().sqrt())
    (x * out).mean().backward()
    return Measured(name, [s.item() for s in spread], [each.linear.weight.grad.norm().item() for each in layers])


def claims(found: dict[str, Measured], depth: int, width: int) -> list[Claim]:
    """Row 41 of the acceptance table. What a layer multiplies by follows from the variance of its weights."""
    # PyTorch's weights have variance 1 / (3 width): a layer leaves 1 / (4 sqrt 3) = 0.144 of the gradient.
    claims = [Claim("sigmoid: first gradient over last", found["sigmoid"].ratio, "<", 0.2 ** (depth - 1))]
    for name in ("tanh, Xavier", "ReLU, He", "ReLU, He, residual"):
        ratio = found[name].ratio
        claims += [Claim(f"{name}: the same", ratio, ">=", HEALTHY[0]), Claim(f"{name}: the same", ratio, "<=", HEALTHY[1])]
    # Over d layers of random weights the logarithm of the spread wanders by about sqrt(5 d / width) / 2.
    tolerance = 4 * math.sqrt(5 / (depth * width)) / 2 + 0.01
    for name, factor in (("ReLU, Xavier", math.sqrt(0.5)), ("ReLU, He", 1.0), ("ReLU, twice He", TWICE)):
        apart = abs(math.log(found[name].growth / factor))
        claims.append(Claim(f"{name}: factor {factor:.3f} a layer, apart in logarithm", apart, "<=", tolerance))
    normal = found["ReLU, twice He, batch norm"]
    backward = abs(math.log(normal.ratio) / (depth - 1) - math.log(BATCH_NORM))
    return [
        *claims,
        Claim("batch norm: factor 1 a layer forward, apart in logarithm", abs(math.log(normal.growth)), "<=", 0.01),
        Claim(f"batch norm: factor {BATCH_NORM:.3f} a layer backward, apart in logarithm", backward, "<=", tolerance),
    ]


def _table(found: list[Measured]) -> Table:
    rows = [["network", "factor a layer", "spread at the end", "first gradient", "last gradient", "ratio"]]
    for m in found:
        rows.append([m.name, f"{m.growth:.3f}", f"{m.spread[-1]:.2e}", f"{m.slopes[0]:.2e}", f"{m.slopes[-1]:.2e}",
                     f"{m.ratio:.2g}"])
    return Table("activations forward, gradients backward", rows)


def figure(found: list[Measured]) -> Any:
    """Spread and gradients by layer."""
    figure, ((forward, backward),) = new_panels(1, 2, 11.4, 3.8)
    colours = [*COLOURS, "#5b5f66", "#d0607f"]
    for m, colour in zip(found, colours):
        layers = range(1, len(m.spread) + 1)
        forward.semilogy(layers, m.spread, color=colour, linewidth=1.6, label=m.name)
        backward.semilogy(layers, m.slopes, color=colour, linewidth=1.6, label=m.name)
    forward.set_title("root mean square of activations")
    backward.set_title("norm of the weights' gradient")
    for axes in (forward, backward):
        axes.set_xlabel("layer")
    backward.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
