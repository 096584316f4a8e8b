"""A value put together from parts that lie at regular places of it; zero where there is none."""

from __future__ import annotations

from ...core.shapes import Shape
from ..declare import NO_GRADIENT, VARIADIC, Op, same_dtype

# The compiler's form of concatenation, padding and writes to slices: parts, shape, and for each part its start and step
# in every dimension. Parts do not overlap. It stands in no recorded graph, so it has no gradient.
assemble = Op("assemble", VARIADIC, "movement", lambda parts, shape, places: (shape, same_dtype("assemble", *parts)),
              NO_GRADIENT, attr_names=("shape", "places"))


def covers(shape: Shape, parts: tuple) -> bool:
    """Whether parts that do not overlap leave nothing out."""
    count = 1
    for size in shape:
        count *= size
    total = 0
    for part in parts:
        inner = 1
        for size in part.shape:
            inner *= size
        total += inner
    return total == count
