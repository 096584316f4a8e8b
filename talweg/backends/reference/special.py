"""Special functions by SciPy, families of orthogonal polynomials by their recurrences, number theory by NumPy."""

from __future__ import annotations

import numpy as np

from ...graph import ops
from ...graph.node import Node
from .lazy import scipy
from .table import KERNELS, kernel

_NAMES = {
    ops.lgamma: "gammaln", ops.digamma: "psi", ops.zeta: "zeta", ops.igamma: "gammainc", ops.igammac: "gammaincc",
    ops.erfinv: "erfinv", ops.erfcx: "erfcx", ops.ndtri: "ndtri", ops.log_ndtr: "log_ndtr", ops.i0: "i0", ops.i0e: "i0e",
    ops.i1: "i1", ops.i1e: "i1e", ops.bessel_j0: "j0", ops.bessel_j1: "j1", ops.bessel_y0: "y0", ops.bessel_y1: "y1",
    ops.bessel_k0: "k0", ops.bessel_k1: "k1", ops.bessel_k0e: "k0e", ops.bessel_k1e: "k1e",
}


def _wide(x: np.ndarray) -> np.ndarray:
    """These functions lose digits on the way: float64 for all but what is returned."""
    return x.astype(np.float64)


def _by_scipy(name: str):
    def run(node: Node, *arrays):
        with np.errstate(all="ignore"):
            return np.asarray(getattr(scipy("special"), name)(*map(_wide, arrays))).astype(node.dtype.numpy)

    return run


KERNELS.update({op: _by_scipy(name) for op, name in _NAMES.items()})


@kernel(ops.polygamma)
def polygamma(node: Node, x):
    """(-1)^(n + 1) n! zeta(n + 1, x); SciPy's own gives nan for n = 0 at poles."""
    with np.errstate(all="ignore"):
        return np.asarray(scipy("special").polygamma(node.attrs[0], _wide(x))).astype(node.dtype.numpy)


@kernel(ops.airy_ai)
def airy_ai(node: Node, x):
    return np.asarray(scipy("special").airy(_wide(x))[0]).astype(node.dtype.numpy)


# A family: its first two members, and a, b, c of P_(n+1) = (a x + b) P_n - c P_(n-1), all as functions of n and x.
_FAMILIES = {
    "chebyshev_polynomial_t": (lambda x: x, lambda n: (2, 0, 1)),
    "chebyshev_polynomial_u": (lambda x: 2 * x, lambda n: (2, 0, 1)),
    "chebyshev_polynomial_v": (lambda x: 2 * x - 1, lambda n: (2, 0, 1)),
    "chebyshev_polynomial_w": (lambda x: 2 * x + 1, lambda n: (2, 0, 1)),
    "hermite_polynomial_h": (lambda x: 2 * x, lambda n: (2, 0, 2 * n)),
    "hermite_polynomial_he": (lambda x: x, lambda n: (1, 0, n)),
    "laguerre_polynomial_l": (lambda x: 1 - x, lambda n: (-1 / (n + 1), (2 * n + 1) / (n + 1), n / (n + 1))),
    "legendre_polynomial_p": (lambda x: x, lambda n: ((2 * n + 1) / (n + 1), 0, n / (n + 1))),
}


@kernel(ops.polynomial)
def polynomial(node: Node, x, n):
    """Degrees are cut to whole numbers; one below 0 gives 0. A shifted family is the plain one at 2 x - 1."""
    family = node.attrs[0]
    x, degree = np.broadcast_arrays(_wide(x), np.trunc(_wide(n)))
    if family.startswith("shifted_"):
        family, x = family.removeprefix("shifted_"), 2 * x - 1
    first, step = _FAMILIES[family]
    before, now = np.ones_like(x), first(x)
    result = np.where(degree == 0, before, np.where(degree == 1, now, 0.0))
    with np.errstate(all="ignore"):
        for k in range(1, int(min(degree.max(initial=0), 10_000))):
            a, b, c = step(k)
            before, now = now, (a * x + b) * now - c * before
            result = np.where(degree == k + 1, now, result)
    return result.astype(node.dtype.numpy)


@kernel(ops.nextafter)
def nextafter(node: Node, x, y):
    return np.asarray(np.nextafter(x, y))


@kernel(ops.copysign)
def copysign(node: Node, x, y):
    return np.asarray(np.copysign(x, y))


@kernel(ops.gcd)
def gcd(node: Node, x, y):
    return np.asarray(np.gcd(x, y)).astype(node.dtype.numpy)


@kernel(ops.lcm)
def lcm(node: Node, x, y):
    return np.asarray(np.lcm(x, y)).astype(node.dtype.numpy)
