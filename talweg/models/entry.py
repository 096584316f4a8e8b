"""What a named model is: how it is built, which settings it has, which inputs it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import nn
from ..tensor import Tensor, zeros


def one_input(shape: tuple[int, ...]) -> tuple[Tensor, ...]:
    """A batch of one all-zero input."""
    return (zeros(1, *shape),)


@dataclass(frozen=True)
class Entry:
    """`build(input_shape, classes, **settings)` makes the model; `settings` holds its defaults.

    `example(input_shape)` gives the positional arguments of one call, a batch of one: what summaries run. `classes` is
    the number that summaries and drawings show, the published one where there is one. `channels` is what the model insists
    on, None where it takes the images' own.
    """

    build: Callable[..., nn.Module]
    summary: str
    input_shape: tuple[int, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    example: Callable[[tuple[int, ...]], tuple[Tensor, ...]] = one_input
    classes: int = 10
    channels: int | None = None
