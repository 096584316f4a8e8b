"""Special functions (talweg.special): gamma, error, Bessel and zeta functions, orthogonal polynomials."""

from __future__ import annotations

import math
from collections.abc import Callable

from ...graph import ops
from ...graph.node import Node, Op
from ..box import Box
from ..operands import (
    float_pair,
    pair,
    refuse,
    require_a_tensor,
    require_tensor,
    require_tensors,
    to_float,
)
from ..tensor import wrap
from .pointwise import _float_function, _named, erfc, sigmoid

lgamma = gammaln = _float_function("lgamma", ops.lgamma, "log |Gamma(x)|")
digamma = psi = _float_function("digamma", ops.digamma, "The derivative of lgamma")
erfinv = _float_function("erfinv", ops.erfinv, "The inverse of erf")
erfcx = _float_function("erfcx", ops.erfcx, "exp(x^2) erfc(x)")
ndtri = _float_function("ndtri", ops.ndtri, "The inverse of the normal distribution function")
log_ndtr = _float_function("log_ndtr", ops.log_ndtr, "The logarithm of the normal distribution function")
i0 = _float_function("i0", ops.i0, "The modified Bessel function of the first kind, order 0")
i0e = _float_function("i0e", ops.i0e, "exp(-|x|) i0(x)")
i1 = _float_function("i1", ops.i1, "The modified Bessel function of the first kind, order 1")
i1e = _float_function("i1e", ops.i1e, "exp(-|x|) i1(x)")
modified_bessel_i0, modified_bessel_i1 = i0, i1
bessel_j0 = _float_function("bessel_j0", ops.bessel_j0, "The Bessel function of the first kind, order 0")
bessel_j1 = _float_function("bessel_j1", ops.bessel_j1, "The Bessel function of the first kind, order 1")
bessel_y0 = _float_function("bessel_y0", ops.bessel_y0, "The Bessel function of the second kind, order 0")
bessel_y1 = _float_function("bessel_y1", ops.bessel_y1, "The Bessel function of the second kind, order 1")
modified_bessel_k0 = _float_function("modified_bessel_k0", ops.bessel_k0, "The modified Bessel function K0")
modified_bessel_k1 = _float_function("modified_bessel_k1", ops.bessel_k1, "The modified Bessel function K1")
scaled_modified_bessel_k0 = _float_function("scaled_modified_bessel_k0", ops.bessel_k0e, "exp(x) K0(x)")
scaled_modified_bessel_k1 = _float_function("scaled_modified_bessel_k1", ops.bessel_k1e, "exp(x) K1(x)")
airy_ai = _float_function("airy_ai", ops.airy_ai, "Airy's function Ai")
expit = sigmoid


def _two(name: str, op: Op, formula: str) -> Callable:
    def call(input, other):
        (require_a_tensor if name == "zeta" else require_tensors)(name, input, other)
        a, b = pair(input, other, name)
        return wrap(op(to_float(a), to_float(b)))

    return _named(call, name, formula)


zeta = _two("zeta", ops.zeta, "Hurwitz's zeta function: the sum over k of (k + q)^-x")
igamma = gammainc = _two("igamma", ops.igamma, "The regularised lower incomplete gamma function P(a, x)")
igammac = gammaincc = _two("igammac", ops.igammac, "The regularised upper incomplete gamma function Q(a, x)")


def polygamma(n: int, input):
    """The n-th derivative of digamma."""
    if isinstance(n, Box):
        n, input = input, n  # Tensor.polygamma(n)
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n, got {n}")
    node = to_float(require_tensor(input, "polygamma").node)
    return wrap(ops.polygamma(node, n) if n else ops.digamma(node))


def mvlgamma(input, p: int):
    """The logarithm of the p-dimensional gamma function."""
    x = require_tensor(input, "mvlgamma")
    if p < 1:
        raise RuntimeError(f"mvlgamma: p has to be greater than or equal to 1, got {p}")
    x = wrap(to_float(x.node))
    total = lgamma(x) + p * (p - 1) / 4 * math.log(math.pi)
    for j in range(1, p):
        total = total + lgamma(x - j / 2)
    return total


