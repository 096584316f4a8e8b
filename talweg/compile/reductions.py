"""Sums written so that more of them are equal, and fewer wait for one another.

    sum_i c x_i = c sum_i x_i        for a factor c that is the same for all i

A factor is often the result of another sum, which the left side would have to wait for; and the same sum is often asked
for with several factors: of a normalisation's gradients only two sums over the data are left.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..core.shapes import Shape, broadcast_all, reduced
from ..graph import ops
from ..graph.node import Node, Op, constant_op


def simpler_reduction(op: Op, x: Node, dims: Shape, keepdim: bool) -> Node | None:
    """The same reduction without keepdim, and a sum with its constant factors outside; None if it is that already."""
    if keepdim:
        return ops.reshape(op(x, dims, False), reduced(x.shape, dims, True))
    if op is not ops.sum_ or not dims or not x.dtype.is_floating_point or x.dtype.itemsize < 4:
        return None
    if 0 in x.shape:  # the sum of nothing is 0, whatever the factor
        return None
    factors, negative = _factors(x)
    outside = [f for f in factors if _is_same(f, x, dims)]
    inside = [f for f in factors if f not in outside]
    if not inside or not (outside or negative):
        return None
    if broadcast_all(f.shape for f in inside) != x.shape:
        return None
    total = ops.sum_(_product(inside), dims, False)
    for factor in outside:
        total = ops.mul(total, _without(factor, x, dims))
    return ops.neg(total) if negative else total


def _factors(x: Node) -> tuple[list[Node], bool]:
    """x as a product, in an order that does not depend on how it was written, and whether its sign is changed."""
    found: list[Node] = []
    negative = False
    stack = [x]
    while stack:
        node = stack.pop()
        if node.op is ops.mul:
            stack.extend(node.inputs)
        elif node.op is ops.neg:
            negative = not negative
            stack.append(node.inputs[0])
        else:
            found.append(node)
    return sorted(found, key=lambda n: (n.op is constant_op, n.serial)), negative


def _repeated(factor: Node) -> Node:
    """What a factor is a repetition of."""
    while factor.op is ops.expand:
        factor = factor.inputs[0]
    return factor


def _is_same(factor: Node, x: Node, dims: Shape) -> bool:
    """Whether a factor of x does not change along dims."""
    shape = _repeated(factor).shape
    lead = len(x.shape) - len(shape)
    return all(d < lead or shape[d - lead] == 1 for d in dims)


def _without(factor: Node, x: Node, dims: Shape) -> Node:
    """A factor that does not change along dims, with those dimensions taken out."""
    source = _repeated(factor)
    lead = len(x.shape) - len(source.shape)
    return ops.reshape(source, tuple(size for d, size in enumerate(source.shape, lead) if d not in dims))


def _product(factors: Sequence[Node]) -> Node:
    total = factors[0]
    for factor in factors[1:]:
        total = ops.mul(total, factor)
    return total


def lifted(op: Op, sources: Sequence[Node], attrs: tuple) -> Node | None:
    """A pointwise operation of a reshape that only adds or drops dimensions of size 1, as that reshape of the
    operation: what is computed from a statistic is then the same in whatever shape it is asked for."""
    if op.kind != "pointwise" or len(sources) > 2:
        return None
    reshapes = [s for s in sources if s.op is ops.reshape]
    numbers = [s for s in sources if not s.shape and s.op is not ops.reshape]
    if not reshapes or len(reshapes) + len(numbers) != len(sources) or len({(s.shape, s.inputs[0].shape) for s in reshapes}) != 1:
        return None
    first = reshapes[0]
    if [s for s in first.shape if s != 1] != [s for s in first.inputs[0].shape if s != 1]:
        return None
    return ops.reshape(op(*(s.inputs[0] if s.op is ops.reshape else s for s in sources), *attrs), first.shape)


def unrepeated(op: Op, sources: Sequence[Node], attrs: tuple) -> Node | None:
    """A pointwise operation whose operands are not repeated where broadcasting does it."""
    if op.kind != "pointwise" or not any(s.op is ops.expand for s in sources) or len(sources) < 2:
        return None
    shape = broadcast_all(s.shape for s in sources)
    kept = list(sources)
    for i, source in enumerate(sources):
        short = [*kept[:i], _repeated(source), *kept[i + 1 :]]
        if broadcast_all(s.shape for s in short) == shape:
            kept = short
    return None if kept == list(sources) else op(*kept, *attrs)


def without_zero(op: Op, sources: Sequence[Node]) -> Node | None:
    """x + 0 and x - 0 are x (but for the sign of a zero)."""
    if op not in (ops.add, ops.sub) or len(sources) != 2:
        return None
    x, y = sources
    if _is_zero(y) and x.shape == broadcast_all((x.shape, y.shape)):
        return x
    return y if op is ops.add and _is_zero(x) and y.shape == broadcast_all((x.shape, y.shape)) else None


def _is_zero(node: Node) -> bool:
    source = _repeated(node)
    return source.op is constant_op and source.attrs[0] == 0
