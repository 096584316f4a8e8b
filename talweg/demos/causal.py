"""Causal models (L 3.2, fig. 3.1): what a prediction may depend on, seen in derivatives; and the chain rule of probabilities.

A model of sequences that is to generate must not look ahead: the derivative of output s by input t is exactly 0 for t > s, and
changing token t leaves the outputs before it as they were, to the last bit. Then p(x_1 ... x_T) = prod_t p(x_t | x_1 ... x_(t-1))
is a distribution: the probabilities of all sequences of one length add up to 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Annotated, Any

import numpy as np

from .. import nn
from ..models import BERT, GPT, GPT2, RecurrentLM
from ..tensor import Tensor, grad, manual_seed, no_grad, randint, tensor
from .figures import new_panels
from .shown import Claim, Shown, Table

VOCABULARY, WIDTH = 11, 32
SYMBOLS, LENGTH = 3, 4


def run(length: Annotated[int, "Tokens of the sequence."] = 16, seed: Annotated[int, "Of weights and tokens."] = 0) -> Shown:
    """Untrained models of sequences in small: GPT, GPT-2 and an LSTM, which are causal, and BERT, which is not. The derivative of
    the outputs at each place by the embedding at each place, in double precision.

    Raises ValueError for less than 2 or more than 64 tokens.
    """
    if not 2 <= length <= 64:
        raise ValueError(f"causal: --length must be from 2 to 64, got {length}")
    found = [examine(name, model, length, seed) for name, model in MODELS.items()]
    totals = {name: total_probability(model, seed) for name, model in MODELS.items() if name != "BERT"}
    return Shown(
        title=f"what outputs depend on, over {length} tokens",
        tables=[_table(found, totals)],
        facts={"length": length, "models": [{"name": f.name, "ahead": f.ahead, "changed": f.changed,
                                             "derivatives": f.sizes.tolist()} for f in found], "total_probability": totals},
        figures={"causal": partial(figure, found)},
        claims=claims({f.name: f for f in found}, totals),
    )


class FirstOutput(nn.Module):
    """A model that gives a tuple, by its first part: logits (B, T, vocabulary)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        return self.model(tokens)[0]


def _small(kind: Callable[..., nn.Module]) -> Callable[[int], nn.Module]:
    return lambda vocabulary: kind(vocabulary, 64, WIDTH, 2, 4)


MODELS: dict[str, Callable[[int], nn.Module]] = {
    "GPT": _small(GPT),
    "GPT-2": _small(GPT2),
    "LSTM": lambda vocabulary: FirstOutput(RecurrentLM(vocabulary, WIDTH, WIDTH)),
    "BERT": lambda vocabulary: BERT(vocabulary, 64, WIDTH, 2, 4, head="masked", padding=None),
}


@dataclass(frozen=True)
class Examined:
    """sizes (T, T): the largest derivative of an output at place s (row) by the embedding at place t (column). `ahead` is the
    largest for t > s; `changed` counts outputs before the last token that change when that token does."""

    name: str
    sizes: np.ndarray
    ahead: float
    changed: int


def examine(name: str, build: Callable[[int], nn.Module], length: int, seed: int) -> Examined:
    manual_seed(seed)
    model = build(VOCABULARY).double().eval()
    tokens = randint(0, VOCABULARY, (1, length))
    sizes = derivatives(model, tokens)
    ahead = float(sizes[np.triu_indices(length, 1)].max())
    return Examined(name, sizes, ahead, outputs_changed(model, tokens))


def derivatives(model: nn.Module, tokens: Tensor) -> np.ndarray:
    """max_c |d sum_v y_(s, v) r_v / d e_(t, c)| for fixed random r: a sum alone could be constant."""
    embedded: list[Tensor] = []
    embedding = next(part for part in model.modules() if isinstance(part, nn.Embedding))
    handle = embedding.register_forward_hook(lambda part, inputs, output: embedded.append(output))
    logits = model(tokens)[0]  # (T, vocabulary)
    handle.remove()
    weights = tensor(np.cos(np.arange(logits.shape[1]) ** 2.0))
    outputs = logits @ weights  # (T,)
    rows = [grad(output, embedded[0], retain_graph=True)[0].reshape(tokens.shape[1], -1).abs().amax(1).numpy()
            for output in outputs]
    return np.stack(rows)


def outputs_changed(model: nn.Module, tokens: Tensor) -> int:
    """Numbers among the outputs before the last place that differ in any bit when the last token is another."""
    other = tokens.clone()
    other[0, -1] = (other[0, -1] + 1) % VOCABULARY
    with no_grad():
        a, b = (model(x)[0, :-1].numpy() for x in (tokens, other))
    return int(np.count_nonzero(a != b))


def total_probability(build: Callable[[int], nn.Module], seed: int) -> float:
    """sum over all strings of 4 symbols out of 3 of prod_t p(x_t | what is before), a further symbol standing at the start."""
    manual_seed(seed)
    model = build(SYMBOLS + 1).double().eval()
    strings = tensor(list(product(range(SYMBOLS), repeat=LENGTH)))  # (81, 4)
    begun = tensor([[SYMBOLS, *string] for string in strings.tolist()])
    with no_grad():
        chances = model(begun)[:, :-1, :SYMBOLS].log_softmax(-1)  # (81, 4, 3)
    logs = chances.gather(2, strings[..., None])[..., 0].sum(1)
    return math.fsum(logs.exp().tolist())


def claims(found: dict[str, Examined], totals: dict[str, float]) -> list[Claim]:
    """Rows 23 and 24 of the acceptance table."""
    causal = [found[name] for name in totals]
    return [
        *(Claim(f"{f.name}: largest derivative by what comes later", f.ahead, "<=", 0.0) for f in causal),
        Claim("outputs of these that a later token changes", sum(f.changed for f in causal), "<=", 0),
        Claim("these: smallest derivative by what came before", min(_before(f).min() for f in causal), ">", 0.0),
        Claim("BERT: largest derivative by what comes later", found["BERT"].ahead, ">", 0.0),
        Claim("probabilities of all strings of 4 of 3 symbols: sum apart from 1", max(abs(t - 1) for t in totals.values()),
              "<=", 1e-5),
    ]


def _before(found: Examined) -> np.ndarray:
    return found.sizes[np.tril_indices(len(found.sizes))]


def _table(found: list[Examined], totals: dict[str, float]) -> Table:
    rows = [["model", "derivative by later tokens", "by earlier ones, smallest", "outputs changed", "sum of probabilities"]]
    for f in found:
        total = f"{totals[f.name]:.12f}" if f.name in totals else ""
        rows.append([f.name, f"{f.ahead:.2e}", f"{_before(f).min():.2e}", str(f.changed), total])
    return Table("largest derivative of an output by an embedding", rows)


def figure(found: list[Examined]) -> Any:
    """Logarithms of the derivatives: rows are outputs, columns inputs; white is exactly 0."""
    figure, (panels,) = new_panels(1, len(found), 12.0, 3.0)
    for axes, f in zip(panels, found):
        with np.errstate(divide="ignore"):
            logs = np.log10(f.sizes)
        image = axes.imshow(np.where(np.isfinite(logs), logs, np.nan), cmap="viridis", vmin=logs.max() - 6, vmax=logs.max())
        axes.grid(False)
        axes.set_title(f.name)
        axes.set_xlabel("by the embedding at")
        figure.colorbar(image, ax=axes, shrink=0.7).ax.tick_params(labelsize=7)
    panels[0].set_ylabel("log10 of the derivative\nof the output at")
    return figure
