"""Models that have a name: what builds them, which settings they have, which inputs they take."""

from __future__ import annotations

import difflib
import math
from typing import Any

from .. import nn
from .convolutional import CONVOLUTIONAL
from .entry import Entry
from .lenet import LeNet
from .mlp import MLP
from .sequence import SEQUENCE


def _mlp(input_shape: tuple[int, ...], classes: int, hidden: list[int], activation: str) -> nn.Module:
    return MLP([math.prod(input_shape), *hidden, classes], activation)


def _lenet(input_shape: tuple[int, ...], classes: int) -> nn.Module:
    if len(input_shape) != 3 or input_shape[1:] != (28, 28):
        raise ValueError(f"lenet: images must be (channels, 28, 28), got {list(input_shape)}: set size to 28")
    return LeNet(input_shape[0], classes)


MODELS: dict[str, Entry] = {
    "lenet": Entry(_lenet, "the book's small convolutional network (L fig. 5.2)", (1, 28, 28)),
    "mlp": Entry(
        _mlp, "multi-layer perceptron (L fig. 5.1, N 1.3)", (1, 28, 28),
        {"hidden": [256, 128], "activation": "relu"},
    ),
    **CONVOLUTIONAL,
    **SEQUENCE,
}


def entry(name: str) -> Entry:
    """The registered model. Raises ValueError, with the nearest name, when there is none."""
    if name in MODELS:
        return MODELS[name]
    near = difflib.get_close_matches(str(name), MODELS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(MODELS)}"
    raise ValueError(f"no model is called {name!r}: {hint}")


def build(name: str, input_shape: tuple[int, ...], classes: int, **settings: Any) -> nn.Module:
    """A fresh model for such inputs; settings left out take their defaults.

    Raises ValueError for an unknown name, a setting that this model does not have, or an unfit shape.
    """
    found = entry(name)
    foreign = settings.keys() - found.settings.keys()
    if foreign:
        has = ", ".join(found.settings) or "none"
        raise ValueError(f"{name} has no setting {', '.join(sorted(foreign))}; its own settings: {has}")
    return found.build(tuple(input_shape), classes, **{**found.settings, **settings})
