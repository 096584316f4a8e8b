"""Special functions, each with its gradient (NIST Digital Library of Mathematical Functions, chapters 5 to 10, 18, 25)."""

from __future__ import annotations

import math

from ...core.shapes import broadcast
from ..declare import NO_GRADIENT, Op, binary, same_dtype, unary
from ..node import Node
from .movement import full
from .pointwise import add, div, eq, exp, log, mul, neg, number, scaled, sign, square, sub, where

# --- the gamma function and its derivatives
lgamma = unary("lgamma", lambda g, out, x: mul(g, digamma(x)))
digamma = unary("digamma", lambda g, out, x: mul(g, polygamma(x, 1)))
# The n-th derivative of digamma.
polygamma = Op("polygamma", 1, "pointwise", lambda x, n: (x.shape, x.dtype),
               (lambda g, out, x, n: mul(g, polygamma(x, n + 1)),), attr_names=("n",))


def _not_differentiable(name: str, argument: str):
    def rule(g, out, *_):
        raise NotImplementedError(f"{name}: the derivative with respect to '{argument}' is not implemented")

    return rule


# Hurwitz's: sum over k of (k + q)^-s
zeta = binary("zeta", _not_differentiable("zeta", "self"),
              lambda g, out, s, q: mul(g, neg(mul(s, zeta(add(s, number(1, s)), q)))))


def _gamma_density(a: Node, x: Node) -> Node:
    """x^(a - 1) e^-x / Gamma(a)"""
    return exp(sub(sub(mul(sub(a, number(1, a)), log(x)), x), lgamma(a)))


# The regularised incomplete gamma functions, lower and upper.
igamma = binary("igamma", _not_differentiable("igamma", "input"), lambda g, out, a, x: mul(g, _gamma_density(a, x)))
igammac = binary("igammac", _not_differentiable("igammac", "input"),
                 lambda g, out, a, x: neg(mul(g, _gamma_density(a, x))))

# --- the error function's kin
erfinv = unary("erfinv", lambda g, out, x: mul(g, scaled(exp(square(out)), math.sqrt(math.pi) / 2)))
erfcx = unary("erfcx", lambda g, out, x: mul(g, sub(scaled(mul(x, out), 2), number(2 / math.sqrt(math.pi), x))))
ndtri = unary("ndtri", lambda g, out, x: mul(g, scaled(exp(scaled(square(out), 0.5)), math.sqrt(2 * math.pi))))
log_ndtr = unary("log_ndtr", lambda g, out, x: div(scaled(g, math.sqrt(2 / math.pi)), erfcx(scaled(x, -math.sqrt(0.5)))))


# --- modified Bessel functions of the first kind; those with e are scaled by exp(-|x|)
def _over(y: Node, x: Node) -> Node:
    """y / x, and its limit 1/2 at 0."""
    zero = eq(x, number(0, x))
    return where(zero, full(0.5, x.shape, x), div(y, where(zero, number(1, x), x)))


i0 = unary("i0", lambda g, out, x: mul(g, i1(x)))
i0e = unary("i0e", lambda g, out, x: mul(g, sub(i1e(x), mul(sign(x), out))))
i1 = unary("i1", lambda g, out, x: mul(g, sub(i0(x), _over(out, x))))
i1e = unary("i1e", lambda g, out, x: mul(g, sub(sub(i0e(x), _over(out, x)), mul(sign(x), out))))

# --- without gradients, as in PyTorch
bessel_j0, bessel_j1 = unary("bessel_j0", NO_GRADIENT), unary("bessel_j1", NO_GRADIENT)
bessel_y0, bessel_y1 = unary("bessel_y0", NO_GRADIENT), unary("bessel_y1", NO_GRADIENT)
bessel_k0, bessel_k1 = unary("bessel_k0", NO_GRADIENT), unary("bessel_k1", NO_GRADIENT)
bessel_k0e, bessel_k1e = unary("bessel_k0e", NO_GRADIENT), unary("bessel_k1e", NO_GRADIENT)
airy_ai = unary("airy_ai", NO_GRADIENT)

# A polynomial of a family (see the reference) at x, of the degree n; x and n broadcast.
polynomial = Op("polynomial", 2, "pointwise",
                lambda x, n, family: (broadcast(x.shape, n.shape, family), same_dtype(family, x, n)), NO_GRADIENT,
                attr_names=("family",))

# --- the next representable number, and number theory
nextafter = binary("nextafter", lambda g, out, x, y: where(eq(x, y), number(0, g), g), lambda g, out, x, y: mul(g, number(0, g)))
gcd, lcm = binary("gcd"), binary("lcm")
copysign = binary(
    "copysign",
    lambda g, out, x, y: mul(g, where(eq(x, number(0, x)), number(0, x), mul(sign(x), sign(out)))),
    lambda g, out, x, y: mul(g, number(0, g)),
)
