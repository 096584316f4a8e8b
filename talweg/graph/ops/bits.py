"""The bytes of a value read as numbers of another type."""

from __future__ import annotations

from ...core.dtypes import dtype
from ...core.shapes import Shape
from ..declare import NO_GRADIENT, Op
from ..node import Node


def _infer_bits(x: Node, wanted: dtype) -> tuple[Shape, dtype]:
    """The last dimension grows or shrinks with the size of a number."""
    if x.dtype.itemsize == wanted.itemsize:
        return x.shape, wanted
    if not x.shape:
        raise RuntimeError(f"view: {_pair(x, wanted)}: a tensor of no dimensions has none to grow or shrink; unsqueeze it")
    count, rest = divmod(x.shape[-1] * x.dtype.itemsize, wanted.itemsize)
    if rest:
        raise RuntimeError(f"view: {_pair(x, wanted)}: self.size(-1) must be divisible by "
                           f"{wanted.itemsize // x.dtype.itemsize}, but got {x.shape[-1]}")
    return (*x.shape[:-1], count), wanted


def _pair(x: Node, wanted: dtype) -> str:
    return f"{x.dtype.name} as {wanted.name}, whose numbers have other sizes"


bits_as = Op("bits_as", 1, "bits", _infer_bits, NO_GRADIENT, attr_names=("dtype",))
