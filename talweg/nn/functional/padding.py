"""Borders: constants, reflections, repetitions (N 5.2.5)."""

from __future__ import annotations

from ...core.dtypes import iinfo
from ...graph import ops
from ...tensor import Tensor, arange
from ...tensor.autocast import raised
from ...tensor.tensor import wrap


def pad(input, pad, mode: str = "constant", value: float | None = None):
    """A border around the last dimensions: pad = (left, right) of the last, then of the one before it, and so on.

    mode: constant (value, 0 unless given; negative amounts crop), reflect, replicate, circular.
    """
    amounts = [int(p) for p in pad]
    if len(amounts) % 2:
        raise RuntimeError(f"pad: Padding length must be divisible by 2, got {amounts}")
    if len(amounts) // 2 > input.dim():
        raise RuntimeError(f"pad: Padding length should be less than or equal to two times the input dimension. Got padding "
                           f"{amounts} for an input of {input.dim()} dimensions")
    if mode == "constant":
        return _constant(input, amounts, 0.0 if value is None else value)
    if mode not in _ROWS:
        raise NotImplementedError(f"Unrecognised padding mode {mode}: use constant, reflect, replicate or circular")
    if value not in (None, 0):
        raise ValueError(f"pad: padding mode {mode!r} doesn't take in a value argument")
    raises = mode == "replicate" or (mode == "reflect" and len(amounts) < 6)  # PyTorch's list for autocast
    return (raised(_bordered) if raises else _bordered)(input, amounts, mode)


def _bordered(x: Tensor, amounts: list[int], mode: str) -> Tensor:
    for i in range(len(amounts) // 2):
        x = _by_index(x, x.dim() - 1 - i, amounts[2 * i], amounts[2 * i + 1], mode)
    return x


def _constant(input: Tensor, amounts: list[int], value) -> Tensor:
    rank = input.dim()
    low, high = [0] * rank, [0] * rank
    for i in range(len(amounts) // 2):
        low[rank - 1 - i], high[rank - 1 - i] = amounts[2 * i], amounts[2 * i + 1]
    sizes = [a + s + b for a, s, b in zip(low, input.shape, high)]
    if any(s < 0 for s in sizes):
        raise RuntimeError(f"pad: The input size {list(input.shape)}, plus negative padding {amounts}, resulted in a negative "
                           f"output size {sizes}, which is invalid")
    if any(a < 0 for a in low + high):  # crop first, so that the border is all that remains
        for d in range(rank):
            start, stop = max(-low[d], 0), input.shape[d] - max(-high[d], 0)
            input = input.narrow(d, start, max(stop - start, 0))
        low, high = [max(a, 0) for a in low], [max(a, 0) for a in high]
    kind = bool if input.dtype.category == "bool" else int if input.dtype.category == "integer" else float
    if kind is int and not iinfo(input.dtype).min <= value <= iinfo(input.dtype).max:
        raise RuntimeError(f"pad: value cannot be converted to type {input.dtype.name} without overflow: {value}")
    return wrap(ops.pad(input.node, tuple(low), tuple(high), kind(value)))


def _reflected(n: int, left: int, right: int):
    """... 2 1 | 0 1 2 ... : the edge is not repeated."""
    if left >= n or right >= n:
        raise RuntimeError(f"pad: Padding size should be less than the corresponding input dimension, but got: padding "
                           f"({left}, {right}) at a dimension of size {n}")
    position = arange(-left, n + right)
    folded = position.abs()
    return (n - 1) - ((n - 1) - folded).abs()


def _replicated(n: int, left: int, right: int):
    """0 0 | 0 1 2 ..."""
    return arange(-left, n + right).clamp(0, n - 1)


def _circular(n: int, left: int, right: int):
    """the end | 0 1 2 ... | the beginning"""
    if left > n or right > n:
        raise RuntimeError(f"pad: Padding value causes wrapping around more than once: padding ({left}, {right}) at a "
                           f"dimension of size {n}")
    return arange(-left, n + right) % n


_ROWS = {"reflect": _reflected, "replicate": _replicated, "circular": _circular}


def _by_index(x: Tensor, dim: int, left: int, right: int, mode: str) -> Tensor:
    if mode == "circular" and (left < 0 or right < 0):  # what is cropped does not come back at the other end
        start = max(-left, 0)
        x = x.narrow(dim, start, x.shape[dim] - start - max(-right, 0))
        left, right = max(left, 0), max(right, 0)
    return x if left == right == 0 else x.index_select(dim, _ROWS[mode](x.shape[dim], left, right))


