"""Small pieces that the gradients of factorisations are made of."""

from __future__ import annotations

import math

from ...core.shapes import Shape
from ..node import Node
from .complex import conj
from .contraction import matmul
from .movement import expand, reshape, slice_along, swap_last
from .pointwise import add, eq, ge, le, neg, number, scaled, sub, where
from .reduce import iota, sum_


def adjoint(x: Node) -> Node:
    """The conjugate transpose."""
    return conj(swap_last(x))


def on_diagonal(x: Node, offset: int = 0) -> Node:
    """Where a matrix has its diagonal, as bools (rows, columns)."""
    rows, columns = x.shape[-2:]
    return eq(iota(columns, 0), reshape(iota(rows, offset), (rows, 1)))


def lower(x: Node, offset: int = 0) -> Node:
    rows, columns = x.shape[-2:]
    return where(le(iota(columns, 0), reshape(iota(rows, offset), (rows, 1))), x, number(0, x))


def upper(x: Node, offset: int = 0) -> Node:
    rows, columns = x.shape[-2:]
    return where(ge(iota(columns, 0), reshape(iota(rows, offset), (rows, 1))), x, number(0, x))


def halved_diagonal(x: Node) -> Node:
    return where(on_diagonal(x), scaled(x, 0.5), x)


def diagonal_matrix(x: Node) -> Node:
    """(..., n) as the diagonal of (..., n, n)."""
    wide = expand(reshape(x, (*x.shape, 1)), (*x.shape, x.shape[-1]))
    return where(on_diagonal(wide), wide, number(0, x))


def diagonal_of(x: Node) -> Node:
    """The diagonal of square matrices."""
    return sum_(where(on_diagonal(x), x, number(0, x)), (len(x.shape) - 1,), False)


def identity(n: int, like: Node) -> Node:
    square = expand(number(0, like), (n, n))
    return where(on_diagonal(square), number(1, like), number(0, like))


def symmetric(x: Node) -> Node:
    return scaled(add(x, adjoint(x)), 0.5)


def skew(x: Node) -> Node:
    return sub(x, adjoint(x))


def as_column(x: Node) -> Node:
    return reshape(x, (*x.shape, 1))


def as_row(x: Node) -> Node:
    return reshape(x, (*x.shape[:-1], 1, x.shape[-1]))


def product(*factors: Node) -> Node:
    result = factors[0]
    for factor in factors[1:]:
        result = matmul(result, factor)
    return result


def minus_outer(g: Node, x: Node) -> Node:
    """-g x^H"""
    return neg(matmul(g, adjoint(x)))


def unpacked(packed: Node, shapes: tuple[Shape, ...]) -> list[Node]:
    """The parts that lie behind one another in the last dimension, each in its shape."""
    lead = packed.shape[:-1]
    parts = []
    start = 0
    for shape in shapes:
        stop = start + math.prod(shape)
        parts.append(reshape(slice_along(packed, len(lead), start, stop), (*lead, *shape)))
        start = stop
    return parts


def packed_shape(x: Node, shapes: tuple[Shape, ...]) -> Shape:
    return (*x.shape[:-2], sum(map(math.prod, shapes)))
