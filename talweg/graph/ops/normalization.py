"""Normalisation (L 4.6). Mean and variance are biased: divided by the count, which is what normalises."""

from __future__ import annotations

import math

from ...core.shapes import Shape
from ..declare import composite
from ..node import Node
from .movement import expand, reshape
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


def _channelwise(values: Node, rank: int) -> Node:
    """(N, C) to go with (N, C, *spatial)."""
    return reshape(values, values.shape + (1,) * (rank - 2))


def _over_groups(values: Node, groups: int) -> Node:
    """(N, C): for each channel the sum over the channels of its group."""
    batch, channels = values.shape
    grouped = reshape(values, (batch, groups, channels // groups))
    return reshape(expand(sum_(grouped, (2,), True), grouped.shape), values.shape)


def _group_count(x: Node, groups: int) -> int:
    return math.prod(x.shape[1:]) // groups


def _group_sum(x: Node, groups: int) -> Node:
    return _over_groups(sum_(x, tuple(range(2, len(x.shape))), False), groups)


@composite(1, attr_names=("groups",))
def group_mean(x: Node, groups: int) -> Node:
    """x (N, C, *spatial) -> (N, C): the average over the channel's group and all positions."""
    return scaled(_group_sum(x, groups), 1 / _group_count(x, groups))


def _group_var_gradient(g, out, x, groups):
    centred = sub(x, _channelwise(group_mean(x, groups), len(x.shape)))
    factor = scaled(_over_groups(g, groups), 2 / _group_count(x, groups))
    return mul(centred, _channelwise(factor, len(x.shape)))


@composite(1, attr_names=("groups",), gradients=(_group_var_gradient,))
def group_var(x: Node, groups: int) -> Node:
    """x (N, C, *spatial) -> (N, C): the variance over the channel's group and all positions."""
    centred = sub(x, _channelwise(group_mean(x, groups), len(x.shape)))
    return scaled(_group_sum(square(centred), groups), 1 / _group_count(x, groups))


@composite(1, attr_names=("groups", "eps"))
def group_norm(x: Node, groups: int, eps: float) -> Node:
    """Each group of channels of a sample standardised over its channels and positions (Wu and He, 2018).

    The statistics are spelled out for each channel: sums over positions run along the channels where these lie innermost.
    """
    rank = len(x.shape)
    centre = _channelwise(group_mean(x, groups), rank)
    return standardized(x, centre, _channelwise(group_var(x, groups), rank), eps)
