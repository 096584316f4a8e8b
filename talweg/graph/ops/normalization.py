"""Normalisation (L 4.6). Mean and variance are biased: divided by the count, which is what normalises."""

from __future__ import annotations

import math

from ...core.shapes import Shape
from ..declare import composite
from ..node import Node
from .movement import reshape
from .pointwise import add, mul, number, rsqrt, scaled, square, sub
from .reduce import spread, sum_


def count(shape: Shape, dims: Shape) -> int:
    return math.prod(shape[d] for d in dims)


@composite(1, attr_names=("dims", "keepdim"))
def mean(x: Node, dims: Shape, keepdim: bool) -> Node:
    """The average over dims; of nothing it is nan."""
    n = count(x.shape, dims)
    return scaled(sum_(x, dims, keepdim), 1 / n if n else math.nan)


def _var_gradient(g, out, x, dims, correction, keepdim):
    """2 (x - mean) / (n - correction); what goes through the mean adds up to nothing."""
    left = count(x.shape, dims) - correction
    centred = sub(x, mean(x, dims, True))
    return mul(spread(g, x.shape, dims), scaled(centred, 2 / left if left > 0 else math.inf))


@composite(1, attr_names=("dims", "correction", "keepdim"), gradients=(_var_gradient,))
def var(x: Node, dims: Shape, correction: float, keepdim: bool) -> Node:
    """sum (x - mean)^2 / (n - correction) over dims."""
    left = count(x.shape, dims) - correction
    spread = square(sub(x, mean(x, dims, True)))
    total = sum_(spread, dims, keepdim)
    return scaled(total, 1 / left) if left > 0 else mul(total, number(math.inf, total))


def standardized(x: Node, centre: Node, variance: Node, eps: float) -> Node:
    """(x - centre) / sqrt(variance + eps)"""
    return mul(sub(x, centre), rsqrt(add(variance, number(eps, variance))))


def trailing(x: Node, rank: int) -> Shape:
    return tuple(range(len(x.shape) - rank, len(x.shape)))


@composite(1, attr_names=("rank", "eps"))
def layer_norm(x: Node, rank: int, eps: float) -> Node:
    """Each sample standardised over its `rank` trailing dimensions (Ba et al., 2016)."""
    dims = trailing(x, rank)
    return standardized(x, mean(x, dims, True), var(x, dims, 0, True), eps)


@composite(1, attr_names=("rank", "eps"))
def rms_norm(x: Node, rank: int, eps: float) -> Node:
    """Each sample divided by the root of its mean square over `rank` trailing dimensions (Zhang, Sennrich, 2019)."""
    return mul(x, rsqrt(add(mean(square(x), trailing(x, rank), True), number(eps, x))))


@composite(3, attr_names=("eps",))
def standardize_channels(x: Node, centre: Node, variance: Node, eps: float) -> Node:
    """x (N, C, ...) standardised by one mean and one variance a channel, each (C,) (Ioffe and Szegedy, 2015)."""
    shape = (1, x.shape[1]) + (1,) * (len(x.shape) - 2)
    return standardized(x, reshape(centre, shape), reshape(variance, shape), eps)


