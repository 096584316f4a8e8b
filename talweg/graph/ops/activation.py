"""Activations and softmax as composites: the decomposition is the definition (L 4.3, L 3.1)."""

from __future__ import annotations

import math

from ...core.shapes import reduced
from ..declare import composite
from ..node import Node
from .identity import clone, detach
from .movement import reshape
from .pointwise import (
    abs_,
    add,
    div,
    erf,
    exp,
    expm1,
    gt,
    isfinite,
    le,
    log,
    log1p,
    logical_and,
    maximum,
    minimum,
    mul,
    neg,
    number,
    relu,
    scaled,
    sigmoid,
    square,
    sub,
    tanh,
    where,
)
from .reduce import amax, sum_


@composite(1)
def silu(x: Node) -> Node:
    """x sigmoid(x)"""
    return mul(x, sigmoid(x))


@composite(1, attr_names=("approximate",))
def gelu(x: Node, approximate: str) -> Node:
    """x Phi(x), with the normal distribution's Phi by erf, or by tanh as in GPT-2 (Hendrycks and Gimpel, 2016)."""
    if approximate == "tanh":
        cubic = add(x, scaled(mul(x, square(x)), 0.044715))
        phi = add(tanh(scaled(cubic, math.sqrt(2 / math.pi))), number(1, x))
    else:
        phi = add(erf(scaled(x, math.sqrt(0.5))), number(1, x))
    return mul(scaled(x, 0.5), phi)


def _softplus_gradient(g, out, x, beta, threshold):
    """The sigmoid; through the decomposition it would be lost at 0, where |x| has none."""
    bx = scaled(x, beta)
    return where(gt(bx, number(threshold, x)), g, mul(g, sigmoid(bx)))


@composite(1, attr_names=("beta", "threshold"), gradients=(_softplus_gradient,))
def softplus(x: Node, beta: float, threshold: float) -> Node:
    """log(1 + exp(beta x)) / beta; x itself where beta x is above the threshold."""
    bx = scaled(x, beta)
    smooth = add(relu(bx), log1p(exp(neg(abs_(bx)))))
    return where(gt(bx, number(threshold, x)), x, scaled(smooth, 1 / beta))


@composite(1, gradients=(lambda g, out, x: mul(g, sigmoid(neg(x))),))
def log_sigmoid(x: Node) -> Node:
    """log(1 / (1 + exp(-x))) without overflow."""
    return sub(minimum(x, number(0, x)), log1p(exp(neg(abs_(x)))))


@composite(1, attr_names=("slope",))
def leaky_relu(x: Node, slope: float) -> Node:
    """x above 0, slope x below."""
    return where(gt(x, number(0, x)), x, scaled(x, slope))


@composite(1, attr_names=("alpha", "scale", "input_scale"))
def elu(x: Node, alpha: float, scale: float, input_scale: float) -> Node:
    """scale x above 0, scale alpha (exp(input_scale x) - 1) below (ELU, SELU and CELU)."""
    lower = le(x, number(0, x))
    below = scaled(expm1(scaled(where(lower, x, number(0, x)), input_scale)), alpha * scale)
    return where(lower, below, scaled(x, scale))


@composite(1, attr_names=("low", "high"))
def hardtanh(x: Node, low: float, high: float) -> Node:
    """x, held between low and high; the gradient is 0 on the bounds and beyond them."""
    inside = logical_and(gt(x, number(low, x)), gt(number(high, x), x))
    clipped = minimum(maximum(x, number(low, x)), number(high, x))
    return where(inside, x, detach(clipped))


@composite(1)
def mish(x: Node) -> Node:
    """x tanh(softplus(x))"""
    return mul(x, tanh(softplus(x, 1.0, 20.0)))


def _softmax_gradient(g, out, x, dim):
    weighted = mul(g, out)
    return sub(weighted, mul(out, sum_(weighted, (dim,), True)))


@composite(1, attr_names=("dim",), gradients=(_softmax_gradient,))
def softmax(x: Node, dim: int) -> Node:
    """exp(x) / sum exp(x) along dim, shifted by the maximum so that nothing overflows (L 3.1)."""
    if x.shape[dim] == 0:
        return clone(x)
    powers = exp(sub(x, detach(amax(x, (dim,), True))))
    return div(powers, sum_(powers, (dim,), True))


def _log_softmax_gradient(g, out, x, dim):
    return sub(g, mul(exp(out), sum_(g, (dim,), True)))


@composite(1, attr_names=("dim",), gradients=(_log_softmax_gradient,))
def log_softmax(x: Node, dim: int) -> Node:
    """x - log sum exp(x) along dim, shifted by the maximum."""
    if x.shape[dim] == 0:
        return clone(x)
    shifted = sub(x, detach(amax(x, (dim,), True)))
    return sub(shifted, log(sum_(exp(shifted), (dim,), True)))


@composite(1, attr_names=("dims", "keepdim"))
def logsumexp(x: Node, dims: tuple, keepdim: bool) -> Node:
    """log sum exp(x) over dims; the shift is by the maximum where that is finite. Of nothing it is -inf."""
    if 0 in [x.shape[d] for d in dims]:
        return log(sum_(x, dims, keepdim))
    top = detach(amax(x, dims, True))
    shift = where(isfinite(top), top, number(0, top))
    total = add(log(sum_(exp(sub(x, shift)), dims, True)), shift)
    return reshape(total, reduced(x.shape, dims, keepdim))


def _held(logarithm: Node) -> Node:
    return maximum(logarithm, number(-100, logarithm))


def _from_probability(g, out, p, t):
    """(p - t) / (p (1 - p)), with the denominator held above 1e-12 so that certainty gives no infinity."""
    spread = maximum(mul(p, sub(number(1, p), p)), number(1e-12, p))
    return mul(g, div(sub(p, t), spread))


def _from_target(g, out, p, t):
    return mul(g, sub(_held(log1p(neg(p))), _held(log(p))))


@composite(2, gradients=(_from_probability, _from_target))
def binary_cross_entropy(p: Node, t: Node) -> Node:
    """-(t log p + (1 - t) log(1 - p)), the logarithms held above -100 (N 2.1.1)."""
    return neg(add(mul(t, _held(log(p))), mul(sub(number(1, t), t), _held(log1p(neg(p))))))