multigammaln = mvlgamma


def ndtr(input):
    """The normal distribution function."""
    return erfc(require_tensor(input, "ndtr") * -math.sqrt(0.5)) * 0.5


def entr(input):
    """-x log x; 0 at 0, -inf below."""
    node = to_float(require_tensor(input, "entr").node)
    zero = ops.eq(node, ops.number(0, node))
    safe = ops.where(ops.gt(node, ops.number(0, node)), node, ops.number(1, node))
    inside = ops.neg(ops.mul(node, ops.log(safe)))
    below = ops.lt(node, ops.number(0, node))
    found = ops.where(below, ops.number(-math.inf, node), ops.where(zero, ops.number(0, node), inside))
    return wrap(ops.where(ops.isnan(node), node, found))


def _floats(x, y, call: str) -> tuple[Node, Node]:
    require_a_tensor(call, x, y)
    return float_pair(x, y, call)


def _x_times(function: Callable, name: str, formula: str, pole: float) -> Callable:
    """x f(y), which is 0 where x is, whatever y is (but nan). Where f(y) is finite the product says so by itself, and its
    gradient f(y) with it; elsewhere, up to f's pole and at infinity, y is kept away from f."""

    def call(input, other):
        x, y = _floats(input, other, name)
        refuse(name, x.dtype, "complex")
        outside = ops.logical_or(ops.le(y, ops.number(pole, y)), ops.eq(y, ops.number(math.inf, y)))
        zero = ops.logical_and(ops.eq(x, ops.number(0, x)), outside)
        safe = ops.where(zero, ops.number(1, y), y)
        return wrap(ops.where(zero, ops.number(0, x), ops.mul(x, function(safe))))

    return _named(call, name, formula)


xlogy = _x_times(ops.log, "xlogy", "x log y; 0 where x is 0", 0)
xlog1py = _x_times(ops.log1p, "xlog1py", "x log(1 + y); 0 where x is 0", -1)


def sinc(input):
    """sin(pi x) / (pi x); 1 at 0."""
    node = to_float(require_tensor(input, "sinc").node)
    zero = ops.eq(node, ops.number(0, node))
    angle = ops.scaled(ops.where(zero, ops.number(1, node), node), math.pi)
    return wrap(ops.where(zero, ops.number(1, node), ops.div(ops.sin(angle), angle)))


def spherical_bessel_j0(input):
    """sin(x) / x; 1 at 0."""
    node = ops.detach(to_float(require_tensor(input, "spherical_bessel_j0").node))
    zero = ops.eq(node, ops.number(0, node))
    angle = ops.where(zero, ops.number(1, node), node)
    return wrap(ops.where(zero, ops.number(1, node), ops.div(ops.sin(angle), angle)))


def _polynomial(name: str) -> Callable:
    def call(input, n):
        x, degree = _floats(input, n, name)
        return wrap(ops.polynomial(x, degree, name))

    return _named(call, name, f"{name.replace('_', ' ')} of degree n at x. Without gradient, as in PyTorch")


chebyshev_polynomial_t = _polynomial("chebyshev_polynomial_t")
chebyshev_polynomial_u = _polynomial("chebyshev_polynomial_u")
chebyshev_polynomial_v = _polynomial("chebyshev_polynomial_v")
chebyshev_polynomial_w = _polynomial("chebyshev_polynomial_w")
shifted_chebyshev_polynomial_t = _polynomial("shifted_chebyshev_polynomial_t")
shifted_chebyshev_polynomial_u = _polynomial("shifted_chebyshev_polynomial_u")
shifted_chebyshev_polynomial_v = _polynomial("shifted_chebyshev_polynomial_v")
shifted_chebyshev_polynomial_w = _polynomial("shifted_chebyshev_polynomial_w")
hermite_polynomial_h = _polynomial("hermite_polynomial_h")
hermite_polynomial_he = _polynomial("hermite_polynomial_he")
laguerre_polynomial_l = _polynomial("laguerre_polynomial_l")
legendre_polynomial_p = _polynomial("legendre_polynomial_p")
