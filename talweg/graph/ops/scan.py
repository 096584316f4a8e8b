"""Running maxima, minima and sums of exponentials along one dimension."""

from __future__ import annotations

from ...core.dtypes import finfo, int64
from ..declare import NO_GRADIENT, Op
from ..node import Node
from .movement import flip
from .pointwise import add, exp, gt, log, neg, number, sub, where

# Where the largest (smallest) element so far stands; the last of equal ones; a nan stays.
cummax_indices = Op("cummax_indices", 1, "scan", lambda x, dim: (x.shape, int64), NO_GRADIENT, attr_names=("dim",))
cummin_indices = Op("cummin_indices", 1, "scan", lambda x, dim: (x.shape, int64), NO_GRADIENT, attr_names=("dim",))


def _weights(g: Node, out: Node, x: Node, dim: int) -> Node:
    """sum over j >= i of g_j exp(x_i - out_j) for g >= 0, by logarithms so that nothing overflows. The logarithm of 0 is
    the lowest number in place of -inf, whose differences are nan."""
    positive = gt(g, number(0, g))
    logarithm = where(positive, log(where(positive, g, number(1, g))), number(finfo(g.dtype).min / 4, g))
    after = flip(logcumsumexp(flip(sub(logarithm, out), (dim,)), dim), (dim,)) if x.shape else sub(logarithm, out)
    return exp(add(after, x))


def _logcumsumexp_gradient(g, out, x, dim):
    return sub(_weights(g, out, x, dim), _weights(neg(g), out, x, dim))


# y_i = log(exp(x_1) + ... + exp(x_i))
logcumsumexp = Op("logcumsumexp", 1, "scan", lambda x, dim: (x.shape, x.dtype), (_logcumsumexp_gradient,),
                  attr_names=("dim",))
