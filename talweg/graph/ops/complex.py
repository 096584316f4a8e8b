"""Complex numbers from their parts, and back.

Gradients follow PyTorch's convention: dL/dRe + i dL/dIm, the direction of steepest ascent. For a holomorphic operation
that is conj(rule(conj(g))) of the rule for real numbers, which the reverse pass takes care of (graph/reverse.py).
The operations here are the ones that are not holomorphic.
"""

from __future__ import annotations

from ...core.dtypes import complex_of, real_of
from ...core.shapes import broadcast
from ..declare import Op, same_dtype
from ..node import Node
from .movement import full
from .pointwise import cast, div, eq, mul, neg, number, where


def _infer_complex(re, im):
    return broadcast(re.shape, im.shape, "complex"), complex_of(same_dtype("complex", re, im))


real = Op("real", 1, "pointwise", lambda x: (x.shape, real_of(x.dtype)), (lambda g, out, x: cast(g, x.dtype),))
imag = Op("imag", 1, "pointwise", lambda x: (x.shape, real_of(x.dtype)),
          (lambda g, out, x: join(full(0, g.shape, g), g),))
join = Op("complex", 2, "pointwise", _infer_complex,
          (lambda g, out, re, im: real(g), lambda g, out, re, im: imag(g)))
# The reverse pass conjugates before and after the rule: three times in all.
conj_op = Op("conj", 1, "pointwise", lambda x: (x.shape, x.dtype), (lambda g, out, x: conj_op(g),))
magnitude = Op("magnitude", 1, "pointwise", lambda x: (x.shape, real_of(x.dtype)),
               (lambda g, out, x: mul(cast(g, x.dtype), direction(x, out)),))


def conj(x: Node) -> Node:
    """The conjugate; a real value is its own, and costs nothing."""
    return conj_op(x) if x.dtype.is_complex else x


def direction(x: Node, size: Node) -> Node:
    """x / |x|, and 0 at 0."""
    zero = eq(size, number(0, size))
    return where(zero, number(0, x), div(x, cast(where(zero, number(1, size), size), x.dtype)))


def times_i(x: Node) -> Node:
    """i x of a complex value."""
    return join(neg(imag(x)), real(x))
