"""Dropout as a measure of doubt (L 4.5): with units still left out at random, what the network says varies where it is unsure.

The mean of T passes with dropout approximates the prediction averaged over plausible weights (Gal and Ghahramani, Dropout as
a Bayesian approximation, 2016). The entropy of that mean, -sum_c p_c log p_c, is 0 where all passes agree on one class.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

from .. import nn
from ..data.named.photos import photos
from ..tensor import Tensor, from_numpy, manual_seed, no_grad, stack
from .figures import COLOURS, SOFT, joined, new_panels, picture
from .learning import Digits, learn, load_digits
from .ranks import auroc
from .shown import Claim, Shown, Table

KEPT = 0.8
AUROC, RIGHT = 0.85, 0.99
SHOWN = 5
SQUARE = 48  # pixels of the photograph that become 8


def run(passes: Annotated[int, "Passes with dropout."] = 50,
        dropout: Annotated[float, "Share of units left out."] = 0.5,
        epochs: Annotated[int, "Epochs of training."] = 40,
        seed: Annotated[int, "Of the digits, of weights and of what is left out."] = 0) -> Shown:
    """A multi-layer perceptron on 1,200 digits. Of 360 others, those where its entropy is high are those where it is wrong; and
    pieces of a photograph, which are no digits, get more entropy than digits do.

    Raises ValueError for less than 2 passes or 1 epoch, and for a share outside (0, 1).
    """
    if passes < 2 or epochs < 1 or not 0 < dropout < 1:
        raise ValueError(f"mc-dropout: --passes must be at least 2, --epochs at least 1 and --dropout between 0 and 1, got "
                         f"{passes}, {epochs} and {dropout:g}")
    manual_seed(seed)
    digits = load_digits(seed)
    model = network(dropout)
    learn(model, digits.x, digits.y, epochs=epochs, lr=2e-3, batch=50, seed=seed)
    found = judge(predictive(model, digits.test_x, passes), digits.test_y.numpy())
    strange = entropy(predictive(model, pieces(digits), passes))
    areas = {"wrong": auroc(found.entropy, ~found.right),
             "no digit": auroc(np.concatenate([found.entropy, strange]), np.arange(len(found.entropy) + len(strange))
                               >= len(found.entropy))}
    return Shown(
        title=f"{passes} passes with dropout {dropout:g} over {len(found.right)} digits, {found.right.mean():.1%} of them right",
        tables=[_table(found, strange)],
        facts={"passes": passes, "accuracy": found.right.mean().item(), "auroc": areas,
               "coverage": [{"kept": k, "accuracy": found.accuracy_of(k)} for k in (1.0, 0.9, 0.8, 0.7, 0.5)]},
        figures={"mc-dropout": partial(figure, digits, found, strange)},
        claims=[
            Claim("area under the curve: entropy against being wrong", areas["wrong"], ">=", AUROC),
            Claim(f"right among the {KEPT:.0%} with the smallest entropy", found.accuracy_of(KEPT), ">=", RIGHT),
            Claim("area under the curve: entropy against being no digit", areas["no digit"], ">=", AUROC),
        ],
    )


def network(dropout: float, width: int = 256) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Dropout(dropout),
                         nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 10))


def predictive(model: nn.Module, x: Tensor, passes: int) -> np.ndarray:
    """Mean probabilities (N, C) of so many passes, each leaving out units of its own."""
    model.train()  # nothing is learned; dropout is on
    with no_grad():
        drawn = stack([model(x).softmax(1) for _ in range(passes)])  # (T, N, C)
        mean = drawn.double().mean(0)
    model.eval()
    return mean.numpy()


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """-sum_c p_c log p_c in nats: (N, C) -> (N,)."""
    p = np.clip(probabilities, 1e-300, 1)
    return -(p * np.log(p)).sum(1)


@dataclass(frozen=True)
class Judged:
    """Of each test digit: mean probabilities (N, C), entropy (N,), and whether the likeliest class is right (N,)."""

    probabilities: np.ndarray
    entropy: np.ndarray
    right: np.ndarray

    def accuracy_of(self, kept: float) -> float:
        """The accuracy on the share with the smallest entropy."""
        order = np.argsort(self.entropy, kind="stable")
        return float(self.right[order[:max(1, round(kept * len(order)))]].mean())


def judge(probabilities: np.ndarray, labels: np.ndarray) -> Judged:
    return Judged(probabilities, entropy(probabilities), probabilities.argmax(1) == labels)


def pieces(digits: Digits) -> Tensor:
    """Squares of a photograph as 8x8 pixels, spread over the range of the digits' pixels and scaled like them: (N, 1, 8, 8)."""
    grey = photos().train.mean(2)  # (427, 640)
    rows, columns = (n // SQUARE for n in grey.shape)
    cut = grey[:rows * SQUARE, :columns * SQUARE].reshape(rows, 8, SQUARE // 8, columns, 8, SQUARE // 8)
    blocks = cut.mean((2, 5)).transpose(0, 2, 1, 3).reshape(-1, 1, 8, 8)
    low, high = (f(blocks, axis=(2, 3), keepdims=True) for f in (np.min, np.max))
    spread = (blocks - low) / np.maximum(high - low, 1)
    return from_numpy(((spread - digits.mean) / digits.std).astype(np.float32))


def _table(found: Judged, strange: np.ndarray) -> Table:
    rows = [["inputs", "number", "median entropy", "largest"]]
    wrong = ~found.right
    for name, values in (("digits told right", found.entropy[found.right]), ("digits told wrong", found.entropy[wrong]),
                         ("pieces of a photograph", strange)):
        words = [f"{np.median(values):.3f}", f"{values.max():.3f}"] if len(values) else ["", ""]
        rows.append([name, str(len(values)), *words])
    return Table("entropy of the mean prediction, in nats (of ten equal chances: 2.303)", rows)


def figure(digits: Digits, found: Judged, strange: np.ndarray) -> Any:
    """Entropies; accuracy by how many are kept; the digits with the largest entropy and what is said of them."""
    figure, panels = new_panels(2, SHOWN + 2, 12.0, 4.2)
    _draw_entropies(joined(figure, panels, slice(0, 1), slice(0, 2)), found, strange)
    _draw_coverage(joined(figure, panels, slice(1, 2), slice(0, 2)), found)
    images = digits.test_x.numpy()[:, 0] * digits.std + digits.mean
    for axes, bars, i in zip(panels[0, 2:], panels[1, 2:], np.argsort(-found.entropy)[:SHOWN]):
        picture(axes, images[i], f"a {digits.test_y[int(i)].item()}, entropy {found.entropy[i]:.2f}", cmap="gray_r")
        colours = [COLOURS[0] if c == digits.test_y[int(i)].item() else COLOURS[1] for c in range(10)]
        bars.bar(range(10), found.probabilities[i], color=colours)
        bars.set_xticks(range(10))
        bars.tick_params(labelsize=7)
        bars.set_ylim(0, 1)
    return figure


def _draw_entropies(axes: Any, found: Judged, strange: np.ndarray) -> None:
    edges = np.linspace(0, np.log(10), 24)
    for values, name, colour in ((found.entropy[found.right], "right", COLOURS[0]),
                                 (found.entropy[~found.right], "wrong", COLOURS[1]), (strange, "no digit", SOFT)):
        axes.hist(values, edges, weights=np.full(len(values), 1 / max(len(values), 1)), histtype="step", linewidth=1.6,
                  color=colour, label=name)
    axes.set_xlabel("entropy (nats)", fontsize=9)
    axes.set_title("share of inputs", fontsize=10)
    axes.legend(frameon=False, fontsize=8)


def _draw_coverage(axes: Any, found: Judged) -> None:
    kept = np.linspace(0.3, 1, 60)
    axes.plot(100 * kept, [100 * found.accuracy_of(k) for k in kept], color=COLOURS[0])
    axes.set_xlabel("most certain digits kept (%)", fontsize=9)
    axes.set_title("right among them (%)", fontsize=10)
